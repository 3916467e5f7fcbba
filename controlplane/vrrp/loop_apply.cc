// Configuration: which instances and ports there are, and what state a port is in.
#include <algorithm>
#include <utility>

#include "common/log.h"
#include "controlplane/vrrp/loop.h"

namespace headgate::vrrp {

namespace {

// The instance stays in its group of routers, so that it keeps its state.
bool same_group(const config::VrrpInstance& left, const config::VrrpInstance& right) {
    return left.name == right.name && left.interface == right.interface && left.vrid == right.vrid;
}

}  // namespace

void Loop::apply(config::Vrrp next) {
    vips_.clear();
    for (const config::VrrpInstance& config : next.instances) {
        for (const config::VirtualAddress& vip : config.virtual_addresses)
            vips_.insert(vip.prefix.address);
    }
    announcements_.set_limits(clock_.now(), next.announce_limits);
    retire(next.instances);
    open_ports(next.instances);

    std::vector<std::unique_ptr<Instance>> previous = std::exchange(instances_, {});
    for (config::VrrpInstance& config : next.instances) {
        const auto kept = std::ranges::find_if(previous, [&](const auto& candidate) {
            return candidate && same_group(candidate->config(), config);
        });
        if (kept != previous.end()) {
            (*kept)->reconfigure(clock_.now(), std::move(config));
            instances_.push_back(std::move(*kept));
            continue;
        }
        Port& port = *ports_.at(config.interface);
        instances_.push_back(
            std::make_unique<Instance>(std::move(config), port.link, announcements_));
        port.instances.push_back(instances_.back().get());
        instances_.back()->start(clock_.now(), port.state);
    }
    reconfigured_ = true;
    after_event();
}

// Stops what `next` no longer has, and removes the VIPs that others may be waiting for.
void Loop::retire(const std::vector<config::VrrpInstance>& next) {
    std::erase_if(instances_, [&](const std::unique_ptr<Instance>& instance) {
        const auto kept = std::ranges::find_if(next, [&](const config::VrrpInstance& config) {
            return same_group(config, instance->config());
        });
        if (kept != next.end()) {
            instance->release(*kept);
            return false;
        }
        instance->stop(clock_.now());
        std::erase(port_of(*instance).instances, instance.get());
        return true;
    });
}

void Loop::open_ports(const std::vector<config::VrrpInstance>& next) {
    std::erase_if(ports_, [&](const auto& entry) {
        const bool unused = std::ranges::none_of(next, [&](const config::VrrpInstance& config) {
            return config.interface == entry.first;
        });
        if (unused)
            detach(*entry.second);
        return unused;
    });
    for (const config::VrrpInstance& config : next) {
        auto& port = ports_[config.interface];
        if (!port)
            port = std::make_shared<Port>(config.interface, kernel_, io_);
    }
    for (const auto& [name, port] : ports_)
        refresh(port);
}

// Brings a port and its instances to the state that its interface has now.
void Loop::refresh(const std::shared_ptr<Port>& shared) {
    Port& port = *shared;
    port.state = state_of(port);
    const netlink::Interface* const interface = monitor_.table().find(port.interface);
    if (port.state.source && port.link.index() != interface->index) {
        detach(port);
        if (const auto attached = port.link.attach(interface->index); attached) {
            port.readable.assign(port.link.fd());
            watch(shared);
        } else {
            port.state = {.source = std::nullopt, .problem = attached.error().message};
        }
    }
    for (Instance* const instance : port.instances)
        instance->on_link(clock_.now(), port.state);
    if (!port.state.source)
        detach(port);
}

LinkState Loop::state_of(const Port& port) const {
    const auto problem = [&](std::string_view what) {
        return LinkState{.source = std::nullopt,
                         .problem = fmt::format("interface {} {}", port.interface, what)};
    };
    const netlink::Interface* const interface = monitor_.table().find(port.interface);
    if (interface == nullptr)
        return problem("does not exist");
    if (!interface->up)
        return problem("down");
    if (!interface->running)
        return problem("has no carrier");
    const auto source = monitor_.table().primary_address(interface->index, vips_);
    if (!source)
        return problem("has no IPv4 address to send from");
    return {.source = IpAddress::v4(*source), .problem = ""};
}

Port& Loop::port_of(const Instance& instance) const {
    return *ports_.at(instance.config().interface);
}

}  // namespace headgate::vrrp
