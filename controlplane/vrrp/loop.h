// Loop: what runs on the VRRP thread. It owns the instances and their ports, waits for adverts,
// netlink notifications and timers, and hands each to the instances that it concerns.
//
// Only open(), start(), stop() and post() are for other threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "common/clock.h"
#include "common/fd.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/interface_settings.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/vrrp/announce_queue.h"
#include "controlplane/vrrp/deadline_queue.h"
#include "controlplane/vrrp/host_entries.h"
#include "controlplane/vrrp/interface_watch.h"
#include "controlplane/vrrp/kernel_routing.h"
#include "controlplane/vrrp/port.h"
#include "controlplane/vrrp/stacked_links.h"
#include "controlplane/vrrp/status.h"
#include "controlplane/vrrp/sync_group.h"
#include "controlplane/vrrp/tracking.h"
#include "controlplane/vrrp/vrrp_thread.h"
#include "controlplane/vrrp/wake_timer.h"

namespace headgate::vrrp {

class Loop {
public:
    static Result<std::unique_ptr<Loop>> open(VrrpThread::Options options);

    void start(config::Vrrp config);
    void stop();
    template <typename Work>
    void post(Work work) {
        boost::asio::post(io_, std::move(work));
    }

    // The rest runs on the thread.
    void apply(const config::Vrrp& next);
    void on_tracker(const TrackerId& id, const TrackerState& state);
    [[nodiscard]] std::vector<InstanceStatus> statuses() const;
    [[nodiscard]] std::vector<Standing> standings() const;
    // A hold of zero ends an earlier one.
    std::optional<VrrpThread::StepDown> step_down(const std::string& name,
                                                  std::chrono::seconds hold,
                                                  const std::string& reason);

private:
    Loop(VrrpThread::Options options, netlink::Monitor monitor, netlink::AddressWriter addresses,
         netlink::RouteWriter routes, netlink::RuleWriter rules, netlink::LinkWriter links,
         Fd packet_socket, Fd timer);
    void run();
    void shut_down();

    void watch_monitor();
    void watch_routes();
    void watch_routes_of(const config::Vrrp& next);
    void watch(const std::shared_ptr<Port>& port);
    void on_kernel_readable();
    bool read_kernel();
    void catch_up();
    void tell_host_problems();
    void read(Port& port, int packets_max);
    void on_unknown(Port& port, std::uint8_t vrid, const IpAddress& source);
    void arm();
    void on_timer(Instant set_for);
    void after_event();
    void touch(Instance& instance);
    void touch_all();

    void forget_trackers(const config::Vrrp& next);
    void track_interfaces();
    void schedule(const Scheduling& scheduling);
    void form_groups(const config::Vrrp& next, const std::map<const Instance*, LinkState>& fresh);
    void settle_groups();
    [[nodiscard]] Start first_start(const config::Vrrp& next) const;
    [[nodiscard]] bool can_resume(const Instance& instance,
                                  const std::map<const Instance*, LinkState>& fresh) const;
    void retire(const std::vector<config::VrrpInstance>& next);
    void open_ports(const std::vector<config::VrrpInstance>& next);
    void refresh(const std::shared_ptr<Port>& port);
    LinkState attach(const std::shared_ptr<Port>& port, const config::VrrpInstance& config);
    [[nodiscard]] bool is_for_other_port(const Port& port, const Envelope& envelope,
                                         std::uint8_t vrid) const;
    void hold_back(Instance& instance);
    [[nodiscard]] std::vector<Instance*> companions(const std::string& name) const;
    [[nodiscard]] Port& port_of(const Instance& instance) const;

    boost::asio::io_context io_{1};
    VrrpThread::Options options_;
    netlink::Monitor monitor_;
    netlink::AddressWriter addresses_;
    Fd packet_socket_;
    Kernel kernel_;
    RealClock clock_;
    KernelRouting routing_;
    HostEntries host_;
    netlink::InterfaceSettings settings_;
    StackedLinks links_;
    boost::asio::posix::stream_descriptor monitor_readable_;
    // Waits on the socket of routing_, which owns it.
    boost::asio::posix::stream_descriptor routes_readable_;
    bool kernel_changed_ = false;          // and the instances have not been told
    std::uint64_t num_route_sockets_ = 0;  // tells those that there have been apart
    WakeTimer timer_;
    Duration lateness_max_{};
    bool reconfigured_ = false;
    std::map<Channel, std::shared_ptr<Port>> ports_;    // watch() looks weakly
    AnnounceQueue announcements_;                       // of all instances
    std::vector<std::unique_ptr<Instance>> instances_;  // in configuration order
    std::vector<std::unique_ptr<SyncGroup>> groups_;    // likewise; they refer to instances_
    // The instances that this event has reached: what follows from it is to be looked at.
    std::vector<Instance*> touched_;
    DeadlineQueue deadlines_;   // of instances_
    bool started_ = false;      // apply() has been called
    std::set<IpAddress> vips_;  // of all instances
    InterfaceWatch interface_watch_;
    std::set<std::string> tracked_interfaces_;
    TrackerStates trackers_;                // all that has been said of those in use
    std::optional<Scheduling> scheduling_;  // of this thread
    bool log_unknown_vrids_ = false;
    std::thread thread_;
};

}  // namespace headgate::vrrp
