// See virtual_address.h. An entry is IP[/LENGTH] followed by options in any order, as in `ip addr`.
#include "controlplane/config/virtual_address.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

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

constexpr std::array<std::string_view, 8> valued_options{
    "brd", "broadcast", "dev", "scope", "label", "peer", "preferred_lft", "track_group"};
struct Flag {
    std::string_view name;
    bool VirtualAddress::*member;
    bool value;
};
constexpr std::array flags{
    Flag{"home", &VirtualAddress::home, true},
    Flag{"nodad", &VirtualAddress::detect_duplicates, false},
    Flag{"-nodad", &VirtualAddress::detect_duplicates, true},
    Flag{"mngtmpaddr", &VirtualAddress::temporary_source, true},
    Flag{"noprefixroute", &VirtualAddress::prefix_route, false},
    Flag{"autojoin", &VirtualAddress::join_group, true},
    Flag{"no_track", &VirtualAddress::tracked, false},
    Flag{"use_vmac", &VirtualAddress::on_vmac, true},
};

constexpr std::string_view notation =
    "write `IP[/LENGTH] [brd IP] [dev INTERFACE] [scope SCOPE] [label LABEL]` and so on, as for "
    "`ip address add`";

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
    EntryReader(const Statement& entry, AddressRole role, Report& report)
        : words_(entry.words), role_(role), report_(report) {}

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
        // As keepalived: such an address is no source for connections that this host opens.
        constexpr std::uint8_t all_bits = 128;
        if (!has_preferred_lifetime_ && address_.prefix.length == all_bits)
            address_.preferred_s = 0;
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
        const auto* const flag = std::ranges::find(flags, option.text, &Flag::name);
        if (flag != flags.end()) {
            if (role_ == AddressRole::host && flag->member == &VirtualAddress::on_vmac)
                report_.error(option.span, "`use_vmac` is for the addresses of a vrrp_instance",
                              "remove it: a static address has the MAC address of its interface");
            else
                address_.*(flag->member) = flag->value;
            return true;
        }
        if (std::ranges::find(valued_options, option.text) == valued_options.end())
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
        if (option.text == "peer")
            return read_peer(value);
        if (option.text == "preferred_lft")
            return read_preferred_lifetime(value);
        if (option.text == "track_group")
            return read_track_group(option, value);
        return read_broadcast(value);
    }

    bool refuse_option(const Word& option) {
        std::vector<std::string_view> names(valued_options.begin(), valued_options.end());
        std::ranges::transform(flags, std::back_inserter(names), &Flag::name);
        const std::string_view meant = nearest(option.text, names);
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

    bool only_ipv4(const Word& value, std::string_view what) {
        if (address_.prefix.address.is_v4())
            return true;
        report_.error(value.span, fmt::format("an IPv6 address has no {}", what),
                      "remove it; it is left out");
        return false;
    }

    bool read_label(const Word& value) {
        if (!only_ipv4(value, "label"))
            return true;
        if (value.text.empty() || value.text.size() > label_max) {
            report_.error(value.span, fmt::format("{} cannot be a label", quote(value.text)),
                          "a label has 1 to 15 characters, such as eth0:1; it is left out");
            return true;
        }
        address_.label = value.text;
        return true;
    }

    bool read_scope(const Word& value) {
        if (!only_ipv4(value, "scope of its own"))
            return true;
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
        if (!only_ipv4(value, "broadcast address"))
            return true;
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

    // PEER[/LENGTH]: the length is that of the link between both.
    bool read_peer(const Word& value) {
        const auto peer = Prefix::parse(value.text);
        if (!peer || peer->address.family() != address_.prefix.address.family()) {
            report_.error(value.span,
                          fmt::format("{} is not an address of the same family", quote(value.text)),
                          "`peer` takes the other end's IP[/LENGTH]; it is left out");
            return true;
        }
        address_.peer = peer->address;
        address_.prefix.length = peer->length;
        return true;
    }

    bool read_preferred_lifetime(const Word& value) {
        has_preferred_lifetime_ = true;
        if (value.text == "forever") {
            address_.preferred_s.reset();
            return true;
        }
        const auto seconds = read_number(value, 0, UINT32_MAX - 1, report_,
                                         "`preferred_lft` takes seconds, or forever");
        if (seconds)
            address_.preferred_s = static_cast<std::uint32_t>(*seconds);
        return true;
    }

    bool read_track_group(const Word& option, const Word& value) {
        if (role_ == AddressRole::host)
            address_.track_group = value.text;
        else
            report_.error(option.span, "`track_group` is for static addresses",
                          "remove it: an instance watches its own; it is left out");
        return true;
    }

    bool refuse(const Word& word, std::string_view why, std::string_view hint = notation) {
        report_.error(word.span, fmt::format("{} {}", quote(word.text), why), std::string(hint));
        return false;
    }

    std::span<const Word> words_;
    std::size_t next_ = 0;
    AddressRole role_;
    Report& report_;
    VirtualAddress address_;
    bool has_preferred_lifetime_ = false;
    bool on_unknown_device_ = false;
};

}  // namespace

void read_addresses(const Statement& block, AddressRole role, Report& report,
                    std::vector<Located<VirtualAddress>>& addresses) {
    if (block.body.empty())
        report.error(block.keyword().span, "this block has no address in it",
                     std::string(notation));
    for (const Statement& entry : block.body) {
        if (entry.unusable)
            continue;
        if (entry.has_block)
            report.error(entry.keyword().span, "an address has no block",
                         std::string(notation) + "; the block is ignored");
        if (auto address = EntryReader(entry, role, report).run())
            addresses.push_back({std::move(*address), entry.keyword().span});
    }
}

void read_virtual_addresses(const Context& context, const Value& value) {
    read_addresses(*value.statement, AddressRole::advertised, context.report,
                   context.instance->addresses);
}

}  // namespace headgate::config
