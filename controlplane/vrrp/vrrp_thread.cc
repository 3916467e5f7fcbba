#include "controlplane/vrrp/vrrp_thread.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/clock.h"
#include "common/log.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/kernel_link.h"
#include "controlplane/vrrp/realtime.h"

namespace headgate::vrrp {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Packets read from one interface before timers and the others have their turn.
constexpr int packets_per_turn_max = 64;
// A timer this late is worth a line in the log; adverts are at least 10 ms apart.
constexpr Duration lateness_reported = std::chrono::milliseconds(100);

// One interface with the instances on it.
struct Port {
    Port(std::string name, const Kernel& kernel, asio::io_context& io)
        : interface(std::move(name)), link(interface, kernel), readable(io) {}

    [[nodiscard]] Instance* find(std::uint8_t vrid) const {
        const auto found = std::ranges::find_if(
            instances, [&](const Instance* instance) { return instance->config().vrid == vrid; });
        return found == instances.end() ? nullptr : *found;
    }

    std::string interface;
    KernelLink link;
    // Waits on the link's socket; the link owns it.
    asio::posix::stream_descriptor readable;
    std::uint64_t num_attachments = 0;  // tells the sockets that the link has had apart
    LinkState state;
    std::uint64_t num_unknown = 0;  // adverts for no instance here
    std::vector<Instance*> instances;
};

}  // namespace

class VrrpThread::Loop {
public:
    static Result<std::unique_ptr<Loop>> open(Options options);

    void start(config::Vrrp config);
    void stop();
    template <typename Work>
    void post(Work work) {
        asio::post(io_, std::move(work));
    }

    // The rest runs on the thread.
    void apply(config::Vrrp next);
    [[nodiscard]] std::vector<InstanceStatus> statuses() const;

private:
    Loop(Options options, netlink::Monitor monitor, netlink::AddressWriter addresses,
         Fd packet_socket);
    void run();
    void shut_down();

    void watch_monitor();
    void watch(const std::shared_ptr<Port>& port);
    void detach(Port& port);
    void catch_up();
    void read(Port& port);
    void arm();
    void on_timer();
    void after_event();

    void retire(const std::vector<config::VrrpInstance>& next);
    void open_ports(const std::vector<config::VrrpInstance>& next);
    void refresh(const std::shared_ptr<Port>& shared);
    [[nodiscard]] LinkState state_of(const Port& port) const;
    [[nodiscard]] Port& port_of(const Instance& instance) const;

    asio::io_context io_{1};
    Options options_;
    netlink::Monitor monitor_;
    netlink::AddressWriter addresses_;
    Fd packet_socket_;
    Kernel kernel_;
    RealClock clock_;
    asio::posix::stream_descriptor monitor_readable_;
    asio::steady_timer timer_;
    std::optional<Instant> armed_;
    Duration lateness_max_{};
    bool reconfigured_ = false;
    std::map<std::string, std::shared_ptr<Port>> ports_;  // by interface; watch() looks weakly
    std::vector<std::unique_ptr<Instance>> instances_;    // in configuration order
    std::set<IpAddress> vips_;                            // of all instances
    std::thread thread_;
};

Result<std::unique_ptr<VrrpThread::Loop>> VrrpThread::Loop::open(Options options) {
    auto monitor = netlink::Monitor::open();
    if (!monitor)
        return tl::unexpected(monitor.error());
    auto addresses = netlink::AddressWriter::open();
    if (!addresses)
        return tl::unexpected(addresses.error());
    auto packet_socket = open_packet_socket();
    if (!packet_socket)
        return tl::unexpected(packet_socket.error());
    return std::unique_ptr<Loop>(new Loop(std::move(options), std::move(*monitor),
                                          std::move(*addresses), std::move(*packet_socket)));
}

VrrpThread::Loop::Loop(Options options, netlink::Monitor monitor, netlink::AddressWriter addresses,
                       Fd packet_socket)
    : options_(std::move(options)),
      monitor_(std::move(monitor)),
      addresses_(std::move(addresses)),
      packet_socket_(std::move(packet_socket)),
      kernel_{monitor_.table(), addresses_, packet_socket_.get()},
      monitor_readable_(io_, monitor_.fd()),
      timer_(io_) {}

void VrrpThread::Loop::start(config::Vrrp config) {
    post([this, first = std::move(config)]() mutable {
        watch_monitor();
        apply(std::move(first));
    });
    // Signals are the main thread's: this one, and all that it might start, never sees any.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void VrrpThread::Loop::run() {
    pthread_setname_np(pthread_self(), "vrrp");
    for (const std::string& refusal : become_realtime())
        log::warn("{}", refusal);
    io_.run();
}

void VrrpThread::Loop::stop() {
    if (!thread_.joinable())
        return;
    post([this] { shut_down(); });
    thread_.join();
}

void VrrpThread::Loop::shut_down() {
    for (const auto& instance : instances_)
        instance->stop(clock_.now());
    for (const auto& [name, port] : ports_)
        detach(*port);
    // The monitor owns its socket, too.
    monitor_readable_.release();
    io_.stop();
}

// ---- events -------------------------------------------------------------------------------------

void VrrpThread::Loop::watch_monitor() {
    monitor_readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [this](error_code error) {
                                     if (error)
                                         return;
                                     catch_up();
                                     watch_monitor();
                                     after_event();
                                 });
}

void VrrpThread::Loop::watch(const std::shared_ptr<Port>& port) {
    // Cancelling does not reach a handler that is already queued, so it checks for itself whether
    // its socket is still there.
    const auto handler = [this, weak = std::weak_ptr(port),
                          attachment = port->num_attachments](error_code error) {
        const std::shared_ptr<Port> alive = weak.lock();
        if (error || !alive || alive->num_attachments != attachment)
            return;
        read(*alive);
        watch(alive);
        after_event();
    };
    port->readable.async_wait(asio::posix::stream_descriptor::wait_read, handler);
}

void VrrpThread::Loop::detach(Port& port) {
    if (port.link.index() == 0)
        return;
    port.readable.release();
    port.link.detach();
    ++port.num_attachments;
}

// Reads all that has come. After a pause of this process the adverts tell that there is a master,
// the kernel tells that a lease has ended, and the timers only tell that time has passed: in this
// order nobody takes over, or puts a VIP back, for want of news that was waiting.
void VrrpThread::Loop::catch_up() {
    for (const auto& [name, port] : ports_)
        read(*port);
    if (const auto read = monitor_.read(); !read)
        log::error("{}", read.error().message);
    for (const auto& [name, port] : ports_)
        refresh(port);
    for (const auto& instance : instances_)
        instance->on_addresses(clock_.now());
}

void VrrpThread::Loop::read(Port& port) {
    for (int count = 0; count < packets_per_turn_max && port.link.index() != 0; ++count) {
        const auto packet = port.link.receive();
        if (!packet)
            return;
        const auto origin = peek(*packet);
        Instance* const instance = origin ? port.find(origin->vrid) : nullptr;
        if (!origin || instance == nullptr)
            ++port.num_unknown;
        else
            instance->on_packet(clock_.now(), *origin, *packet);
    }
}

void VrrpThread::Loop::arm() {
    std::optional<Instant> earliest;
    for (const auto& instance : instances_) {
        if (const auto deadline = instance->deadline())
            earliest = earliest ? std::min(*earliest, *deadline) : deadline;
    }
    if (earliest == armed_)
        return;
    armed_ = earliest;
    if (!earliest) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(*earliest);
    timer_.async_wait([this](error_code error) {
        if (!error)
            on_timer();
    });
}

void VrrpThread::Loop::on_timer() {
    if (armed_) {
        const Duration lateness = clock_.now() - *armed_;
        lateness_max_ = std::max(lateness_max_, lateness);
        if (lateness >= lateness_reported)
            log::warn("A thread timer expired {:.3f} seconds ago",
                      std::chrono::duration<double>(lateness).count());
    }
    armed_.reset();
    catch_up();
    for (const auto& instance : instances_)
        instance->on_deadline(clock_.now());
    after_event();
}

void VrrpThread::Loop::after_event() {
    bool changed = std::exchange(reconfigured_, false);
    for (const auto& instance : instances_)
        changed = instance->take_changed() || changed;
    if (changed && options_.on_change)
        options_.on_change(statuses());
    arm();
}

// ---- configuration ------------------------------------------------------------------------------

namespace {

// The instance stays in its group of routers, so that it keeps its state.
bool same_group(const config::VrrpInstance& left, const config::VrrpInstance& right) {
    return left.name == right.name && left.interface == right.interface && left.vrid == right.vrid;
}

}  // namespace

void VrrpThread::Loop::apply(config::Vrrp next) {
    vips_.clear();
    for (const config::VrrpInstance& config : next.instances) {
        for (const config::VirtualAddress& vip : config.virtual_addresses)
            vips_.insert(vip.prefix.address);
    }
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
        instances_.push_back(std::make_unique<Instance>(std::move(config), port.link));
        port.instances.push_back(instances_.back().get());
        instances_.back()->start(clock_.now(), port.state);
    }
    reconfigured_ = true;
    after_event();
}

// Stops what `next` no longer has, and removes the VIPs that others may be waiting for.
void VrrpThread::Loop::retire(const std::vector<config::VrrpInstance>& next) {
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

void VrrpThread::Loop::open_ports(const std::vector<config::VrrpInstance>& next) {
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
void VrrpThread::Loop::refresh(const std::shared_ptr<Port>& shared) {
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

LinkState VrrpThread::Loop::state_of(const Port& port) const {
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

Port& VrrpThread::Loop::port_of(const Instance& instance) const {
    return *ports_.at(instance.config().interface);
}

std::vector<InstanceStatus> VrrpThread::Loop::statuses() const {
    const Instant now = clock_.now();
    const auto wall_now = std::chrono::system_clock::now();
    std::vector<InstanceStatus> statuses;
    for (const auto& instance : instances_) {
        InstanceStatus& status = statuses.emplace_back(instance->status(now, wall_now));
        status.timer_lateness_max = lateness_max_;
        status.advert_errors[static_cast<std::size_t>(AdvertError::unknown_vrid)].count =
            port_of(*instance).num_unknown;
    }
    return statuses;
}

// ---- the public face ----------------------------------------------------------------------------

VrrpThread::VrrpThread(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

VrrpThread::~VrrpThread() {
    stop();
}

Result<std::unique_ptr<VrrpThread>> VrrpThread::start(config::Vrrp config, Options options) {
    auto loop = Loop::open(std::move(options));
    if (!loop)
        return tl::unexpected(loop.error());
    (*loop)->start(std::move(config));
    return std::unique_ptr<VrrpThread>(new VrrpThread(std::move(*loop)));
}

void VrrpThread::reconfigure(config::Vrrp config) {
    loop_->post(
        [loop = loop_.get(), next = std::move(config)]() mutable { loop->apply(std::move(next)); });
}

void VrrpThread::request_status(StatusHandler handler) {
    loop_->post([loop = loop_.get(), handler = std::move(handler)] { handler(loop->statuses()); });
}

void VrrpThread::stop() {
    loop_->stop();
}

}  // namespace headgate::vrrp
