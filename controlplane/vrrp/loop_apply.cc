// Configuration: which instances and ports there are, and what state a port is in.
#include <algorithm>
#include <utility>

#include <time.h>

#include "common/log.h"
#include "common/realtime.h"
#include "controlplane/vrrp/link_state.h"
#include "controlplane/vrrp/loop.h"

namespace headgate::vrrp {

namespace {

// The instance stays in its group of routers, so that it keeps its state.
bool same_group(const config::VrrpInstance& left, const config::VrrpInstance& right) {
    return left.name == right.name && left.vrid == right.vrid &&
           channel_of(left) == channel_of(right);
}

netlink::InterfaceSettings::Values settings_of(const config::Vrrp& vrrp) {
    netlink::InterfaceSettings::Values settings = StackedLinks::settings_of(vrrp);
    for (const config::VrrpInstance& instance : vrrp.instances) {
        if (instance.promote_secondaries && !instance.interface.empty())
            settings[{.interface = instance.interface, .name = "promote_secondaries"}] = 1;
    }
    return settings;
}

// Those of the configuration, and what ipvlans have to send from.
config::StaticEntries statics_of(const config::Vrrp& vrrp) {
    config::StaticEntries statics = vrrp.statics;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        if (instance.ipvlan && instance.ipvlan->address)
            statics.addresses.push_back(
                {.prefix = *instance.ipvlan->address, .interface = instance.ipvlan->name});
    }
    return statics;
}

}  // namespace

void Loop::schedule(const Scheduling& scheduling) {
    if (scheduling_ == scheduling)
        return;
    scheduling_ = scheduling;
    for (const std::string& refusal : become_realtime("VRRP", scheduling))
        log::warn("{}", refusal);
}

void Loop::apply(const config::Vrrp& next) {
    schedule(next.scheduling);
    log_unknown_vrids_ = next.log_unknown_vrids;
    vips_.clear();
    for (const config::VrrpInstance& config : next.instances) {
        for (const config::VirtualAddress& vip : all_addresses(config))
            vips_.insert(vip.prefix.address);
    }
    announcements_.set_limits(clock_.now(), next.announce_limits);
    interface_watch_.configure(next.interface_delays);
    interface_watch_.update(clock_.now(), monitor_.table());
    forget_trackers(next);
    watch_routes_of(next);
    settings_.want(settings_of(next), monitor_.table());
    links_.apply(next);
    retire(next.instances);
    host_.apply(clock_.now(), statics_of(next));
    open_ports(next.instances);
    track_interfaces();

    const Start how = first_start(next);
    std::map<const Instance*, LinkState> fresh;
    std::vector<std::unique_ptr<Instance>> previous = std::exchange(instances_, {});
    for (const config::VrrpInstance& config : next.instances) {
        const auto kept = std::ranges::find_if(previous, [&](const auto& candidate) {
            return candidate && same_group(candidate->config(), config);
        });
        if (kept != previous.end()) {
            (*kept)->reconfigure(clock_.now(), config, trackers_);
            instances_.push_back(std::move(*kept));
            continue;
        }
        const std::shared_ptr<Port>& port = ports_.at(channel_of(config));
        const LinkState state = attach(port, config);
        instances_.push_back(
            std::make_unique<Instance>(config, port->link, announcements_, &routing_));
        port->instances.push_back(instances_.back().get());
        fresh.emplace(instances_.back().get(), state);
        hold_back(*instances_.back());
    }
    for (const auto& instance : instances_) {
        if (!fresh.contains(instance.get()))
            continue;
        Start start = how;
        start.resume = can_resume(*instance, fresh);
        instance->start(clock_.now(), fresh.at(instance.get()), start, trackers_);
    }
    form_groups(next, fresh);
    started_ = true;
    for (const auto& [channel, port] : ports_)
        refresh(port);
    deadlines_.clear();
    tell_host_problems();
    options_.holds.clear();
    reconfigured_ = true;
    after_event();
}

// The instances of a group go on together or not at all.
bool Loop::can_resume(const Instance& instance,
                      const std::map<const Instance*, LinkState>& fresh) const {
    if (started_)
        return false;
    const std::string& group = instance.config().election.sync_group;
    return std::ranges::all_of(instances_, [&](const auto& candidate) {
        const bool together = candidate.get() == &instance ||
                              (!group.empty() && candidate->config().election.sync_group == group);
        return !together || (fresh.contains(candidate.get()) &&
                             candidate->can_resume(clock_.now(), fresh.at(candidate.get())));
    });
}

// Groups keep their history over a reload.
void Loop::form_groups(const config::Vrrp& next,
                       const std::map<const Instance*, LinkState>& fresh) {
    std::vector<std::unique_ptr<SyncGroup>> previous = std::exchange(groups_, {});
    for (const config::SyncGroup& config : next.sync_groups) {
        std::vector<SyncGroup::Member> members;
        for (const auto& instance : instances_) {
            if (instance->config().election.sync_group == config.name)
                members.push_back({instance.get(), fresh.contains(instance.get())});
        }
        const auto kept = std::ranges::find_if(previous, [&](const auto& candidate) {
            return candidate && candidate->name() == config.name;
        });
        groups_.push_back(kept != previous.end() ? std::move(*kept)
                                                 : std::make_unique<SyncGroup>(config.name));
        groups_.back()->assemble(clock_.now(), members);
    }
    // A member that is in no group any more is held in FAULT by none.
    for (const auto& instance : instances_) {
        if (instance->config().election.sync_group.empty())
            instance->set_group_fault(clock_.now(), "");
    }
}

// Those that have a member among the touched.
void Loop::settle_groups() {
    for (const auto& group : groups_) {
        const bool concerned = std::ranges::any_of(touched_, [&](const Instance* instance) {
            return instance->config().election.sync_group == group->name();
        });
        if (concerned && group->settle(clock_.now()))
            touch_all();
    }
}

// The delays are for the start of the daemon; what a reload adds begins at once.
Start Loop::first_start(const config::Vrrp& next) const {
    if (started_)
        return {};
    const Instant now = clock_.now();
    const config::StartupDelay& delay = next.startup_delay;
    // Since the boot, and unlike the steady clock also while the machine slept.
    timespec up{};
    check(clock_gettime(CLOCK_BOOTTIME, &up) == 0, "every kernel has CLOCK_BOOTTIME");
    const Duration since_boot =
        std::chrono::seconds(up.tv_sec) + std::chrono::nanoseconds(up.tv_nsec);
    const Duration wait = std::max(delay.after_start, delay.after_boot - since_boot);
    if (wait <= Duration::zero())
        return {};
    log::info("Delaying startup for {:.3g} seconds", std::chrono::duration<double>(wait).count());
    return {.deaf_until = now + wait};
}

// One that nobody uses any more stops, and what it said last would be old when it is used again.
void Loop::forget_trackers(const config::Vrrp& next) {
    std::erase_if(trackers_, [&](const auto& entry) {
        return std::ranges::none_of(next.instances, [&](const config::VrrpInstance& instance) {
            return std::ranges::find(instance.trackers, entry.first, &TrackerUse::tracker) !=
                   instance.trackers.end();
        });
    });
    tracked_interfaces_.clear();
    for (const config::VrrpInstance& instance : next.instances) {
        for (const TrackerUse& use : instance.trackers) {
            if (use.tracker.kind == TrackerKind::interface)
                tracked_interfaces_.insert(use.tracker.name);
        }
    }
}

// track_interface: what the kernel says of them now.
void Loop::track_interfaces() {
    const Instant now = clock_.now();
    for (const std::string& name : tracked_interfaces_) {
        const netlink::Interface* const interface = monitor_.table().find(name);
        const bool up = interface != nullptr && interface_watch_.counts_as_up(*interface);
        const TrackerId id{TrackerKind::interface, name};
        const auto verdict = up ? TrackerState::Verdict::up : TrackerState::Verdict::down;
        TrackerState& state = trackers_[id];
        if (state.verdict == verdict)
            continue;
        state = {.verdict = verdict,
                 .value = 0,
                 .since = now,
                 .detail = up                     ? "up"
                           : interface == nullptr ? "does not exist"
                                                  : "down",
                 .cause = ""};
        for (const auto& instance : instances_)
            instance->on_tracker(now, id, state);
    }
}

// Has the kernel tell of changes to the routes and rules of `next`.
void Loop::watch_routes_of(const config::Vrrp& next) {
    std::vector<config::Route> routes = next.statics.routes;
    std::vector<config::Rule> rules = next.statics.rules;
    for (const config::VrrpInstance& instance : next.instances) {
        routes.insert(routes.end(), instance.routes.begin(), instance.routes.end());
        rules.insert(rules.end(), instance.rules.begin(), instance.rules.end());
    }
    // Before its socket is closed.
    if (routes_readable_.is_open())
        routes_readable_.release();
    ++num_route_sockets_;
    if (const auto watched = routing_.watch(routes, rules); !watched)
        log::error("routes and rules cannot be watched: {}", watched.error().message);
    if (routing_.fd() == -1)
        return;
    routes_readable_.assign(routing_.fd());
    watch_routes();
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
            return channel_of(config) == entry.first;
        });
        if (unused)
            entry.second->detach();
        return unused;
    });
    for (const config::VrrpInstance& config : next) {
        const Channel channel = channel_of(config);
        auto& port = ports_[channel];
        if (!port)
            port = std::make_shared<Port>(channel, kernel_, io_);
    }
    for (const auto& [channel, port] : ports_) {
        std::uint32_t buffer_bytes = 0;
        for (const config::VrrpInstance& config : next) {
            if (channel_of(config) == channel)
                buffer_bytes = std::max(buffer_bytes, config.transport.receive_buffer_bytes);
        }
        if (std::exchange(port->buffer_bytes, buffer_bytes) != buffer_bytes)
            port->detach();
        refresh(port);
    }
}

// Brings a port and its instances to the state that their interface has now.
void Loop::refresh(const std::shared_ptr<Port>& port) {
    bool used = false;
    for (Instance* const instance : port->instances) {
        const LinkState state = attach(port, instance->config());
        used = used || state.source.has_value();
        instance->on_link(clock_.now(), state);
    }
    if (!used)
        port->detach();
}

// The state of the link of an instance, with the socket of its port opened where that is possible.
LinkState Loop::attach(const std::shared_ptr<Port>& port, const config::VrrpInstance& config) {
    LinkState state = link_state_of(config, monitor_.table(), interface_watch_, vips_);
    if (const auto problem = links_.problem_of(address_interface(config)); !problem.empty())
        state = {.source = std::nullopt, .problem = std::string(problem)};
    if (!state.source)
        return state;
    const int index = interface_of(config, monitor_.table())->index;
    if (port->socket.is_attached_to(index, *state.source))
        return state;
    port->detach();
    const auto attached = port->socket.attach(index, *state.source, port->buffer_bytes);
    if (!attached) {
        kernel_changed_ = true;  // so that it is tried again
        return {.source = std::nullopt, .problem = attached.error().message};
    }
    port->readable.assign(port->socket.fd());
    watch(port);
    return state;
}

Port& Loop::port_of(const Instance& instance) const {
    return *ports_.at(channel_of(instance.config()));
}

}  // namespace headgate::vrrp
