// RouteReader: the words of one line of virtual_routes or static_routes become a Route. The grammar
// is that of `ip route add`, without shortened words, and with what older files of keepalived have:
// "gw" for "via", "or" for a second next hop. Used by route_entry.cc and route_tunnel.cc only.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include "controlplane/config/entry_options.h"
#include "controlplane/config/entry_words.h"
#include "controlplane/config/route_entry.h"

namespace headgate::config {

inline constexpr std::string_view notation =
    "write `[TYPE] NETWORK [via IP] [dev INTERFACE] [src IP] [table TABLE] [metric NUMBER]` and so "
    "on, as for `ip route add`";

inline constexpr std::array types{NamedNumber{"unicast", RTN_UNICAST},
                                  NamedNumber{"local", RTN_LOCAL},
                                  NamedNumber{"broadcast", RTN_BROADCAST},
                                  NamedNumber{"anycast", RTN_ANYCAST},
                                  NamedNumber{"multicast", RTN_MULTICAST},
                                  NamedNumber{"blackhole", RTN_BLACKHOLE},
                                  NamedNumber{"unreachable", RTN_UNREACHABLE},
                                  NamedNumber{"prohibit", RTN_PROHIBIT},
                                  NamedNumber{"throw", RTN_THROW}};

// A metric with a number. `scale`: the kernel's units in one of ours; 0: it is no time.
struct Metric {
    std::string_view name;
    std::uint16_t attribute;
    bool lockable;
    std::uint32_t scale;
    std::uint32_t maximum;
};
inline constexpr std::array metrics{
    Metric{"mtu", RTAX_MTU, true, 0, UINT32_MAX},
    Metric{"hoplimit", RTAX_HOPLIMIT, false, 0, 255},
    Metric{"advmss", RTAX_ADVMSS, true, 0, UINT32_MAX},
    Metric{"rtt", RTAX_RTT, true, 8, UINT32_MAX / 8},
    Metric{"rttvar", RTAX_RTTVAR, true, 4, UINT32_MAX / 4},
    Metric{"rto_min", RTAX_RTO_MIN, true, 1, UINT32_MAX},
    Metric{"reordering", RTAX_REORDERING, true, 0, UINT32_MAX},
    Metric{"window", RTAX_WINDOW, false, 0, UINT32_MAX},
    Metric{"cwnd", RTAX_CWND, true, 0, UINT32_MAX},
    Metric{"ssthresh", RTAX_SSTHRESH, true, 0, UINT32_MAX},
    Metric{"initcwnd", RTAX_INITCWND, false, 0, UINT32_MAX},
    Metric{"initrwnd", RTAX_INITRWND, false, 0, UINT32_MAX},
    Metric{"quickack", RTAX_QUICKACK, false, 0, 1},
    Metric{"fastopen_no_cookie", RTAX_FASTOPEN_NO_COOKIE, false, 0, 1},
};

inline constexpr std::size_t hops_max = 64;
inline constexpr std::size_t labels_max = 16;
inline constexpr std::size_t congestion_control_max = 15;  // TCP_CA_NAME_MAX with its final zero

class RouteReader {
public:
    RouteReader(const Statement& line, EntryOwner owner, RouteNames& names, Report& report)
        : words_(line.words, "route", notation, names, report), owner_(owner), line_(line) {}

    std::optional<Route> run() {
        while (!words_.at_end()) {
            if (words_.peek() == "nexthop") {
                if (!read_hops())
                    return std::nullopt;
                break;
            }
            if (!read_option(words_.take()))
                return std::nullopt;
        }
        return finish();
    }

private:
    using Option = EntryOption<RouteReader>;
    static std::span<const Option> options();

    bool read_option(const Word& word) {
        if (const auto read = read_option_of(options(), *this, word))
            return *read;
        const auto* const metric = std::ranges::find(metrics, word.text, &Metric::name);
        if (metric != metrics.end())
            return read_kernel_metric(*metric);
        const auto* const type = std::ranges::find(types, word.text, &NamedNumber::name);
        if (type == types.end())
            return set_destination(word);
        route_.type = type->value;
        return words_.at_end() ? words_.refuse(word, "needs a network")
                               : set_destination(words_.take());
    }

    bool read_family(const Word& option) { return words_.read_family(option); }

    bool read_destination(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        const auto* const type = std::ranges::find(types, word->text, &NamedNumber::name);
        return type == types.end() ? set_destination(*word) : read_option(*word);
    }

    bool set_destination(const Word& word) {
        if (const std::string_view meant = suggestion(word); !meant.empty())
            return words_.refuse(word, "is not an option of a route",
                                 fmt::format("did you mean `{}`?", meant));
        if (has_destination_)
            return words_.refuse(word, "is one network too many");
        const auto prefix = words_.prefix(word, words_.family());
        if (!prefix)
            return false;
        has_destination_ = true;
        route_.destination = *prefix;
        // "default" is of the family that the rest of the line has.
        return prefix->length == 0 && word.text.find('/') == std::string::npos &&
                       word.text != "default6"
                   ? true
                   : words_.settle(word, prefix->address.family());
    }

    static std::string_view suggestion(const Word& word) {
        if (Prefix::parse(word.text) || word.text.find_first_of(".:/") != std::string::npos)
            return {};
        if (word.text == "default" || word.text == "all" || word.text == "any" ||
            word.text == "default6")
            return {};
        return nearest_in(word.text, std::array{NamedNumber{"nexthop", 0}}, options(), metrics,
                          types);
    }

    // The one hop of a route without `nexthop`.
    NextHop& hop() {
        if (route_.hops.empty())
            route_.hops.emplace_back();
        return route_.hops.front();
    }

    // A gateway may be IPv6 in a route of IPv4, if that is said.
    bool read_gateway(const Word& option, NextHop& hop) {
        std::optional<Family> said;
        if (words_.take_if("inet6"))
            said = Family::ipv6;
        else if (words_.take_if("inet"))
            said = Family::ipv4;
        hop.via = words_.address();
        if (!hop.via)
            return false;
        if (said && *said != hop.via->family())
            return words_.refuse_mixed_families(option);
        if (said == Family::ipv6 && words_.family() == Family::ipv4)
            return true;
        return words_.settle(option, hop.via->family());
    }

    bool read_via(const Word& option) { return read_gateway(option, hop()); }

    bool read_second_via(const Word& option) {
        if (route_.hops.size() != 1 || !route_.hops.front().via)
            return words_.refuse(option, "stands behind one `via` only",
                                 "write `nexthop via IP nexthop via IP`");
        NextHop second;
        if (!read_gateway(option, second))
            return false;
        second.interface = route_.hops.front().interface;
        route_.hops.push_back(std::move(second));
        return true;
    }

    bool read_interface(const Word&) {
        const auto name = words_.interface();
        for (NextHop* each = &hop(); name && each != route_.hops.data() + route_.hops.size();
             ++each)
            each->interface = *name;
        return name.has_value();
    }

    bool read_source(const Word& option) {
        route_.source = words_.address();
        return route_.source && words_.settle(option, route_.source->family());
    }

    bool read_from(const Word& option) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        route_.from = words_.prefix(*word, Family::ipv6);
        if (!route_.from)
            return false;
        if (route_.from->address.is_v4())
            return words_.refuse(*word, "is IPv4: only IPv6 routes have `from`",
                                 "write a rule with `from`, and a table");
        return words_.settle(option, Family::ipv6);
    }

    bool read_tos(const Word&) { return words_.read_named(RouteNames::Kind::dsfield, route_.tos); }

    bool read_table(const Word&) {
        return words_.read_named(RouteNames::Kind::table, route_.table);
    }

    bool read_protocol(const Word&) {
        return words_.read_named(RouteNames::Kind::protocol, route_.protocol);
    }

    bool read_scope(const Word&) {
        return words_.read_named(RouteNames::Kind::scope, route_.scope.emplace());
    }

    bool read_metric(const Word&) {
        route_.metric = words_.u32();
        return route_.metric.has_value();
    }

    bool read_onlink(const Word&) {
        hop().onlink = true;
        return true;
    }

    bool read_realms(const Word& option) {
        const auto realms = words_.realms();
        if (!realms || !words_.settle(option, Family::ipv4))
            return false;
        hop().realms = *realms;
        return true;
    }

    bool read_expires(const Word& option) {
        route_.expires_s = words_.u32();
        return route_.expires_s && words_.settle(option, Family::ipv6);
    }

    bool read_features(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        if (word->text != "ecn")
            return words_.refuse(*word, "is not a feature of a route", "the only one is `ecn`");
        route_.metrics.push_back({.attribute = RTAX_FEATURES, .value = RTAX_FEATURE_ECN});
        return true;
    }

    bool read_congestion_control(const Word&) {
        route_.congestion_control_locked = words_.take_if("lock");
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        if (word->text.empty() || word->text.size() > congestion_control_max)
            return words_.refuse(*word, "is not a congestion control", "such as `congctl cubic`");
        route_.congestion_control = word->text;
        return true;
    }

    bool read_preference(const Word& option) {
        constexpr std::array names{NamedNumber{"medium", 0}, NamedNumber{"high", 1},
                                   NamedNumber{"low", 3}};
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        const auto* const found = std::ranges::find(names, word->text, &NamedNumber::name);
        if (found == names.end())
            return words_.refuse(*word, "is not a preference", "write low, medium or high");
        route_.preference = found->value;
        return words_.settle(option, Family::ipv6);
    }

    bool read_ttl_propagate(const Word&) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return false;
        if (word->text != "enabled" && word->text != "disabled")
            return words_.refuse(*word, "is neither enabled nor disabled");
        route_.ttl_propagate = word->text == "enabled" ? 1 : 0;
        return true;
    }

    bool read_place(const Word& option) {
        route_.place = option.text == "append" ? Route::Place::append
                       : option.text == "add"  ? Route::Place::add
                                               : Route::Place::prepend;
        return true;
    }

    bool read_no_track(const Word&) {
        route_.tracked = false;
        return true;
    }

    bool read_track_group(const Word& option) {
        return words_.read_track_group(option, owner_ == EntryOwner::host, route_.track_group);
    }

    bool refuse_option(const Word& option) {
        return option.text == "vrf"
                   ? words_.refuse(option, "is not carried: a VRF is a routing table",
                                   "write `table` with the table of the VRF")
                   : words_.refuse(option, "is for NAT by routes, which Linux no longer has",
                                   "remove it");
    }

    bool read_kernel_metric(const Metric& metric) {
        const bool locked = metric.lockable && words_.take_if("lock");
        const auto value = metric.scale == 0 ? words_.u32(0, metric.maximum) : read_ms(metric);
        if (!value)
            return false;
        route_.metrics.push_back({.attribute = metric.attribute,
                                  .value = *value * std::max(metric.scale, 1U),
                                  .locked = locked});
        return true;
    }

    // A time: milliseconds, or with a unit.
    std::optional<std::uint32_t> read_ms(const Metric& metric) {
        const Word* const word = words_.take_value();
        if (word == nullptr)
            return std::nullopt;
        constexpr std::uint64_t ms_per_s = 1000;
        std::string_view text = word->text;
        const std::size_t unit = std::min(text.find_first_not_of("0123456789"), text.size());
        const std::string_view suffix = text.substr(unit);
        const bool in_seconds = suffix == "s" || suffix == "sec" || suffix == "secs";
        const bool in_ms =
            suffix.empty() || suffix == "ms" || suffix == "msec" || suffix == "msecs";
        const auto number = unsigned_of(text.substr(0, unit));
        if (number && (in_seconds || in_ms)) {
            const std::uint64_t factor = in_seconds ? ms_per_s : 1;
            if (*number <= metric.maximum / factor)
                return static_cast<std::uint32_t>(*number * factor);
        }
        words_.refuse(*word, "is not a time",
                      fmt::format("write milliseconds, or `{} 1s`", metric.name));
        return std::nullopt;
    }

    bool read_encap(const Word&);
    bool read_labels(Encapsulation& tunnel);
    bool read_tunnel(Encapsulation& tunnel);
    bool read_tunnel_value(Encapsulation& tunnel, const Word& option);
    bool read_hops();
    bool read_hop_option(NextHop& hop, const Word& option);
    std::optional<Route> finish();

    EntryWords words_;
    EntryOwner owner_;
    const Statement& line_;
    Route route_;
    bool has_destination_ = false;
    NextHop* encapsulated_ = nullptr;  // the hop that `encap` is read for; null: the only one
};

}  // namespace headgate::config
