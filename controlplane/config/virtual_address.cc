// See virtual_address.h. An entry is IP[/LENGTH] followed by options in any order, as in `ip addr`.
#include "controlplane/config/virtual_address.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

constexpr std::size_t label_max = 15;  // IFNAMSIZ with its final zero
constexpr std::int64_t scope_max = 255;

struct Scope {
    std::string_view name;
    std::uint8_t value;
};
// RT_SCOPE_* of <linux/rtnetlink.h>.
constexpr std::array scopes{Scope{"global", 0}, Scope{"site", 200}, Scope{"link", 253},
                            Scope{"host", 254}, Scope{"nowhere", 255}};

constexpr std::array<std::string_view, 5> options{"brd", "broadcast", "dev", "scope", "label"};
// What keepalived accepts beyond that, with the number of values that each takes.
struct ForeignOption {
    std::string_view name;
    std::size_t values;
};
constexpr std::array foreign_options{
    ForeignOption{"peer", 1},          ForeignOption{"home", 0},
    ForeignOption{"-nodad", 0},        ForeignOption{"mngtmpaddr", 0},
    ForeignOption{"noprefixroute", 0}, ForeignOption{"autojoin", 0},
    ForeignOption{"track_group", 1},   ForeignOption{"preferred_lft", 1},
    ForeignOption{"no_track", 0},      ForeignOption{"use_vmac", 0},
};

constexpr std::string_view notation =
    "write `IP[/LENGTH] [brd IP] [dev INTERFACE] [scope SCOPE] [label LABEL]`";

// The broadcast address of `prefix` (`ones`), or its network address.
IpAddress with_host_bits(const Prefix& prefix, bool ones) {
    const std::uint32_t address = prefix.address.as_v4().host();
    const std::uint32_t host_mask = prefix.length == 0 ? UINT32_MAX
                                    : prefix.length == 32
                                        ? 0
                                        : (std::uint32_t{1} << (32U - prefix.length)) - 1;
    return IpAddress::v4(Be32(ones ? address | host_mask : address & ~host_mask));
}

class EntryReader {
public:
    EntryReader(const Statement& entry, Report& report) : words_(entry.words), report_(report) {}

    // Absent: the entry is unusable, and that is reported.
    std::optional<VirtualAddress> run() {
        if (!read_prefix())
            return std::nullopt;
        // A wrong option ends the line, for what follows may belong to it. It costs the option, not
        // the address, as in keepalived.
        while (next_ < words_.size() && read_option()) {
        }
        if (on_unknown_device_)
            return std::nullopt;
        return std::move(address_);
    }

private:
    bool read_prefix() {
        const Word& word = words_[next_++];
        const auto prefix = Prefix::parse(word.text);
        if (!prefix) {
            const std::size_t slash = word.text.find('/');
            const bool is_length = IpAddress::parse(word.text.substr(0, slash)).has_value();
            const bool is_v6 = word.text.find(':') != std::string::npos;
            return refuse(word, !is_length ? "is not an IP address"
                                : is_v6    ? "has no prefix length from 0 to 128 behind its `/`"
                                           : "has no prefix length from 0 to 32 behind its `/`");
        }
        if (prefix->address.is_unspecified() || prefix->address.is_multicast())
            return refuse(word, "cannot be the address of a host");
        address_.prefix = *prefix;
        return true;
    }

    // One option with its value; false: the rest of the line is not to be read.
    bool read_option() {
        const Word& option = words_[next_++];
        const auto* const foreign =
            std::ranges::find(foreign_options, option.text, &ForeignOption::name);
        if (foreign != foreign_options.end()) {
            report_.warning(option.span,
                            fmt::format("`{}` is a keepalived option that this version of Headgate "
                                        "does not act on yet; it is ignored",
                                        foreign->name));
            next_ = std::min(words_.size(), next_ + foreign->values);
            return true;
        }
        if (std::ranges::find(options, option.text) == options.end())
            return refuse_option(option);
        if (next_ == words_.size()) {
            report_.error(option.span, fmt::format("{} needs a value", quote(option.text)),
                          std::string(notation));
            return false;
        }
        const Word& value = words_[next_++];
        if (option.text == "dev")
            return read_device(value);
        if (option.text == "label")
            return read_label(value);
        if (option.text == "scope")
            return read_scope(value);
        return read_broadcast(value);
    }

    bool refuse_option(const Word& option) {
        const std::string_view meant = nearest(option.text, options);
        std::string hint(notation);
        if (!meant.empty())
            hint = fmt::format("did you mean `{}`?", meant);
        else if (IpAddress::parse(option.text.substr(0, option.text.find('/'))))
            hint = "write each address on a line of its own";
        report_.error(option.span,
                      fmt::format("{} is not an option of a virtual address", quote(option.text)),
                      std::move(hint));
        return false;
    }

    bool read_device(const Word& value) {
        const auto name = read_interface(
            value, report_, "`dev` takes an interface, such as eth0; the address is left out");
        address_.interface = name.value_or("");
        on_unknown_device_ = !name;
        return name.has_value();
    }

    bool read_label(const Word& value) {
        if (value.text.empty() || value.text.size() > label_max) {
            report_.error(value.span, fmt::format("{} cannot be a label", quote(value.text)),
                          "a label has 1 to 15 characters, such as eth0:1; it is left out");
            return true;
        }
        address_.label = value.text;
        return true;
    }

    bool read_scope(const Word& value) {
        const auto* const scope = std::ranges::find(scopes, value.text, &Scope::name);
        if (scope != scopes.end()) {
            address_.scope = scope->value;
            return true;
        }
        const auto number =
            read_number(value, 0, scope_max, report_,
                        "a scope is global, site, link, host, nowhere or a number to 255; global "
                        "is used");
        address_.scope = static_cast<std::uint8_t>(number.value_or(0));
        return true;
    }

    bool read_broadcast(const Word& value) {
        if (!address_.prefix.address.is_v4()) {
            report_.error(value.span, "IPv6 has no broadcast", "remove `brd`; it is ignored");
            return true;
        }
        if (value.text == "+" || value.text == "-") {
            address_.broadcast = with_host_bits(address_.prefix, value.text == "+");
            return true;
        }
        const auto broadcast =
            read_address(value, report_, "`brd` takes an IP address, or + for the usual one");
        if (broadcast && !broadcast->is_v4())
            report_.error(value.span, "the broadcast address of an IPv4 address is IPv4",
                          "write `brd +`; it is left out");
        else
            address_.broadcast = broadcast;
        return true;
    }

    bool refuse(const Word& word, std::string_view why, std::string_view hint = notation) {
        report_.error(word.span, fmt::format("{} {}", quote(word.text), why), std::string(hint));
        return false;
    }

    std::span<const Word> words_;
    std::size_t next_ = 0;
    Report& report_;
    VirtualAddress address_;
    bool on_unknown_device_ = false;
};

}  // namespace

void read_virtual_addresses(const Context& context, const Value& value) {
    if (value.statement->body.empty()) {
        context.report.error(value.statement->keyword().span, "this block has no address in it",
                             std::string(notation));
    }
    for (const Statement& entry : value.statement->body) {
        if (entry.unusable)
            continue;
        if (entry.has_block) {
            context.report.error(entry.keyword().span, "a virtual address has no block",
                                 std::string(notation) + "; the block is ignored");
        }
        if (auto address = EntryReader(entry, context.report).run())
            context.instance->addresses.push_back({std::move(*address), entry.keyword().span});
    }
}

}  // namespace headgate::config
