#include "controlplane/status.h"

#include <algorithm>

#include "controlplane/health/check_key.h"
#include "controlplane/service/words.h"

namespace headgate {

namespace {

std::uint32_t milliseconds(Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void fill_counts(const std::vector<vrrp::NamedCount>& counts,
                 google::protobuf::RepeatedPtrField<api::NamedCount>& shown) {
    for (const vrrp::NamedCount& count : counts) {
        api::NamedCount& added = *shown.Add();
        added.set_name(std::string(count.name));
        added.set_count(count.count);
    }
}

void fill_tracker(const vrrp::TrackerStatus& tracker, api::TrackerStatus& status) {
    status.set_kind(tracker.kind);
    status.set_name(tracker.name);
    status.set_state(tracker.state);
    status.set_detail(tracker.detail);
    status.set_weight(tracker.weight);
    status.set_contribution(tracker.contribution);
    status.set_contribution_up(tracker.contribution_up);
    status.set_contribution_down(tracker.contribution_down);
    status.set_faults(tracker.faults);
    status.set_faults_up(tracker.faults_up);
    status.set_faults_down(tracker.faults_down);
}

void fill_lateness(const vrrp::AdvertLateness& lateness, api::AdvertLateness& shown) {
    std::uint64_t adverts = 0;
    for (std::size_t index = 0; index < lateness.counts.size(); ++index) {
        api::AdvertLateness::Bucket& bucket = *shown.add_buckets();
        bucket.set_up_to_us(index < lateness.bounds.size()
                                ? static_cast<std::int64_t>(to_microseconds(lateness.bounds[index]))
                                : -1);
        bucket.set_adverts(lateness.counts[index]);
        adverts += lateness.counts[index];
    }
    shown.set_adverts(adverts);
    shown.set_sum_us(to_microseconds(lateness.sum));
    shown.set_worst_us(to_microseconds(lateness.worst));
}

void fill_sync_group(const vrrp::GroupStatus& group, api::SyncGroupStatus& status) {
    status.set_name(group.name);
    status.set_state(std::string(vrrp::to_string(group.state)));
    status.set_reason(group.reason);
    status.set_last_transition_unix_ms(group.last_transition_unix_ms);
    status.set_became_master(group.became_master);
    status.mutable_members()->Assign(group.members.begin(), group.members.end());
}

// What the instance remembers, for those who ask why.
void fill_vrrp_history(const vrrp::InstanceStatus& instance, api::VrrpStatus& status) {
    status.set_base_priority(instance.base_priority);
    status.set_own_address(instance.own_address);
    status.set_released_master(instance.released_master);
    status.set_priority_zero_received(instance.priority_zero_received);
    status.set_priority_zero_sent(instance.priority_zero_sent);
    for (const vrrp::TrackerStatus& tracker : instance.trackers)
        fill_tracker(tracker, *status.add_trackers());
    if (const auto& heard = instance.last_heard) {
        api::HeardAdvert& shown = *status.mutable_last_heard();
        shown.set_source(heard->source);
        shown.set_priority(heard->priority);
        shown.set_resigned(heard->resigned);
        shown.set_unix_ms(heard->unix_ms);
    }
    if (const auto& refused = instance.last_refused) {
        api::RefusedAdvert& shown = *status.mutable_last_refused();
        shown.set_source(refused->source);
        shown.set_error(std::string(refused->error));
        shown.set_detail(refused->detail);
        shown.set_unix_ms(refused->unix_ms);
    }
    for (const vrrp::Transition& transition : instance.transitions) {
        api::VrrpTransition& shown = *status.add_transitions();
        shown.set_from(std::string(vrrp::to_string(transition.from)));
        shown.set_to(std::string(vrrp::to_string(transition.to)));
        shown.set_reason(transition.reason);
        shown.set_unix_ms(transition.unix_ms);
    }
    fill_counts(instance.events, *status.mutable_events());
    if (instance.sync_group)
        fill_sync_group(*instance.sync_group, *status.mutable_sync_group());
    status.set_preempt_delay_ms(milliseconds(instance.preempt_delay));
    status.set_preempt_allowed_unix_ms(instance.preempt_allowed_unix_ms.value_or(0));
    if (const auto& second = instance.second_master) {
        status.mutable_second_master()->set_address(second->address);
        status.mutable_second_master()->set_priority(second->priority);
        status.mutable_second_master()->set_since_unix_ms(second->since_unix_ms);
    }
    if (const auto& hold = instance.hold) {
        status.mutable_hold()->set_until_unix_ms(hold->until_unix_ms);
        status.mutable_hold()->set_reason(hold->reason);
    }
}

void fill_vrrp(const vrrp::InstanceStatus& instance, api::VrrpStatus& status) {
    status.set_name(instance.name);
    status.set_state(std::string(vrrp::to_string(instance.state)));
    status.set_reason(instance.reason);
    status.set_last_transition_unix_ms(instance.last_transition_unix_ms);
    status.set_interface(instance.interface);
    status.set_virtual_router_id(instance.vrid);
    status.set_version(instance.version);
    status.set_priority(instance.priority);
    status.set_preempt(instance.preempt);
    status.set_advert_interval_ms(milliseconds(instance.advert_interval));
    status.set_skew_ms(milliseconds(instance.skew));
    status.set_master_down_interval_ms(milliseconds(instance.master_down_interval));
    status.set_master_address(instance.master_address);
    status.set_master_priority(instance.master_priority);
    status.set_adverts_sent(instance.adverts_sent);
    status.set_adverts_received(instance.adverts_received);
    status.set_adverts_refused(instance.adverts_refused);
    status.set_became_master(instance.became_master);
    status.set_vips_restored(instance.vips_restored);
    status.set_timer_lateness_max_us(to_microseconds(instance.timer_lateness_max));
    fill_lateness(instance.advert_lateness, *status.mutable_advert_lateness());
    status.set_warning(instance.warning);
    fill_vrrp_history(instance, status);
    for (const vrrp::VipStatus& vip : instance.vips) {
        api::VipStatus& shown = *status.add_vips();
        shown.set_address(vip.prefix.to_string());
        shown.set_interface(vip.interface);
        shown.set_present(vip.present);
    }
    fill_counts(instance.advert_errors, *status.mutable_advert_errors());
}

std::string target_words(const config::Check& check) {
    std::string words = health::target_of(check).to_string();
    if (const auto* http = std::get_if<config::HttpCheck>(&check.kind);
        http != nullptr && !http->urls.empty())
        words += http->urls.front().path;
    return words;
}

void fill_check(const config::Check& check, const health::CheckState* state,
                api::CheckStatus& status) {
    status.set_type(health::type_of(check));
    status.set_target(target_words(check));
    status.set_retries(check.timing.retry);
    if (state == nullptr)
        return;
    status.set_known(state->known());
    status.set_up(state->known() && state->up());
    status.set_failures(state->failures());
    if (state->known() || !state->last().detail.empty()) {
        status.set_code(std::string(health::to_string(state->last().code)));
        status.set_detail(state->last().detail);
        status.set_duration_ms(milliseconds(state->last().duration));
    }
}

const api::ServiceStats* find_stats(const std::optional<api::DataplaneState>& counters,
                                    const api::VirtualServerStatus& server) {
    if (!counters)
        return nullptr;
    const auto& services = counters->services();
    const auto found = std::ranges::find_if(services, [&server](const api::ServiceStats& stats) {
        return stats.address() == server.address() && stats.port() == server.port() &&
               stats.protocol() == server.protocol() && stats.fwmark() == server.fwmark();
    });
    return found == services.end() ? nullptr : &*found;
}

void fill_real_server(const StatusInputs& inputs, const config::VirtualServer& service,
                      std::size_t index, bool up, api::RealServerStatus& status) {
    const config::RealServer& server = service.real_servers[index];
    status.set_address(server.endpoint.address.to_string());
    status.set_port(server.endpoint.port);
    status.set_method(service::words_of(server.forwarding));
    status.set_state(up ? "up" : "down");
    status.set_since_unix_ms(inputs.history.since_unix_ms(service, server));
    status.set_weight(server.weight);
    status.set_effective_weight(up ? server.weight : 0);
    for (const config::Check& check : server.checks)
        fill_check(check, inputs.find_check(check), *status.add_checks());
}

void add_destination(const api::DestinationStats& from, api::RealServerStatus& real) {
    if (!real.has_stats()) {
        *real.mutable_stats() = from;
        return;
    }
    api::DestinationStats& to = *real.mutable_stats();
    to.set_connections(to.connections() + from.connections());
    to.set_packets(to.packets() + from.packets());
    to.set_bytes(to.bytes() + from.bytes());
    to.set_active_connections(to.active_connections() + from.active_connections());
    to.set_inactive_connections(to.inactive_connections() + from.inactive_connections());
}

void add_stats(const api::ServiceStats& stats, api::VirtualServerStatus& status) {
    status.set_connections(status.connections() + stats.connections());
    status.set_packets(status.packets() + stats.packets());
    status.set_bytes(status.bytes() + stats.bytes());
    for (api::RealServerStatus& real : *status.mutable_real_servers()) {
        for (const api::DestinationStats& destination : stats.destinations()) {
            if (destination.address() == real.address() && destination.port() == real.port())
                add_destination(destination, real);
        }
    }
}

void fill_virtual_server(const StatusInputs& inputs, std::size_t index,
                         api::VirtualServerStatus& status) {
    const config::VirtualServer& server = inputs.config.virtual_servers[index];
    const service::ServiceView& view = inputs.views[index];
    status.set_name(service::name_of(server));
    status.set_address(server.endpoint.address.to_string());
    status.set_port(server.endpoint.port);
    if (server.fwmark == 0)
        status.set_protocol(service::to_api(server.protocol));
    status.set_fwmark(server.fwmark);
    status.set_scheduler(std::string(service::to_word(server.scheduler)));
    status.set_method(std::string(service::to_word(server.method)));
    status.set_persistence_timeout_s(
        static_cast<std::uint32_t>(server.persistence_timeout.count()));
    status.set_state(std::string(service::to_string(view.state)));
    status.set_placement(view.placement);
    for (std::size_t real = 0; real < server.real_servers.size(); ++real)
        fill_real_server(inputs, server, real, view.server_up[real], *status.add_real_servers());

    status.set_standby(view.standby);
    // Of whoever has the virtual server.
    if (const auto* stats =
            find_stats(view.in_ipvs ? inputs.ipvs_counters : inputs.dataplane, status))
        add_stats(*stats, status);
    if (!view.stands_by)
        return;
    if (const auto* stats = find_stats(inputs.ipvs_counters, status)) {
        add_stats(*stats, status);
        status.set_standby_connections(stats->connections());
        status.set_standby_packets(stats->packets());
    }
}

void fill_ipvs(const forwarding::ipvs::Backend::State& state, config::IpvsStandby standby,
               api::IpvsStatus& status) {
    status.set_up(state.up);
    status.set_error(state.error);
    status.set_version(state.version);
    status.set_repairs(state.repairs);
    status.set_standby_required(standby == config::IpvsStandby::on);
    status.set_warning(state.settings_error);
    for (const auto& [daemon, error] : state.sync) {
        api::IpvsSyncDaemon& shown = *status.add_sync_daemons();
        shown.set_role(std::string(forwarding::ipvs::to_word(daemon.role)));
        shown.set_interface(daemon.interface);
        shown.set_id(daemon.id);
        shown.set_running(error.empty());
        shown.set_error(error);
    }
}

}  // namespace

api::Status make_status(const StatusInputs& inputs) {
    api::Status status;
    status.set_router_id(inputs.config.router_id);
    for (const vrrp::InstanceStatus& instance : inputs.vrrp)
        fill_vrrp(instance, *status.add_vrrp());
    for (std::size_t index = 0; index < inputs.views.size(); ++index)
        fill_virtual_server(inputs, index, *status.add_virtual_servers());
    status.set_dataplane_wanted(inputs.bypass.wanted);
    status.set_dataplane_up(inputs.bypass.up);
    status.set_dataplane_error(inputs.bypass.error);
    status.set_dataplane_restarts(inputs.bypass.restarts);
    if (inputs.dataplane)
        *status.mutable_dataplane() = *inputs.dataplane;
    if (inputs.ipvs.wanted || !inputs.ipvs.sync.empty() || !inputs.ipvs.settings_error.empty())
        fill_ipvs(inputs.ipvs, inputs.config.dataplane.ipvs_standby, *status.mutable_ipvs());
    return status;
}

}  // namespace headgate
