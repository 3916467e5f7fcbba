// See rule_entry.h. The grammar is that of `ip rule add`, without shortened words.
#include "controlplane/config/rule_entry.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <linux/fib_rules.h>

#include "controlplane/config/entry_options.h"
#include "controlplane/config/entry_words.h"

namespace headgate::config {
namespace {

constexpr std::string_view rule_notation =
    "write `[from NETWORK] [to NETWORK] [fwmark MARK] ... table TABLE preference NUMBER`, as for "
    "`ip rule add`";

constexpr std::array actions{
    NamedNumber{"blackhole", FR_ACT_BLACKHOLE}, NamedNumber{"unreachable", FR_ACT_UNREACHABLE},
    NamedNumber{"prohibit", FR_ACT_PROHIBIT}, NamedNumber{"nop", FR_ACT_NOP}};
// IANA's numbers of what has ports, and the usual others.
constexpr std::array ip_protocols{
    NamedNumber{"icmp", 1},  NamedNumber{"tcp", 6},        NamedNumber{"udp", 17},
    NamedNumber{"dccp", 33}, NamedNumber{"gre", 47},       NamedNumber{"esp", 50},
    NamedNumber{"ah", 51},   NamedNumber{"ipv6-icmp", 58}, NamedNumber{"sctp", 132}};

class RuleReader {
public:
    RuleReader(const Statement& line, EntryOwner owner, RouteNames& names, Report& report)
        : words_(line.words, "rule", rule_notation, names, report), owner_(owner), line_(line) {}

    std::optional<Rule> run() {
        while (!words_.at_end()) {
            if (!read_option(words_.take()))
                return std::nullopt;
        }
        return finish();
    }

private:
    using Option = EntryOption<RuleReader>;
    static std::span<const Option> options();

    bool read_option(const Word& word) {
        if (const auto read = read_option_of(options(), *this, word))
            return *read;
        if (set_action(word))
            return true;
        const std::string_view meant = nearest_in(word.text, options(), actions);
        return words_.refuse(
            word, "is not an option of a rule",
            meant.empty() ? std::string(rule_notation) : fmt::format("did you mean `{}`?", meant));
    }

    bool set_action(const Word& word) {
        const auto* const action = std::ranges::find(actions, word.text, &NamedNumber::name);
        if (action == actions.end())
            return false;
        rule_.action = action->value;
        has_action_ = true;
        return true;
    }

    bool read_family(const Word& option) { return words_.read_family(option); }

    bool read_flag(const Word& option) {
        if (option.text == "not")
            rule_.inverted = true;
        else if (option.text == "no_track")
            rule_.tracked = false;
        else
            rule_.l3mdev = has_action_ = true;
        return true;
    }

    bool read_network(const Word& option) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        const auto prefix = words_.prefix(*word, words_.family());
        if (!prefix)
            return false;
        if (prefix->length == 0)
            return true;
        (option.text == "from" ? rule_.from : rule_.to) = prefix;
        return words_.settle(*word, prefix->address.family());
    }

    bool read_preference(const Word&) {
        const auto preference = words_.u32(1);
        rule_.preference = preference.value_or(0);
        return preference.has_value();
    }

    bool read_tos(const Word&) { return words_.read_named(RouteNames::Kind::dsfield, rule_.tos); }

    // MARK[/MASK]
    bool read_mark(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        const std::string_view text = word->text;
        const std::size_t slash = text.find('/');
        const bool has_mask = slash != std::string_view::npos;
        const auto mark = unsigned_of(text.substr(0, slash));
        const auto mask = has_mask ? unsigned_of(text.substr(slash + 1)) : UINT32_MAX;
        if (!mark || !mask || *mark > UINT32_MAX || *mask > UINT32_MAX)
            return words_.refuse(*word, "is not a mark", "write `fwmark MARK[/MASK]`");
        rule_.mark = static_cast<std::uint32_t>(*mark);
        if (has_mask)
            rule_.mark_mask = static_cast<std::uint32_t>(*mask);
        return true;
    }

    bool read_interface(const Word& option) {
        const auto name = words_.interface();
        (option.text == "oif" ? rule_.out_interface : rule_.in_interface) = name.value_or("");
        return name.has_value();
    }

    bool read_table(const Word&) {
        rule_.action = FR_ACT_TO_TBL;
        has_action_ = true;
        return words_.read_named(RouteNames::Kind::table, rule_.table);
    }

    bool read_goto(const Word&) {
        const auto target = words_.u32(1);
        rule_.target = target.value_or(0);
        rule_.action = FR_ACT_GOTO;
        has_action_ = true;
        return target.has_value();
    }

    bool read_realms(const Word& option) {
        const auto realms = words_.realms();
        rule_.realms = realms.value_or(0);
        return realms && words_.settle(option, Family::ipv4);
    }

    bool read_suppression(const Word& option) {
        constexpr std::uint32_t bits_max = 128;
        if (option.text == "suppress_ifgroup") {
            rule_.suppress_interface_group = words_.named(RouteNames::Kind::group, INT32_MAX);
            return rule_.suppress_interface_group.has_value();
        }
        rule_.suppress_prefix_length = words_.u32(0, bits_max);
        return rule_.suppress_prefix_length.has_value();
    }

    bool read_tunnel(const Word&) {
        rule_.tunnel_id = words_.number(1, UINT64_MAX);
        return rule_.tunnel_id.has_value();
    }

    bool read_range(const Word& option) {
        const bool is_user = option.text == "uidrange";
        const auto range = words_.range(is_user ? UINT32_MAX - 1 : UINT16_MAX);
        (is_user                  ? rule_.users
         : option.text == "sport" ? rule_.source_ports
                                  : rule_.destination_ports) = range;
        return range.has_value();
    }

    bool read_ip_protocol(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        std::string name = word->text;
        std::ranges::transform(name, name.begin(), [](unsigned char letter) {
            return static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
        });
        const auto* const known = std::ranges::find(ip_protocols, name, &NamedNumber::name);
        const auto number = known != ip_protocols.end() ? known->value : unsigned_of(name);
        if (!number || *number == 0 || *number > UINT8_MAX)
            return words_.refuse(*word, "is not an IP protocol",
                                 "write tcp, udp, sctp or a number from 1 to 255");
        rule_.ip_protocol = static_cast<std::uint8_t>(*number);
        return true;
    }

    bool read_protocol(const Word&) {
        return words_.read_named(RouteNames::Kind::protocol, rule_.protocol);
    }

    bool read_type(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        return set_action(*word) || word->text == "unicast" ||
               words_.refuse(*word, "is not the type of a rule",
                             "write blackhole, unreachable, prohibit or nop");
    }

    bool read_track_group(const Word& option) {
        return words_.read_track_group(option, owner_ == EntryOwner::host, rule_.track_group);
    }

    std::optional<Rule> finish() {
        const Word& first = line_.keyword();
        if (!has_action_) {
            words_.refuse(first, "begins a rule that does nothing",
                          "add `table TABLE`, `goto PREFERENCE` or an action such as `blackhole`");
            return std::nullopt;
        }
        const bool has_ports = rule_.source_ports || rule_.destination_ports;
        if (has_ports && !rule_.ip_protocol) {
            words_.refuse(first, "begins a rule with ports and without a protocol",
                          "add `ip_proto tcp` or another");
            return std::nullopt;
        }
        rule_.family = words_.family().value_or(Family::ipv4);
        return std::move(rule_);
    }

    EntryWords words_;
    EntryOwner owner_;
    const Statement& line_;
    Rule rule_;
    bool has_action_ = false;
};

std::span<const RuleReader::Option> RuleReader::options() {
    static constexpr std::array table{
        Option{"inet", &RuleReader::read_family},
        Option{"inet6", &RuleReader::read_family},
        Option{"not", &RuleReader::read_flag},
        Option{"from", &RuleReader::read_network},
        Option{"to", &RuleReader::read_network},
        Option{"preference", &RuleReader::read_preference},
        Option{"priority", &RuleReader::read_preference},
        Option{"order", &RuleReader::read_preference},
        Option{"tos", &RuleReader::read_tos},
        Option{"dsfield", &RuleReader::read_tos},
        Option{"fwmark", &RuleReader::read_mark},
        Option{"iif", &RuleReader::read_interface},
        Option{"dev", &RuleReader::read_interface},
        Option{"oif", &RuleReader::read_interface},
        Option{"table", &RuleReader::read_table},
        Option{"lookup", &RuleReader::read_table},
        Option{"goto", &RuleReader::read_goto},
        Option{"realms", &RuleReader::read_realms},
        Option{"suppress_prefixlength", &RuleReader::read_suppression},
        Option{"suppress_prefixlen", &RuleReader::read_suppression},
        Option{"suppress_ifgroup", &RuleReader::read_suppression},
        Option{"tun_id", &RuleReader::read_tunnel},
        Option{"l3mdev", &RuleReader::read_flag},
        Option{"uidrange", &RuleReader::read_range},
        Option{"ip_proto", &RuleReader::read_ip_protocol},
        Option{"ipproto", &RuleReader::read_ip_protocol},
        Option{"sport", &RuleReader::read_range},
        Option{"dport", &RuleReader::read_range},
        Option{"protocol", &RuleReader::read_protocol},
        Option{"type", &RuleReader::read_type},
        Option{"no_track", &RuleReader::read_flag},
        Option{"track_group", &RuleReader::read_track_group},
    };
    return table;
}

}  // namespace

std::optional<Rule> read_rule(const Statement& line, EntryOwner owner, RouteNames& names,
                              Report& report) {
    return RuleReader(line, owner, names, report).run();
}

}  // namespace headgate::config
