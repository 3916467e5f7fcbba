// See finish.h: VRRP instances.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"
#include "controlplane/config/finish_election.h"

namespace headgate::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The address count of an advertisement is one byte.
constexpr std::size_t addresses_max = 255;
// RFC 9568 5.2.7: twelve bits of centiseconds.
constexpr milliseconds advert_unit_v3{10};
constexpr milliseconds advert_max_v3{40'950};

class InstanceFinisher {
public:
    InstanceFinisher(VrrpDraft draft, const GlobalDraft& global, const TrackerCatalog& catalog,
                     Report& report)
        : draft_(std::move(draft)), global_(global), catalog_(catalog), report_(report) {}

    // Absent: the instance cannot run.
    std::optional<VrrpInstance> run() {
        if (!draft_.vrid)
            return std::nullopt;  // reported where it was read
        instance_.name = draft_.name;
        instance_.location = draft_.where.location();
        instance_.interface = value_or(draft_.interface, instance_.interface);
        instance_.vrid = draft_.vrid->value;
        instance_.version =
            value_or(draft_.version, value_or(global_.vrrp_version, instance_.version));
        instance_.vip_lease = value_or(draft_.vip_lease, instance_.vip_lease);
        if (is_strict(draft_, global_))
            enforce_strict_protocol();
        instance_.announcing = finish_announcing(draft_.announce, global_);
        if (!finish_transport(draft_, global_, instance_, report_))
            return std::nullopt;
        finish_vmac(draft_, global_, instance_, report_);
        finish_ipvlan(draft_, global_, instance_, report_);
        set_election();
        finish_election(instance_, draft_.election, global_.election, report_);
        set_trackers();
        set_advert_interval();
        set_authentication();
        if (!set_addresses())
            return std::nullopt;
        set_accept();
        finish_held(draft_, instance_, report_);
        finish_address_vmacs(draft_, global_, instance_);
        return std::move(instance_);
    }

private:
    // What keepalived adds to the RFCs.
    void enforce_strict_protocol() {
        ElectionDraft& election = draft_.election;
        const ElectionDraft& all = global_.election;
        forbid("preempt_delay", election.preempt_delay, {}, Duration::zero());
        forbid("down_timer_adverts", election.down_timer_adverts, all.down_timer_adverts,
               Election{}.down_timer_adverts);
        forbid("higher_prio_send_advert", election.higher_prio_send_advert,
               all.higher_prio_send_advert, false);
        forbid("lower_prio_no_advert", election.lower_prio_no_advert, all.lower_prio_no_advert,
               true);
        // By default it is keepalived's rule, not the RFC's (5798 6.4.3).
        election.lower_prio_no_advert = {true, draft_.where};
        forbid("garp_master_refresh", draft_.announce.refresh, global_.announce.refresh,
               seconds::zero());
        forbid("vmac_xmit_base", draft_.vmac.send_from_base, {}, false);
    }

    template <typename T>
    void forbid(std::string_view keyword, Setting<T>& own, const Setting<T>& global,
                const T& rule) {
        const Setting<T> said = own ? own : global;
        if (!said || said->value == rule)
            return;
        report_.error(said->where,
                      fmt::format("strict mode does not allow this `{}`; it is ignored", keyword),
                      "remove it, or `vrrp_strict` and `strict_mode`");
        own = {rule, said->where};
    }

    void set_election() {
        instance_.initial_state = value_or(draft_.state, instance_.initial_state);
        const bool starts_as_master = instance_.initial_state == VrrpInitialState::master;
        instance_.priority =
            value_or(draft_.priority, starts_as_master ? owner_priority : instance_.priority);
        if (is_strict(draft_, global_))
            enforce_strict_state();
        if (!draft_.preempt || draft_.preempt->value)
            return;
        const Span& where = draft_.preempt->where;
        if (starts_as_master) {
            report_.warning(where, "`nopreempt` has no effect with `state MASTER`",
                            "write `state BACKUP` on this router too; the router with the highest "
                            "priority still becomes MASTER first");
        } else if (instance_.priority == owner_priority) {
            report_.warning(
                where, "`nopreempt` has no effect with `priority 255`",
                "write a priority from 1 to 254: 255 is for the owner of the addresses, "
                "which always takes over");
        } else {
            instance_.preempt = false;
        }
    }

    // The state to start in follows from the priority.
    void enforce_strict_state() {
        const bool owner = instance_.priority == owner_priority;
        const auto wanted = owner ? VrrpInitialState::master : VrrpInitialState::backup;
        if (draft_.state && draft_.state->value != wanted)
            report_.error(
                draft_.state->where,
                owner ? "strict mode: the router with `priority 255` starts as MASTER"
                      : "strict mode: only the router with `priority 255` starts as "
                        "MASTER",
                fmt::format("write `state {}`, which is used now", owner ? "MASTER" : "BACKUP"));
        instance_.initial_state = wanted;
    }

    void set_trackers() {
        instance_.track_primary = draft_.track_primary;
        instance_.trackers = catalog_.resolve(draft_.trackers, report_);
        if (instance_.priority != owner_priority)
            return;
        for (const TrackerUse& use : instance_.trackers) {
            if (use.weight == 0)
                continue;
            report_.warning(draft_.where,
                            fmt::format("the weight of {} does not change `priority 255`",
                                        quote(use.tracker.name)),
                            "write a priority from 1 to 254, or `weight 0` for a FAULT");
        }
    }

    void set_advert_interval() {
        if (!draft_.advert_interval)
            return;
        const auto [wanted, where] = *draft_.advert_interval;
        Duration& interval = instance_.advert_interval;
        const auto in_seconds = [](Duration duration) {
            return std::chrono::duration<double>(duration).count();
        };
        if (instance_.version == 2) {
            interval = std::max<Duration>(seconds(1), std::chrono::round<seconds>(wanted));
            if (interval != wanted)
                report_.error(
                    where, "VRRP version 2 advertises at whole seconds",
                    fmt::format("write `advert_int {}`, which is used now, or `version 3` "
                                "on all routers",
                                in_seconds(interval)));
            return;
        }
        const auto units = (wanted + Duration(advert_unit_v3) / 2) / Duration(advert_unit_v3);
        interval = std::min<Duration>(advert_max_v3, units * Duration(advert_unit_v3));
        if (interval != wanted)
            report_.error(
                where, "VRRP version 3 advertises at hundredths of a second, from 0.01 to 40.95",
                fmt::format("write `advert_int {}`, which is used now", in_seconds(interval)));
    }

    void set_authentication() {
        const auto& [type, password] = std::tie(draft_.auth_type, draft_.auth_pass);
        if (!type && !password)
            return;
        if (is_strict(draft_, global_)) {
            report_.error(type ? type->where : password->where,
                          "strict mode does not allow authentication; it is ignored",
                          "remove the authentication block, or `vrrp_strict` and `strict_mode`");
        } else if (instance_.transport.family == Family::ipv6) {
            report_.error(type ? type->where : password->where,
                          "VRRP has this authentication over IPv4 only; it is ignored",
                          "remove the authentication block, or write `auth_hmac` on all routers");
        } else if (instance_.version != 2) {
            const Span& where = type ? type->where : password->where;
            report_.error(where, "VRRP version 3 has no authentication; it is ignored",
                          "remove the authentication block, or write `version 2` or `auth_hmac` on "
                          "all routers");
        } else if (!type) {
            if (!draft_.mentions.contains("auth_type"))
                report_.error(password->where, "this password is not used: no `auth_type` is given",
                              "write `auth_type PASS` beside it");
        } else if (!password) {
            if (!draft_.mentions.contains("auth_pass"))
                report_.error(type->where, "no password is given; advertisements carry none",
                              "write `auth_pass PASSWORD` beside it");
        } else {
            instance_.auth_pass = password->value;
            instance_.transport.auth_header = type->value == AuthType::ah;
        }
    }

    // RFC 5798 6.1 has it off; keepalived, only when strict.
    void set_accept() {
        const auto& [accept, where] = draft_.accept ? *draft_.accept : Located<bool>{};
        const bool owner = instance_.priority == owner_priority;
        const bool strict = is_strict(draft_, global_);
        if (draft_.accept && !accept && owner)
            report_.warning(where, "`no_accept` has no effect with `priority 255`",
                            "remove it: the owner of the addresses takes packets to them");
        if (draft_.accept && accept && strict && instance_.version == 2 && !owner)
            report_.error(where, "strict mode does not allow `accept` in version 2",
                          "write `version 3` on all routers; `no_accept` is used now");
        const bool may_accept = !strict || instance_.version == 3;
        instance_.accept = owner || (may_accept && (draft_.accept ? accept : !strict));
    }

    // False: all of them were rejected.
    bool set_addresses() {
        if (draft_.addresses.empty() && draft_.mentions.contains("virtual_ipaddress"))
            return false;
        if (draft_.addresses.empty() && is_strict(draft_, global_)) {
            report_.error(draft_.where, "strict mode wants a virtual address",
                          "add a `virtual_ipaddress { ... }` block; the vrrp_instance is left out");
            return false;
        }
        if (draft_.addresses.empty() && !draft_.mentions.contains("no_virtual_ipaddress"))
            report_.error(
                draft_.where,
                fmt::format("vrrp_instance {} has no virtual address", quote(draft_.name)),
                "add a `virtual_ipaddress { ... }` block, or write `no_virtual_ipaddress`");
        for (auto& [address, where] : draft_.addresses) {
            set_interface(address, instance_);
            const auto same = [&](const VirtualAddress& other) {
                return other.prefix.address == address.prefix.address;
            };
            if (std::ranges::any_of(instance_.virtual_addresses, same)) {
                report_.warning(where,
                                fmt::format("{} is in this instance already",
                                            address.prefix.address.to_string()),
                                "remove this line; the first one counts");
            } else {
                if (instance_.virtual_addresses.size() == addresses_max)
                    report_.warning(where, "an advert has room for 255 addresses",
                                    "this one and those that follow are held, but not advertised; "
                                    "another vrrp_instance could do that");
                instance_.virtual_addresses.push_back(std::move(address));
            }
        }
        return true;
    }

    VrrpDraft draft_;
    const GlobalDraft& global_;
    const TrackerCatalog& catalog_;
    Report& report_;
    VrrpInstance instance_;
};

// Whether the adverts of the one would be taken for the other's.
bool are_one_group(const VrrpInstance& left, const VrrpInstance& right) {
    const VrrpTransport& one = left.transport;
    const VrrpTransport& other = right.transport;
    if (base_interface(left) != base_interface(right) || left.vrid != right.vrid ||
        one.family != other.family || one.unicast != other.unicast)
        return false;
    if (!one.unicast)
        return one.group == other.group;
    if (one.source && other.source && one.source != other.source)
        return false;
    // keepalived, too, tells them apart by their peers.
    return std::ranges::any_of(one.peers, [&](const UnicastPeer& peer) {
        return std::ranges::find(other.peers, peer.address, &UnicastPeer::address) !=
               other.peers.end();
    });
}

}  // namespace

std::vector<VrrpInstance> finish_instances(std::vector<VrrpDraft> drafts, const GlobalDraft& global,
                                           const TrackerCatalog& catalog, Report& report) {
    std::vector<VrrpInstance> instances;
    std::map<std::string, Span> places_by_name;
    std::map<IpAddress, std::string> owners;
    for (VrrpDraft& draft : drafts) {
        const Span where = draft.where;
        const Span vrid_where = draft.vrid ? draft.vrid->where : where;
        const auto [name, is_new_name] = places_by_name.emplace(draft.name, where);
        if (!is_new_name) {
            report.error(where, fmt::format("the name {} is taken", quote(draft.name)),
                         fmt::format("the vrrp_instance on {} has it; give this one another "
                                     "name, it is left out now",
                                     line_of(name->second.location(), where)));
            continue;
        }
        std::map<IpAddress, Span> vips;
        for (const auto& [vip, place] : draft.addresses)
            vips.emplace(vip.prefix.address, place);
        auto instance = InstanceFinisher(std::move(draft), global, catalog, report).run();
        if (!instance)
            continue;
        const auto rival = std::ranges::find_if(
            instances, [&](const VrrpInstance& other) { return are_one_group(other, *instance); });
        if (rival != instances.end()) {
            report.error(
                vrid_where,
                fmt::format(
                    "virtual_router_id {} is taken on {}", instance->vrid,
                    instance->interface.empty() ? "these peers" : quote(base_interface(*instance))),
                fmt::format("vrrp_instance {} has it; choose another number, this "
                            "instance is left out now",
                            quote(rival->name)));
            continue;
        }
        fit_to_ipvlans(instances, where, *instance, report);
        for (const auto& [address, where_vip] : vips) {
            const auto [first, is_new_vip] = owners.emplace(address, instance->name);
            if (!is_new_vip)
                report.warning(where_vip,
                               fmt::format("vrrp_instance {} has {}, too", quote(first->second),
                                           address.to_string()),
                               "an address belongs to one instance: two may become MASTER on "
                               "different routers");
        }
        instances.push_back(std::move(*instance));
    }
    tell_links_apart(instances);
    return instances;
}

}  // namespace headgate::config
