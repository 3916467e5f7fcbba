// Events: adverts, netlink notifications and timers.
#include "controlplane/vrrp/loop.h"

#include <algorithm>
#include <utility>

#include <pthread.h>
#include <signal.h>

#include "common/log.h"

namespace headgate::vrrp {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Packets read from one interface before timers and the others have their turn.
constexpr int packets_per_turn_max = 64;
// A timer this late is worth a line in the log; adverts are at least 10 ms apart.
constexpr Duration lateness_reported = std::chrono::milliseconds(100);
// Adverts of many instances that are this close together go out together.
constexpr Duration timer_slack = std::chrono::milliseconds(1);
// After a pause of this length news may be waiting that is older than the timer.
constexpr Duration pause_noticed = std::chrono::milliseconds(1);

}  // namespace

Result<std::unique_ptr<Loop>> Loop::open(VrrpThread::Options options) {
    auto monitor = netlink::Monitor::open();
    if (!monitor)
        return tl::unexpected(monitor.error());
    auto addresses = netlink::AddressWriter::open();
    if (!addresses)
        return tl::unexpected(addresses.error());
    auto routes = netlink::RouteWriter::open();
    if (!routes)
        return tl::unexpected(routes.error());
    auto rules = netlink::RuleWriter::open();
    if (!rules)
        return tl::unexpected(rules.error());
    auto links = netlink::LinkWriter::open();
    if (!links)
        return tl::unexpected(links.error());
    auto packet_socket = open_packet_socket();
    if (!packet_socket)
        return tl::unexpected(packet_socket.error());
    auto timer = WakeTimer::open();
    if (!timer)
        return tl::unexpected(timer.error());
    return std::unique_ptr<Loop>(new Loop(
        std::move(options), std::move(*monitor), std::move(*addresses), std::move(*routes),
        std::move(*rules), std::move(*links), std::move(*packet_socket), std::move(*timer)));
}

Loop::Loop(VrrpThread::Options options, netlink::Monitor monitor, netlink::AddressWriter addresses,
           netlink::RouteWriter routes, netlink::RuleWriter rules, netlink::LinkWriter links,
           Fd packet_socket, Fd timer)
    : options_(std::move(options)),
      monitor_(std::move(monitor)),
      addresses_(std::move(addresses)),
      packet_socket_(std::move(packet_socket)),
      kernel_{monitor_.table(), addresses_, packet_socket_.get()},
      routing_(monitor_.table(), std::move(routes), std::move(rules)),
      host_(monitor_.table(), addresses_, routing_),
      links_(monitor_, settings_, std::move(links)),
      monitor_readable_(io_, monitor_.fd()),
      routes_readable_(io_),
      timer_(io_, std::move(timer)),
      trackers_(options_.trackers) {}

void Loop::start(config::Vrrp config) {
    post([this, first = std::move(config)] {
        watch_monitor();
        timer_.start([this](Instant due) { on_timer(due); });
        apply(first);
    });
    // Signals are the main thread's: this one, and all that it might start, never sees any.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Loop::run() {
    pthread_setname_np(pthread_self(), "vrrp");
    io_.run();
}

void Loop::stop() {
    if (!thread_.joinable())
        return;
    post([this] { shut_down(); });
    thread_.join();
}

void Loop::shut_down() {
    for (const auto& instance : instances_)
        instance->stop(clock_.now());
    host_.stop();
    links_.stop();
    settings_.want({}, monitor_.table());
    for (const auto& [channel, port] : ports_)
        port->detach();
    // The monitors own their sockets, too.
    monitor_readable_.release();
    if (routes_readable_.is_open())
        routes_readable_.release();
    io_.stop();
}

// ---- events -------------------------------------------------------------------------------------

void Loop::watch_monitor() {
    monitor_readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [this](error_code error) {
                                     if (error)
                                         return;
                                     on_kernel_readable();
                                     watch_monitor();
                                 });
}

void Loop::watch_routes() {
    const auto handler = [this, socket = num_route_sockets_](error_code error) {
        if (error || socket != num_route_sockets_)
            return;
        on_kernel_readable();
        watch_routes();
    };
    routes_readable_.async_wait(asio::posix::stream_descriptor::wait_read, handler);
}

// Most of what comes tells of our own renewals.
void Loop::on_kernel_readable() {
    if (!read_kernel())
        return;
    catch_up();
    after_event();
}

void Loop::watch(const std::shared_ptr<Port>& port) {
    // Cancelling does not reach a handler that is already queued, so it checks for itself whether
    // its socket is still there.
    const auto handler = [this, weak = std::weak_ptr(port),
                          attachment = port->num_attachments](error_code error) {
        const std::shared_ptr<Port> alive = weak.lock();
        if (error || !alive || alive->num_attachments != attachment)
            return;
        // As many as mostly come at once. When there are more, the next wait ends at once; to find
        // out that there are not would cost a system call for each advert.
        read(*alive,
             std::clamp(static_cast<int>(alive->instances.size()), 1, packets_per_turn_max));
        watch(alive);
        after_event();
    };
    port->readable.async_wait(asio::posix::stream_descriptor::wait_read, handler);
}

// Reads all that has come. After a pause of this process the adverts tell that there is a master,
// the kernel tells that a lease has ended, and the timers only tell that time has passed: in this
// order nobody takes over, or puts a VIP back, for want of news that was waiting.
void Loop::catch_up() {
    for (const auto& [channel, port] : ports_)
        read(*port, packets_per_turn_max);
    // That the delay of an interface has passed is news, too.
    const auto due = interface_watch_.deadline();
    if (!read_kernel() && (!due || clock_.now() < *due))
        return;
    kernel_changed_ = false;
    links_.settle();
    settings_.settle(monitor_.table());
    interface_watch_.update(clock_.now(), monitor_.table());
    host_.on_changes(clock_.now());
    for (const auto& [channel, port] : ports_)
        refresh(port);
    track_interfaces();
    for (const auto& instance : instances_)
        instance->on_addresses(clock_.now());
    tell_host_problems();
    touch_all();
}

// Takes over what has come. True: the instances are to be told of changes.
bool Loop::read_kernel() {
    if (const auto read = monitor_.read(); !read)
        log::error("{}", read.error().message);
    if (const auto read = routing_.read(); !read)
        log::error("{}", read.error().message);
    const bool routes_changed = routing_.take_changed();
    kernel_changed_ = monitor_.table().take_changed() || routes_changed || kernel_changed_;
    return kernel_changed_;
}

void Loop::tell_host_problems() {
    for (const auto& instance : instances_)
        instance->on_host_problem(clock_.now(), host_.problem_of(instance->config().name));
    touch_all();
}

void Loop::on_tracker(const TrackerId& id, const TrackerState& state) {
    trackers_[id] = state;
    for (const auto& instance : instances_)
        instance->on_tracker(clock_.now(), id, state);
    touch_all();
    after_event();
}

void Loop::read(Port& port, int packets_max) {
    for (int count = 0; count < packets_max && port.socket.is_attached(); ++count) {
        const auto received = port.socket.receive();
        if (!received)
            return;
        const auto& envelope = received->envelope;
        const auto vrid = envelope ? vrid_of(*envelope) : std::nullopt;
        Instance* const instance = vrid ? port.find(*vrid, envelope->source) : nullptr;
        if (!vrid)
            ++port.num_unknown;
        else if (instance == nullptr)
            on_unknown(port, *vrid, envelope->source);
        else if (!is_for_other_port(port, *envelope, *vrid)) {
            instance->on_packet(clock_.now(), *envelope);
            touch(*instance);
            settle_groups();
        }
    }
}

void Loop::on_unknown(Port& port, std::uint8_t vrid, const IpAddress& source) {
    if (port.count_unknown(vrid, source) && log_unknown_vrids_)
        log::info("Unknown VRID({}) received on interface({}). ignoring... (from {}; said once)",
                  vrid, port.channel.interface, source.to_string());
}

// The socket of a multicast group also hears what comes by unicast. Normally that is a mistake of
// the sender which its instance is to report, unless an instance that uses unicast waits for it.
bool Loop::is_for_other_port(const Port& port, const Envelope& envelope, std::uint8_t vrid) const {
    if (port.channel.unicast || envelope.destination.is_multicast())
        return false;
    return std::ranges::any_of(ports_, [&](const auto& entry) {
        const auto& [channel, other] = entry;
        return channel.unicast && channel.family == port.channel.family &&
               other->find(vrid, envelope.source) != nullptr;
    });
}

void Loop::arm() {
    const std::optional<Instant> next =
        earliest({announcements_.deadline(), host_.deadline(), interface_watch_.deadline(),
                  deadlines_.next(timer_slack)});
    if (next)
        timer_.set(*next, clock_.now());
}

void Loop::on_timer(Instant set_for) {
    const Instant now = clock_.now();
    const Duration lateness = now - set_for;
    lateness_max_ = std::max(lateness_max_, lateness);
    if (lateness >= lateness_reported)
        log::warn("A thread timer expired {:.3f} seconds ago",
                  std::chrono::duration<double>(lateness).count());
    const auto watch_due = interface_watch_.deadline();
    if (lateness >= pause_noticed || kernel_changed_ || (watch_due && now >= *watch_due))
        catch_up();
    for (Instance* const instance : deadlines_.due(clock_.now())) {
        instance->on_deadline(clock_.now());
        touch(*instance);
        // At once, so that a group is never seen half MASTER, nor waits for its next event.
        settle_groups();
    }
    if (const auto due = host_.deadline(); due && clock_.now() >= *due) {
        host_.on_deadline(clock_.now());
        tell_host_problems();
    }
    announcements_.run(clock_.now());
    after_event();
}

void Loop::after_event() {
    settle_groups();
    bool changed = std::exchange(reconfigured_, false);
    for (Instance* const instance : touched_) {
        changed = instance->take_changed() || changed;
        deadlines_.set(instance, instance->deadline());
    }
    touched_.clear();
    if (changed && options_.on_change)
        options_.on_change();
    arm();
}

void Loop::touch(Instance& instance) {
    touched_.push_back(&instance);
}

void Loop::touch_all() {
    touched_.clear();
    for (const auto& instance : instances_)
        touched_.push_back(instance.get());
}

std::vector<Standing> Loop::standings() const {
    const Instant now = clock_.now();
    const auto wall_now = std::chrono::system_clock::now();
    std::vector<Standing> standings;
    standings.reserve(instances_.size());
    for (const auto& instance : instances_)
        standings.push_back(instance->standing(now, wall_now));
    return standings;
}

std::vector<InstanceStatus> Loop::statuses() const {
    const Instant now = clock_.now();
    const auto wall_now = std::chrono::system_clock::now();
    std::vector<InstanceStatus> statuses;
    for (const auto& instance : instances_) {
        InstanceStatus& status = statuses.emplace_back(instance->status(now, wall_now));
        status.timer_lateness_max = lateness_max_;
        const auto group = std::ranges::find_if(groups_, [&](const auto& candidate) {
            return candidate->name() == instance->config().election.sync_group;
        });
        if (group != groups_.end())
            status.sync_group = (*group)->status(now, wall_now);
        status.advert_errors[static_cast<std::size_t>(AdvertError::unknown_vrid)].count =
            port_of(*instance).num_unknown;
    }
    return statuses;
}

}  // namespace headgate::vrrp
