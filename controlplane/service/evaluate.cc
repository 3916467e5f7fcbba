#include "controlplane/service/evaluate.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "common/api.pb.h"
#include "common/check.h"
#include "controlplane/config/model.h"
#include "controlplane/service/drains.h"
#include "controlplane/service/words.h"

namespace headgate::service {

namespace {

std::set<IpAddress> vrrp_owned_addresses(const config::Config& config) {
    std::set<IpAddress> owned;
    for (const config::VrrpInstance& instance : config.vrrp.instances) {
        for (const config::VirtualAddress& vip : config::all_addresses(instance))
            owned.insert(vip.prefix.address);
    }
    return owned;
}

// The dataplane takes frames to the MAC address of an interface, and gives all others to the
// kernel.
std::set<IpAddress> addresses_on_vmacs(const config::Config& config) {
    std::set<IpAddress> addresses;
    for (const config::VrrpInstance& instance : config.vrrp.instances) {
        const std::vector<config::Vmac> vmacs = config::all_vmacs(instance);
        for (const config::VirtualAddress& vip : config::all_addresses(instance)) {
            if (std::ranges::find(vmacs, vip.interface, &config::Vmac::name) != vmacs.end())
                addresses.insert(vip.prefix.address);
        }
    }
    return addresses;
}

// Up when every check passes. A check without a result yet counts as passed, unless `alpha`.
bool is_up(const config::RealServer& server, bool alpha, const Inputs& inputs) {
    return std::ranges::all_of(server.checks, [&](const config::Check& check) {
        const health::CheckState* state = inputs.find_check(check);
        if (state == nullptr || !state->known())
            return !alpha;
        return state->up();
    });
}

State state_of(const ServiceView& view) {
    if (!view.in_bypass && !view.in_ipvs)
        return State::down;
    if (!view.active)
        return State::standby;
    const auto up = std::ranges::count(view.server_up, true);
    if (up == 0)
        return State::down;
    return static_cast<std::size_t>(up) == view.server_up.size() ? State::up : State::degraded;
}

}  // namespace

api::Protocol to_api(config::Protocol protocol) {
    switch (protocol) {
        case config::Protocol::tcp:
            return api::TCP;
        case config::Protocol::udp:
            return api::UDP;
        case config::Protocol::sctp:
            break;
    }
    return api::SCTP;
}

namespace {

// The API has keepalived's words in capitals.
api::Scheduler scheduler_to_api(config::Scheduler scheduler) {
    std::string name(to_word(scheduler));
    std::ranges::transform(name, name.begin(), [](unsigned char letter) {
        return static_cast<char>(std::toupper(letter));
    });
    api::Scheduler value = api::SCHEDULER_UNSPECIFIED;
    check(api::Scheduler_Parse(name, &value), "the API knows every scheduler");
    return value;
}

std::uint32_t seconds_of(std::chrono::seconds duration) {
    return static_cast<std::uint32_t>(duration.count());
}

api::TunnelType tunnel_to_api(config::TunnelType type) {
    switch (type) {
        case config::TunnelType::ipip:
            return api::IPIP;
        case config::TunnelType::gue:
            return api::GUE;
        case config::TunnelType::gre:
            break;
    }
    return api::GRE;
}

api::ForwardingMethod method_to_api(config::ForwardingMethod method) {
    switch (method) {
        case config::ForwardingMethod::nat:
            return api::NAT;
        case config::ForwardingMethod::dr:
            return api::DR;
        case config::ForwardingMethod::tun:
            break;
    }
    return api::TUN;
}

void fill_forwarding(const config::Forwarding& forwarding, api::Destination& destination) {
    destination.set_method(method_to_api(forwarding.method));
    if (forwarding.method != config::ForwardingMethod::tun)
        return;
    api::Tunnel& tunnel = *destination.mutable_tunnel();
    tunnel.set_type(tunnel_to_api(forwarding.type));
    tunnel.set_port(forwarding.port);
    tunnel.set_checksum(forwarding.checksum != config::TunnelChecksum::none);
    tunnel.set_remote_checksum(forwarding.checksum == config::TunnelChecksum::remote);
}

void fill_destinations(const config::VirtualServer& server, const ServiceView& view,
                       const Drains& drains, api::Service& service) {
    for (std::size_t index = 0; index < server.real_servers.size(); ++index) {
        const config::RealServer& real = server.real_servers[index];
        if (!view.server_up[index] && !real.inhibit_on_failure)
            continue;
        api::Destination& destination = *service.add_destinations();
        destination.set_address(real.endpoint.address.to_string());
        destination.set_port(real.endpoint.port);
        destination.set_weight(real.weight);
        fill_forwarding(real.forwarding, destination);
        destination.set_inhibited(!view.server_up[index]);
        destination.set_connections_upper(real.upper_threshold);
        destination.set_connections_lower(real.lower_threshold);
    }
    for (const Drains::Leaving& real : drains.of(server)) {
        api::Destination& destination = *service.add_destinations();
        destination.set_address(real.endpoint.address.to_string());
        destination.set_port(real.endpoint.port);
        fill_forwarding(real.forwarding, destination);
        destination.set_leaving(true);
    }
}

void fill_service(const config::VirtualServer& server, const ServiceView& view,
                  const config::ConnectionTimeouts& timeouts, api::Service& service) {
    service.set_address(server.endpoint.address.to_string());
    service.set_port(server.endpoint.port);
    if (server.fwmark == 0)
        service.set_protocol(to_api(server.protocol));
    service.set_fwmark(server.fwmark);
    service.set_scheduler(scheduler_to_api(server.scheduler));
    service.set_hash_port(server.hash_port);
    service.set_hash_fallback(server.hash_fallback);
    service.set_scheduler_flag_3(server.flag_3);
    service.set_one_packet(server.one_packet);
    service.set_expire_quiescent(server.expire_quiescent);
    service.mutable_timeouts()->set_tcp_s(seconds_of(timeouts.tcp));
    service.mutable_timeouts()->set_tcp_fin_s(seconds_of(timeouts.tcp_fin));
    service.mutable_timeouts()->set_udp_s(seconds_of(timeouts.udp));
    service.set_group(server.group);
    service.set_method(server.method == config::ForwardingMethod::tun ? api::TUN : api::DR);
    service.set_persistence_timeout_s(seconds_of(server.persistence_timeout));
    if (server.persistence_timeout.count() > 0)
        service.set_persistence_prefix_length(server.persistence_prefix_length);
    service.set_persistence_engine(server.persistence_engine);
    service.set_active(view.active);
    service.set_vrrp_owned(view.vrrp_owned);
}

void fill_list(const std::vector<Prefix>& prefixes,
               google::protobuf::RepeatedPtrField<std::string>& list) {
    list.Reserve(static_cast<int>(prefixes.size()));
    for (const Prefix& prefix : prefixes)
        list.Add(prefix.to_string());
}

void fill_protection(const config::Protection& from, api::Protection& to) {
    if (from.connection_rate)
        to.set_new_connection_rate(*from.connection_rate);
    to.set_source_rate(from.source_rate);
    to.set_source_prefix_length_v4(from.source_prefix_length_v4);
    to.set_source_prefix_length_v6(from.source_prefix_length_v6);
    to.set_fragment_rate(from.fragment_rate);
    to.set_icmp_error_rate(from.icmp_error_rate);
    to.set_icmp_answer_rate(from.icmp_answer_rate);
    fill_list(from.blocked, *to.mutable_blocked());
    fill_list(from.allowed, *to.mutable_allowed());
}

// Why the bypass is not to have a service; empty: it is.
std::string why_not_bypass(const Inputs& inputs, const config::VirtualServer& server,
                           bool on_vmac) {
    std::string reason = why_not_carried(inputs.capabilities, server);
    if (reason.empty() && on_vmac)
        reason = "its address has a MAC address of its own (use_vmac)";
    return reason;
}

// Why IPVS does not forward for a service, though it is to; empty: it does.
std::string why_not_by_ipvs(const Inputs& inputs, const config::VirtualServer& server) {
    if (!inputs.ipvs_down_reason.empty())
        return inputs.ipvs_down_reason;
    const auto refused = inputs.ipvs_failures.find(server.key());
    return refused == inputs.ipvs_failures.end() ? "" : refused->second;
}

// Whether IPVS has a service of the bypass, too, and says so in words.
void place_standby(const Inputs& inputs, const config::VirtualServer& server, ServiceView& view) {
    if (!inputs.ipvs_standby || !inputs.ipvs_capabilities)
        return;
    std::string fault = why_not_carried(*inputs.ipvs_capabilities, server);
    view.stands_by = fault.empty();
    if (fault.empty())
        fault = why_not_by_ipvs(inputs, server);
    if (fault.empty() && !inputs.ipvs_is_up)
        fault = "IPVS has not answered yet";
    view.ipvs_ready = fault.empty();
    view.standby = view.ipvs_ready ? "ipvs" : "none: " + fault;
}

// Decides who has the service, and says so in words.
void place(const Inputs& inputs, const config::VirtualServer& server, bool on_vmac,
           ServiceView& view) {
    using config::EngineChoice;
    const bool only_ipvs = inputs.engine == EngineChoice::ipvs;
    std::string reason = only_ipvs ? "" : why_not_bypass(inputs, server, on_vmac);
    view.in_bypass = !only_ipvs && reason.empty();
    if (view.in_bypass)
        reason = inputs.bypass_given_up;
    view.in_ipvs = inputs.engine != EngineChoice::af_xdp && inputs.ipvs_capabilities &&
                   (!view.in_bypass || !reason.empty()) &&
                   why_not_carried(*inputs.ipvs_capabilities, server).empty();
    view.state = state_of(view);
    std::string fault;  // of whoever has it
    if (view.in_ipvs) {
        fault = why_not_by_ipvs(inputs, server);
        view.ipvs_ready = inputs.ipvs_is_up && fault.empty();
        view.placement = reason.empty() ? "ipvs" : "ipvs: " + reason;
        if (!fault.empty() && !reason.empty())
            fault = reason + "; " + fault;
    } else if (view.in_bypass) {
        place_standby(inputs, server, view);
        fault = inputs.backend_down_reason;
        view.placement = "bypass";
        if (view.stands_by && view.ipvs_ready && !fault.empty())
            view.placement = "ipvs: " + std::exchange(fault, "");
    } else {
        view.placement = "none: " + reason;
    }
    if (fault.empty())
        return;
    view.placement = "none: " + fault;
    if (view.active)
        view.state = State::down;
}

bool is_carried(const ServiceView& view, Carrier carrier) {
    const bool by_ipvs = view.in_ipvs || view.stands_by;
    switch (carrier) {
        case Carrier::bypass:
            return view.in_bypass;
        case Carrier::ipvs:
            return by_ipvs;
        case Carrier::any:
            break;
    }
    return view.in_bypass || by_ipvs;
}

}  // namespace

std::string_view to_string(State state) {
    switch (state) {
        case State::up:
            return "up";
        case State::degraded:
            return "degraded";
        case State::down:
            return "down";
        case State::standby:
            break;
    }
    return "standby";
}

std::vector<ServiceView> evaluate(const config::Config& config, const Inputs& inputs) {
    const std::set<IpAddress> owned = vrrp_owned_addresses(config);
    const std::set<IpAddress> on_vmacs = addresses_on_vmacs(config);
    std::vector<ServiceView> views;
    views.reserve(config.virtual_servers.size());
    for (const config::VirtualServer& server : config.virtual_servers) {
        ServiceView view;
        view.vrrp_owned = owned.contains(server.endpoint.address);
        view.active = !view.vrrp_owned || inputs.held_vips.contains(server.endpoint.address);
        for (const config::RealServer& real : server.real_servers)
            view.server_up.push_back(is_up(real, server.alpha, inputs));
        place(inputs, server, on_vmacs.contains(server.endpoint.address), view);
        views.push_back(std::move(view));
    }
    return views;
}

api::ServiceTable build_table(const config::Config& config, const std::vector<ServiceView>& views,
                              const Drains& drains, std::uint64_t generation, Carrier carrier) {
    check(views.size() == config.virtual_servers.size(), "there is one view per virtual server");
    api::ServiceTable table;
    table.set_generation(generation);
    std::chrono::seconds lease = limits::vip_lease_default;
    for (const config::VrrpInstance& instance : config.vrrp.instances)
        lease = std::max(lease, instance.vip_lease);
    table.set_lease_s(static_cast<std::uint32_t>(lease.count()));
    fill_protection(config.dataplane.protection, *table.mutable_protection());
    api::FlowCachePolicy& flow_cache = *table.mutable_flow_cache();
    flow_cache.set_admit_after(config.dataplane.flow_cache.admit_after);
    flow_cache.set_idle_s(config.dataplane.flow_cache.idle_s);
    table.set_ipvs_stands_by(carrier == Carrier::bypass &&
                             std::ranges::all_of(views, [](const ServiceView& view) {
                                 return !view.in_bypass || view.ipvs_ready;
                             }));
    for (std::size_t index = 0; index < views.size(); ++index) {
        const ServiceView& view = views[index];
        if (!is_carried(view, carrier))
            continue;
        const config::VirtualServer& server = config.virtual_servers[index];
        api::Service& service = *table.add_services();
        fill_service(server, view, config.connection_timeouts, service);
        service.set_standby(carrier == Carrier::ipvs && view.stands_by);
        fill_destinations(server, view, drains, service);
    }
    return table;
}

}  // namespace headgate::service
