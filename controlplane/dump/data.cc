#include "controlplane/dump/data.h"

#include <algorithm>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "controlplane/dump/data_tracking.h"
#include "controlplane/dump/routes.h"
#include "controlplane/dump/words.h"

namespace headgate::dump {

namespace {

// "1795540102.901000 (Tue Nov 24 17:08:22.901000 2026)"
std::string moment_words(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    const std::int64_t micros = unix_ms % 1000 * 1000;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{}.{:06} ({:%a %b %e %H:%M:%S}.{:06} {:%Y})", seconds, micros, local,
                       micros, local);
}

std::string interval_words(int version, Duration interval) {
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(interval).count();
    return version == 2 ? fmt::format("{} sec", milliseconds / 1000)
                        : fmt::format("{} milli-sec", milliseconds);
}

class InstanceText {
public:
    InstanceText(const config::VrrpInstance& config, const vrrp::InstanceStatus& status)
        : config_(config), status_(status) {}

    std::string render() {
        text_ = fmt::format(" VRRP Instance = {}\n", config_.name);
        line("VRRP Version", config_.version);
        if (config_.transport.family == Family::ipv6)
            text_ += "   Using Native IPv6\n";
        if (status_.sync_group)
            line("Sync group", status_.sync_group->name);
        line("State", vrrp::to_string(status_.state));
        if (status_.state == vrrp::State::backup)
            say_master();
        say_flags();
        line("Wantstate", vrrp::to_string(status_.state));
        say_faults_and_times();
        say_source();
        say_announcements();
        say_election();
        say_authentication();
        say_addresses();
        say_peers();
        say_routes();
        text_ += tracker_lists(status_);
        text_ +=
            "   Using smtp notification = no\n"
            "   Notify deleted = Fault\n"
            "   Notify priority changes = false\n";
        return std::move(text_);
    }

private:
    template <typename Value>
    void line(const char* key, const Value& value) {
        text_ += fmt::format("   {} = {}\n", key, value);
    }

    void say_master() {
        if (status_.master_address.empty())
            return;
        line("Master router", status_.master_address);
        line("Master priority", status_.master_priority);
        if (config_.version == 3)
            text_ += fmt::format("   Master advert int = {:.2f} sec\n",
                                 std::chrono::duration<double>(status_.advert_interval).count());
    }

    // Most of keepalived's flags have no words here; "none" is said only when none is set.
    void say_flags() {
        if (config_.transport.unicast)
            text_ += "   Flags:\n     Using unicast\n";
        else if (!config_.preempt || config_.transport.skip_known_addresses ||
                 !config_.track_primary || config_.vmac)
            text_ += "   Flags:\n";
        else
            text_ += "   Flags: none\n";
    }

    void say_source() {
        const config::VrrpTransport& transport = config_.transport;
        if (config_.vmac)
            say_vmac(*config_.vmac);
        else if (config_.ipvlan)
            line("Interface",
                 fmt::format("{}, ipvlan on {}", config_.ipvlan->name, config_.ipvlan->base));
        else
            line("Interface", config_.interface);
        if (!config_.track_primary)
            text_ += "   VRRP interface tracking disabled\n";
        if (transport.skip_known_addresses)
            text_ += "   Skip checking advert IP addresses\n";
        if (transport.strict_addresses)
            text_ += "   Enforcing strict VRRP compliance\n";
        if (!status_.own_address.empty())
            line("Using src_ip",
                 status_.own_address + (transport.source ? " (from configuration)" : ""));
        if (!transport.unicast)
            text_ += fmt::format("   Multicast address {}\n", transport.group.to_string());
    }

    // It is up whenever there is an address to send from.
    void say_vmac(const config::Vmac& vmac) {
        text_ += fmt::format("   Use VMAC, i/f name {}, is_up = {}, xmit_base = {}\n", vmac.name,
                             !status_.own_address.empty(), vmac.send_from_base);
        line("Interface", fmt::format("{}, vmac on {}{}", vmac.name, vmac.base,
                                      vmac.send_from_base ? ", xmit base i/f" : ""));
    }

    void say_faults_and_times() {
        line("Number of config faults", 0);
        const auto is_waited_for = [](const vrrp::TrackerStatus& tracker) {
            return tracker.faults && tracker.state == "unknown";
        };
        const auto num_waited_for = std::ranges::count_if(status_.trackers, is_waited_for);
        const auto faults =
            std::ranges::count_if(status_.trackers, &vrrp::TrackerStatus::faults) - num_waited_for;
        // The interface itself counts, and it is in FAULT for nothing else.
        const bool interface_fault =
            status_.state == vrrp::State::fault && faults + num_waited_for == 0;
        line("Number of interface and track script faults", interface_fault ? 1 : faults);
        line("Number of track scripts init", num_waited_for);
        line("Last transition", moment_words(status_.last_transition_unix_ms));
        if (status_.deadline_unix_ms)
            line("Read timeout", moment_words(*status_.deadline_unix_ms));
        else
            text_ += "   Read timeout = DISABLED\n";
        text_ += fmt::format(
            "   Master down timer = {} usecs\n",
            std::chrono::duration_cast<std::chrono::microseconds>(status_.master_down_interval)
                .count());
    }

    void say_announcements() {
        const config::Announcing& announcing = config_.announcing;
        line("Gratuitous ARP delay", announcing.delay.count());
        line("Gratuitous ARP repeat", announcing.repeat);
        line("Gratuitous ARP refresh", announcing.refresh.count());
        line("Gratuitous ARP refresh repeat", announcing.refresh_repeat);
        line("Gratuitous ARP lower priority delay", announcing.lower_priority_delay.count());
        line("Gratuitous ARP lower priority repeat", announcing.lower_priority_repeat);
    }

    void say_election() {
        const config::Election& election = config_.election;
        line("Down timer adverts", election.down_timer_adverts);
        line("Send advert after receive lower priority advert", !election.lower_prio_no_advert);
        line("Send advert after receive higher priority advert", election.higher_prio_send_advert);
        line("Virtual Router ID", config_.vrid);
        line("Priority", config_.priority);
        line("Effective priority", status_.priority);
        line("Total priority", status_.priority);
        line("Advert interval", interval_words(config_.version, config_.advert_interval));
        if (config_.version == 3 && status_.state == vrrp::State::backup &&
            !status_.master_address.empty())
            line("Master advert interval",
                 interval_words(config_.version, status_.advert_interval));
        line("Accept", config_.accept ? "enabled" : "disabled");
        line("Preempt", config_.preempt ? "enabled" : "disabled");
        if (election.preempt_delay > Duration::zero())
            text_ += fmt::format("   Preempt delay = {:g} secs\n",
                                 std::chrono::duration<double>(election.preempt_delay).count());
        line("Promote_secondaries", config_.promote_secondaries ? "enabled" : "disabled");
    }

    void say_authentication() {
        if (config_.version != 2)
            return;
        switch (auth_of(config_)) {
            case Auth::none:
                return line("Authentication type", "none");
            case Auth::header:
                return line("Authentication type", "IPSEC_AH");
            case Auth::password:
                line("Authentication type", "SIMPLE_PASSWORD");
                line("Password", masked_password);
        }
    }

    void say_addresses() {
        text_ += fmt::format("   Virtual IP ({}):\n", config_.virtual_addresses.size());
        list(config_.virtual_addresses);
        if (!config_.excluded_addresses.empty())
            text_ += "   Virtual IP Excluded :\n";
        list(config_.excluded_addresses);
    }

    void list(const std::vector<config::VirtualAddress>& addresses) {
        for (const config::VirtualAddress& address : addresses)
            text_ += fmt::format("     {}\n",
                                 address_words(config_, address, is_present(status_, address)));
    }

    void say_peers() {
        const config::VrrpTransport& transport = config_.transport;
        if (!transport.unicast)
            return;
        line("Unicast TTL", transport.ttl);
        text_ += fmt::format("   Check unicast src : {}\n", transport.check_source ? "yes" : "no");
        text_ += "   Unicast Peer :\n";
        for (const config::UnicastPeer& peer : transport.peers)
            text_ += fmt::format("     {} min_ttl {} max_ttl {}\n", peer.address.to_string(),
                                 peer.ttl_min, peer.ttl_max);
    }

    void say_routes() {
        if (!config_.routes.empty())
            text_ += "   Virtual Routes :\n";
        for (const config::Route& route : config_.routes)
            text_ += fmt::format("     {}\n", route_words(route));
        if (!config_.rules.empty())
            text_ += "   Virtual Rules :\n";
        for (const config::Rule& rule : config_.rules)
            text_ += fmt::format("     {}\n", rule_words(rule));
    }

    const config::VrrpInstance& config_;
    const vrrp::InstanceStatus& status_;
    std::string text_;
};

}  // namespace

std::string render_data(const config::Config& config,
                        const std::vector<vrrp::InstanceStatus>& instances,
                        const track::Activity& activity) {
    std::string text = fmt::format(
        "------< Global definitions >------\n"
        " Router ID = {}\n"
        "------< VRRP Topology >------\n",
        config.router_id);
    for (const config::VrrpInstance& instance : config.vrrp.instances) {
        const auto status =
            std::ranges::find(instances, instance.name, &vrrp::InstanceStatus::name);
        if (status != instances.end())
            text += InstanceText(instance, *status).render();
    }
    text += render_sync_groups(config.vrrp.sync_groups, instances);
    text += render_trackers(config.trackers, instances, activity);
    return text;
}

}  // namespace headgate::dump
