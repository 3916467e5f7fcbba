// See finish.h: BFD sessions.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

constexpr std::uint8_t ttl_sent = 255;
// What keepalived sends to an IPv6 neighbor, and so all that can be expected of one.
constexpr std::uint8_t hop_limit_of_keepalived = 64;
constexpr int any_hops = 255;

class BfdFinisher {
public:
    BfdFinisher(const BfdDraft& draft, Report& report) : draft_(draft), report_(report) {}

    // Absent: the session cannot run.
    std::optional<BfdInstance> run() {
        instance_.name = draft_.name;
        if (!set_addresses())
            return std::nullopt;
        instance_.min_rx = value_or(draft_.min_rx, instance_.min_rx);
        instance_.min_tx = value_or(draft_.min_tx, instance_.min_tx);
        instance_.idle_tx = value_or(draft_.idle_tx, instance_.idle_tx);
        instance_.multiplier = value_or(draft_.multiplier, instance_.multiplier);
        instance_.passive = draft_.passive;
        instance_.multihop = value_or(draft_.multihop, instance_.multihop);
        if (draft_.for_vrrp || draft_.for_checkers) {
            instance_.for_vrrp = draft_.for_vrrp;
            instance_.for_checkers = draft_.for_checkers;
        }
        set_ttl();
        return std::move(instance_);
    }

private:
    bool set_addresses() {
        if (!draft_.neighbor) {
            if (!draft_.mentions.contains("neighbor_ip") &&
                !draft_.mentions.contains("neighbour_ip"))
                report_.error(draft_.where, "this bfd_instance has no `neighbor_ip`",
                              "write `neighbor_ip` and the address of the neighbor; without it "
                              "the block is left out");
            return false;
        }
        if (!is_usable(*draft_.neighbor) || (draft_.source && !is_usable(*draft_.source)))
            return false;
        instance_.neighbor = draft_.neighbor->value;
        if (!draft_.source)
            return true;
        if (draft_.source->value.family() != instance_.neighbor.family()) {
            report_.error(draft_.source->where,
                          fmt::format("`source_ip` and the neighbor {} are not of one family",
                                      instance_.neighbor.to_string()),
                          "write two IPv4 or two IPv6 addresses; the block is left out now");
            return false;
        }
        instance_.source = draft_.source->value;
        return true;
    }

    bool is_usable(const Located<IpAddress>& address) {
        const IpAddress& value = address.value;
        if (value.is_unspecified() || value.is_multicast()) {
            report_.error(address.where,
                          fmt::format("{} is not the address of a host", value.to_string()),
                          "write that of the one host; the block is left out now");
            return false;
        }
        if (is_link_local(value)) {
            report_.error(
                address.where,
                fmt::format("{} is a link-local address, which is not unique", value.to_string()),
                "write a global or a unique local address; the block is left out now");
            return false;
        }
        return true;
    }

    void set_ttl() {
        const bool is_v4 = instance_.neighbor.is_v4();
        instance_.ttl = value_or(draft_.ttl, ttl_sent);
        const int expected = value_or(draft_.ttl, is_v4 ? ttl_sent : hop_limit_of_keepalived);
        int hops = value_or(draft_.max_hops, 0);
        if (instance_.multihop && !draft_.max_hops && !draft_.mentions.contains("max_hops")) {
            report_.warning(draft_.multihop->where,
                            "`multihop` without `max_hops`: what comes over a router is refused",
                            "write `max_hops` and the number of routers on the way, or 255 for "
                            "any");
        }
        if (hops < 0 || hops == any_hops) {
            instance_.ttl_min.reset();
            return;
        }
        if (hops > expected) {
            report_.error(draft_.max_hops->where,
                          fmt::format("`max_hops` exceeds the TTL of {}", expected),
                          fmt::format("write at most {}, which is used now", expected));
            hops = expected;
        }
        instance_.ttl_min = static_cast<std::uint8_t>(expected - hops);
    }

    const BfdDraft& draft_;
    Report& report_;
    BfdInstance instance_;
};

// Whether a packet of the neighbor could be for either.
bool are_indistinct(const BfdInstance& left, const BfdInstance& right) {
    return left.neighbor == right.neighbor && left.multihop == right.multihop &&
           (!left.source || !right.source || *left.source == *right.source);
}

}  // namespace

std::vector<BfdInstance> finish_bfd_instances(const std::vector<BfdDraft>& drafts,
                                              TrackerCatalog& catalog, Report& report) {
    std::vector<BfdInstance> instances;
    std::map<std::string, Span> places_by_name;
    for (const BfdDraft& draft : drafts) {
        const auto [name, is_new_name] = places_by_name.emplace(draft.name, draft.where);
        if (!is_new_name) {
            report.error(draft.where, fmt::format("the name {} is taken", quote(draft.name)),
                         fmt::format("the bfd_instance on {} has it; give this one another name, "
                                     "it is left out now",
                                     line_of(name->second.location(), draft.where)));
            continue;
        }
        auto instance = BfdFinisher(draft, report).run();
        if (!instance)
            continue;
        const auto other = std::ranges::find_if(instances, [&](const BfdInstance& candidate) {
            return are_indistinct(candidate, *instance);
        });
        if (other != instances.end()) {
            report.error(
                draft.neighbor->where,
                fmt::format("bfd_instance {} has this neighbor already", quote(other->name)),
                "give each a `source_ip` of its own, or track that one; this one is "
                "left out now");
            continue;
        }
        if (instance->for_vrrp)
            catalog.add({TrackerKind::bfd, instance->name}, draft.weight, draft.where);
        instances.push_back(std::move(*instance));
    }
    return instances;
}

}  // namespace headgate::config
