#include "controlplane/vrrp/link_state.h"

#include <fmt/format.h>

namespace headgate::vrrp {

const netlink::Interface* interface_of(const config::VrrpInstance& instance,
                                       const netlink::InterfaceTable& table) {
    if (!instance.interface.empty())
        return table.find(instance.interface);
    // Unicast without `interface`: wherever its source is. The configuration makes sure of one.
    return instance.transport.source ? table.holder(*instance.transport.source) : nullptr;
}

LinkState link_state_of(const config::VrrpInstance& instance, const netlink::InterfaceTable& table,
                        const InterfaceWatch& watch, const std::set<IpAddress>& vips) {
    const auto faulty = [](std::string problem) {
        return LinkState{.source = std::nullopt, .problem = std::move(problem)};
    };
    const config::VrrpTransport& transport = instance.transport;
    if (transport.unicast && transport.peers.empty() && transport.fault_without_peer)
        return faulty("there is no unicast_peer");
    const netlink::Interface* const interface = interface_of(instance, table);
    if (interface == nullptr) {
        const std::string& base = base_interface(instance);
        const std::string& missing = table.find(base) == nullptr ? base : instance.interface;
        return faulty(instance.interface.empty()
                          ? fmt::format("no interface has {}", transport.source->to_string())
                          : fmt::format("interface {} does not exist", missing));
    }
    const auto problem = [&](std::string_view what) {
        return faulty(fmt::format("interface {} {}", interface->name, what));
    };
    const auto source = transport.source
                            ? transport.source
                            : table.source_address(interface->index, transport.family, vips);
    // dont_track_primary: as long as there is an address to send from, to nobody perhaps.
    const bool may_be_down = !instance.track_primary && source;
    if (!watch.counts_as_up(*interface) && !may_be_down) {
        if (!interface->up)
            return problem("down");
        return problem(interface->running ? "is up, but not for long enough yet"
                                          : "has no carrier");
    }
    if (transport.source && transport.track_source &&
        !table.can_send_from(interface->index, *transport.source))
        return problem(fmt::format("does not have {}", transport.source->to_string()));
    if (!source)
        return problem(transport.family == Family::ipv4
                           ? "has no IPv4 address to send from"
                           : "has no IPv6 link-local address to send from");
    if (instance.vmac && table.find(instance.vmac->name) == nullptr)
        return faulty(fmt::format("interface {} is not there", instance.vmac->name));
    return {.source = source, .problem = "", .mtu = interface->mtu, .interface = interface->name};
}

}  // namespace headgate::vrrp
