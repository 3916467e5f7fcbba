#include "controlplane/bfd/bfd_thread.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/clock.h"
#include "common/log.h"
#include "common/realtime.h"
#include "controlplane/bfd/instance.h"
#include "controlplane/bfd/sockets.h"

namespace headgate::bfd {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Packets read from one socket before timers and the others have their turn.
constexpr int packets_per_turn_max = 64;
// How often a socket that could not be opened is tried again.
constexpr std::chrono::seconds retry_interval{1};

struct ReceiverKey {
    Family family = Family::ipv4;
    bool multihop = false;
    auto operator<=>(const ReceiverKey&) const = default;
};

ReceiverKey key_of(const config::BfdInstance& config) {
    return {config.neighbor.family(), config.multihop};
}

// One port on which packets come, or why they cannot.
struct Port {
    Port(ReceiverKey which, asio::io_context& io) : key(which), readable(io) {}
    // The receiver owns its socket.
    ~Port() { close(); }
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    void close() {
        if (receiver)
            readable.release();
        receiver.reset();
    }

    ReceiverKey key;
    std::optional<Receiver> receiver;
    asio::posix::stream_descriptor readable;
    std::string problem;
};

// What a session sends with, or why it cannot. Its own object, so that it stays where it is.
struct Outlet {
    std::optional<Sender> sender;
    std::string problem;
};

}  // namespace

class BfdThread::Loop {
public:
    explicit Loop(Options options) : options_(std::move(options)), timer_(io_) {}

    void start(std::vector<config::BfdInstance> instances);
    void stop();
    template <typename Work>
    void post(Work work) {
        asio::post(io_, std::move(work));
    }

    // The rest runs on the thread.
    void apply(std::vector<config::BfdInstance> next);
    [[nodiscard]] std::vector<InstanceStatus> statuses() const;

private:
    void run();
    void shut_down();
    void watch(const std::shared_ptr<Port>& port);
    void read(Port& port);
    void catch_up();
    void arm();
    void on_timer();
    void after_event();

    void open_ports(const std::vector<config::BfdInstance>& next);
    void open_missing();
    std::unique_ptr<Instance> make_instance(config::BfdInstance config);
    [[nodiscard]] std::uint32_t new_discriminator();

    asio::io_context io_{1};
    Options options_;
    RealClock clock_;
    Random random_{std::random_device{}()};
    asio::steady_timer timer_;
    std::optional<Instant> armed_;
    std::optional<Instant> retry_;  // sockets are missing
    bool reconfigured_ = false;
    std::map<ReceiverKey, std::shared_ptr<Port>> ports_;  // watch() looks weakly
    std::map<std::string, Outlet> outlets_;               // by name of the instance
    std::vector<std::unique_ptr<Instance>> instances_;    // in configuration order
    PacketErrors errors_{};                               // packets that are nobody's
    std::thread thread_;
};

void BfdThread::Loop::start(std::vector<config::BfdInstance> instances) {
    post([this, first = std::move(instances)]() mutable { apply(std::move(first)); });
    // Signals are the main thread's: this one never sees any.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void BfdThread::Loop::run() {
    pthread_setname_np(pthread_self(), "bfd");
    for (const std::string& refusal : become_realtime("BFD", options_.scheduling))
        log::warn("{}", refusal);
    const auto work = asio::make_work_guard(io_);
    io_.run();
}

void BfdThread::Loop::stop() {
    if (!thread_.joinable())
        return;
    post([this] { shut_down(); });
    thread_.join();
}

void BfdThread::Loop::shut_down() {
    for (const auto& instance : instances_)
        instance->stop(clock_.now());
    ports_.clear();
    io_.stop();
}

// ---- events -------------------------------------------------------------------------------------

void BfdThread::Loop::watch(const std::shared_ptr<Port>& port) {
    const auto handler = [this, weak = std::weak_ptr(port)](error_code error) {
        const std::shared_ptr<Port> alive = weak.lock();
        if (error || !alive || !alive->receiver)
            return;
        read(*alive);
        watch(alive);
        after_event();
    };
    port->readable.async_wait(asio::posix::stream_descriptor::wait_read, handler);
}

void BfdThread::Loop::read(Port& port) {
    for (int count = 0; count < packets_per_turn_max && port.receiver; ++count) {
        const auto arrival = port.receiver->receive();
        if (!arrival)
            return;
        dispatch(clock_.now(), *arrival, instances_, errors_);
    }
}

// After a pause of this thread packets may be waiting that tell that nobody was silent: they are
// read before any timer is believed.
void BfdThread::Loop::catch_up() {
    for (const auto& [key, port] : ports_)
        read(*port);
}

void BfdThread::Loop::arm() {
    std::optional<Instant> earliest = retry_;
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

void BfdThread::Loop::on_timer() {
    armed_.reset();
    catch_up();
    if (retry_ && *retry_ <= clock_.now())
        open_missing();
    for (const auto& instance : instances_)
        instance->on_deadline(clock_.now());
    after_event();
}

void BfdThread::Loop::after_event() {
    bool changed = std::exchange(reconfigured_, false);
    for (const auto& instance : instances_)
        changed = instance->take_changed() || changed;
    if (changed && options_.on_change)
        options_.on_change(statuses());
    arm();
}

// ---- configuration ------------------------------------------------------------------------------

void BfdThread::Loop::apply(std::vector<config::BfdInstance> next) {
    const auto now = clock_.now();
    std::vector<std::unique_ptr<Instance>> previous = std::exchange(instances_, {});
    const auto take_previous = [&](const config::BfdInstance& config) {
        const auto kept = std::ranges::find_if(previous, [&](const auto& candidate) {
            return candidate && Instance::same_session(candidate->config(), config);
        });
        return kept == previous.end() ? nullptr : std::move(*kept);
    };
    std::vector<std::unique_ptr<Instance>> taken;
    taken.reserve(next.size());
    for (const config::BfdInstance& config : next)
        taken.push_back(take_previous(config));
    // Those that are gone say so before others take their names, ports and addresses.
    for (const auto& gone : previous) {
        if (!gone)
            continue;
        gone->stop(now);
        outlets_.erase(gone->config().name);
    }
    open_ports(next);
    for (std::size_t index = 0; index < next.size(); ++index) {
        if (!taken[index]) {
            instances_.push_back(make_instance(std::move(next[index])));
            continue;
        }
        instances_.push_back(std::move(taken[index]));
        Instance& instance = *instances_.back();
        const bool is_other_socket = instance.config().ttl != next[index].ttl;
        instance.reconfigure(now, std::move(next[index]));
        if (is_other_socket)
            outlets_.at(instance.config().name).sender.reset();
    }
    open_missing();
    reconfigured_ = true;
    after_event();
}

std::unique_ptr<Instance> BfdThread::Loop::make_instance(config::BfdInstance config) {
    Outlet& outlet = outlets_[config.name];
    const auto send = [&outlet](std::span<const std::uint8_t> packet) -> Result<void> {
        if (!outlet.sender)
            return fail("{}", outlet.problem);
        return outlet.sender->send(packet);
    };
    return std::make_unique<Instance>(std::move(config), new_discriminator(), random_, send,
                                      clock_.now());
}

std::uint32_t BfdThread::Loop::new_discriminator() {
    while (true) {
        const auto candidate = static_cast<std::uint32_t>(random_());
        const bool is_taken = std::ranges::any_of(instances_, [&](const auto& instance) {
            return instance->session().discriminator() == candidate;
        });
        if (candidate != 0 && !is_taken)
            return candidate;
    }
}

void BfdThread::Loop::open_ports(const std::vector<config::BfdInstance>& next) {
    std::erase_if(ports_, [&](const auto& entry) {
        return std::ranges::none_of(
            next, [&](const config::BfdInstance& config) { return key_of(config) == entry.first; });
    });
    for (const config::BfdInstance& config : next) {
        auto& port = ports_[key_of(config)];
        if (!port)
            port = std::make_shared<Port>(key_of(config), io_);
    }
}

// Tries every socket that is not there: another daemon may have ended, an address may have come.
void BfdThread::Loop::open_missing() {
    retry_.reset();
    const auto try_again = [&] { retry_ = clock_.now() + retry_interval; };
    for (const auto& [key, port] : ports_) {
        if (port->receiver)
            continue;
        auto receiver = Receiver::open(key.family, key.multihop);
        port->problem = receiver ? "" : receiver.error().message;
        if (!receiver) {
            try_again();
            continue;
        }
        port->receiver.emplace(std::move(*receiver));
        port->readable.assign(port->receiver->fd());
        watch(port);
    }
    for (const auto& instance : instances_) {
        Outlet& outlet = outlets_.at(instance->config().name);
        if (!outlet.sender) {
            const auto first_port = static_cast<std::uint16_t>(
                source_port_min + random_() % (0x10000 - source_port_min));
            auto sender = Sender::open(instance->config(), first_port);
            outlet.problem = sender ? "" : sender.error().message;
            if (sender)
                outlet.sender.emplace(std::move(*sender));
            else
                try_again();
        }
        const Port& port = *ports_.at(key_of(instance->config()));
        instance->set_problem(port.problem.empty() ? outlet.problem : port.problem);
    }
}

std::vector<InstanceStatus> BfdThread::Loop::statuses() const {
    const Instant now = clock_.now();
    std::vector<InstanceStatus> statuses;
    for (const auto& instance : instances_) {
        InstanceStatus& status = statuses.emplace_back(instance->status(now));
        for (std::size_t index = 0; index < num_packet_errors; ++index)
            status.packet_errors[index].count += errors_[index];
    }
    return statuses;
}

// ---- the public face ----------------------------------------------------------------------------

BfdThread::BfdThread(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

BfdThread::~BfdThread() {  // NOLINT(bugprone-exception-escape): see the header
    stop();
}

std::unique_ptr<BfdThread> BfdThread::start(std::vector<config::BfdInstance> instances,
                                            Options options) {
    auto loop = std::make_unique<Loop>(std::move(options));
    loop->start(std::move(instances));
    return std::unique_ptr<BfdThread>(new BfdThread(std::move(loop)));
}

void BfdThread::reconfigure(std::vector<config::BfdInstance> instances) {
    loop_->post([loop = loop_.get(), next = std::move(instances)]() mutable {
        loop->apply(std::move(next));
    });
}

void BfdThread::request_status(StatusHandler handler) {
    loop_->post([loop = loop_.get(), handler = std::move(handler)] { handler(loop->statuses()); });
}

void BfdThread::stop() {
    loop_->stop();
}

}  // namespace headgate::bfd
