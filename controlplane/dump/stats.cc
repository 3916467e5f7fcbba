#include "controlplane/dump/stats.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

namespace headgate::dump {

namespace {

// Which of keepalived's counters an advert that was refused belongs to. keepalived has none for a
// wrong version, checksum or destination. It does not count an authentication header where there
// should be none, nor a missing one, since it does not even receive them; and 2.2.7 has no
// auth_hmac. Here they count as what they are.
struct Attribution {
    std::string_view error;
    std::uint64_t Stats::*counter;
};

constexpr Attribution attributions[] = {
    {"length", &Stats::length_errors},
    {"ttl", &Stats::ttl_errors},
    {"peer_ttl", &Stats::ttl_errors},
    {"type", &Stats::type_errors},
    {"advert_interval", &Stats::interval_errors},
    {"address_list", &Stats::address_list_errors},
    {"address_list_strict", &Stats::address_list_errors},
    {"auth_type", &Stats::auth_type_mismatch},
    {"auth_header_missing", &Stats::auth_type_mismatch},
    {"auth_header_unexpected", &Stats::auth_type_mismatch},
    {"hmac_missing", &Stats::auth_type_mismatch},
    {"hmac_unexpected", &Stats::auth_type_mismatch},
    {"auth_pass", &Stats::auth_failures},
    {"auth_header_wrong", &Stats::auth_failures},
    {"auth_header_spi", &Stats::auth_failures},
    {"auth_header_replay", &Stats::auth_failures},
    {"hmac_malformed", &Stats::auth_failures},
    {"hmac_stale", &Stats::auth_failures},
    {"hmac_unknown_key", &Stats::auth_failures},
    {"hmac_wrong", &Stats::auth_failures},
    {"hmac_replay", &Stats::auth_failures},
};

constexpr std::array counters{
    &Stats::adverts_received,
    &Stats::adverts_sent,
    &Stats::became_master,
    &Stats::released_master,
    &Stats::length_errors,
    &Stats::ttl_errors,
    &Stats::type_errors,
    &Stats::interval_errors,
    &Stats::address_list_errors,
    &Stats::auth_type_invalid,
    &Stats::auth_type_mismatch,
    &Stats::auth_failures,
    &Stats::priority_zero_received,
    &Stats::priority_zero_sent,
};

}  // namespace

Stats stats_of(const vrrp::InstanceStatus& instance) {
    Stats stats{.adverts_received = instance.adverts_received,
                .adverts_sent = instance.adverts_sent,
                .became_master = instance.became_master,
                .released_master = instance.released_master,
                .priority_zero_received = instance.priority_zero_received,
                .priority_zero_sent = instance.priority_zero_sent};
    for (const vrrp::NamedCount& error : instance.advert_errors) {
        const auto* const found = std::ranges::find(attributions, error.name, &Attribution::error);
        if (found != std::end(attributions))
            stats.*found->counter += error.count;
    }
    return stats;
}

Stats since(const Stats& now, const Stats& before) {
    const bool began_anew =
        std::ranges::any_of(counters, [&](auto counter) { return now.*counter < before.*counter; });
    if (began_anew)
        return now;
    Stats difference;
    for (const auto counter : counters)
        difference.*counter = now.*counter - before.*counter;
    return difference;
}

Stats stats_since(const vrrp::InstanceStatus& instance, const Baseline& baseline) {
    const auto before = baseline.find(instance.name);
    return since(stats_of(instance), before == baseline.end() ? Stats{} : before->second);
}

std::string render_stats(const std::vector<vrrp::InstanceStatus>& instances,
                         const Baseline& baseline) {
    std::string text;
    for (const vrrp::InstanceStatus& instance : instances) {
        const Stats stats = stats_since(instance, baseline);
        text += fmt::format(
            "VRRP Instance: {}\n"
            "  Advertisements:\n"
            "    Received: {}\n"
            "    Sent: {}\n"
            "  Became master: {}\n"
            "  Released master: {}\n"
            "  Packet Errors:\n"
            "    Length: {}\n"
            "    TTL: {}\n"
            "    Invalid Type: {}\n"
            "    Advertisement Interval: {}\n"
            "    Address List: {}\n"
            "  Authentication Errors:\n"
            "    Invalid Type: {}\n"
            "    Type Mismatch: {}\n"
            "    Failure: {}\n"
            "  Priority Zero:\n"
            "    Received: {}\n"
            "    Sent: {}\n",
            instance.name, stats.adverts_received, stats.adverts_sent, stats.became_master,
            stats.released_master, stats.length_errors, stats.ttl_errors, stats.type_errors,
            stats.interval_errors, stats.address_list_errors, stats.auth_type_invalid,
            stats.auth_type_mismatch, stats.auth_failures, stats.priority_zero_received,
            stats.priority_zero_sent);
    }
    return text;
}

}  // namespace headgate::dump
