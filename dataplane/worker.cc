#include "dataplane/worker.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"

namespace headgate::dataplane {

namespace {

// Connections end in whole seconds, so an idle worker looks at them once a second.
constexpr std::chrono::milliseconds idle_wait{1000};

void notify(int event_fd) {
    const std::uint64_t one = 1;
    check(::write(event_fd, &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
}

}  // namespace

Tick tick_of(Instant now) {
    return static_cast<Tick>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

Worker::Worker(std::unique_ptr<Port> port, SnapshotReader& reader, PersistenceTable& persistence,
               const CoreOptions& options)
    : port_(std::move(port)),
      reader_(reader),
      core_(options, persistence),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    check(static_cast<bool>(wake_), "there is a file descriptor for the worker's wake-up");
}

Worker::~Worker() {
    stop();
}

void Worker::join(CorePeers& peers) {
    check(!thread_.joinable(), "a worker knows its peers before it starts");
    peers.cores.push_back(&core_);
    core_.know_peers(peers);
}

void Worker::start(const std::string& name) {
    check(!thread_.joinable(), "a worker is started once");
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

void Worker::stop() {
    if (thread_.joinable()) {
        stopping_.store(true, std::memory_order_release);
        notify(wake_.get());
        thread_.join();
    }
    if (question_.load(std::memory_order_relaxed) != nullptr)
        finish_question();
}

void Worker::post(CoreQuestion& question, int done) {
    check(question_.load(std::memory_order_relaxed) == nullptr, "one question at a time");
    // First the wake-up: the worker takes it back when the question is finished, which may be
    // before this function returns.
    notify(wake_.get());
    question_done_ = done;
    question_.store(&question, std::memory_order_release);
}

bool Worker::answer_piece(const Snapshot& snapshot, Tick now) {
    CoreQuestion* question = question_.load(std::memory_order_acquire);
    if (question == nullptr) [[likely]]
        return false;
    if (question->answer_piece(core_, snapshot, now)) {
        // What post() has woken the worker with.
        std::uint64_t wakes = 0;
        static_cast<void>(::read(wake_.get(), &wakes, sizeof wakes));
        finish_question();
    }
    return true;
}

void Worker::finish_question() {
    const int done = question_done_;
    CoreQuestion* question = question_.load(std::memory_order_relaxed);
    question_.store(nullptr, std::memory_order_relaxed);  // post() comes after finish()
    question->finish();
    notify(done);
}

void Worker::process_watched(const Snapshot& snapshot, Tick now) {
    PacketWatch& watch = *core_.watch();
    watch.look_before(snapshot, burst_);
    core_.process(snapshot, burst_, now);
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    watch.look_after(burst_, core_.fates(),
                     std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

bool Worker::run_once(Tick now) {
    port_->rx_burst(burst_);
    const Snapshot& snapshot = reader_.current();
    core_.expire(snapshot, now);
    const bool answering = answer_piece(snapshot, now);
    const bool enforcing = core_.enforce_access(snapshot, now);
    if (burst_.count == 0)
        return answering || enforcing;
    if (core_.watch() == nullptr) [[likely]]
        core_.process(snapshot, burst_, now);
    else
        process_watched(snapshot, now);
    port_->to_kernel(burst_);
    port_->tx_burst(burst_);
    if (burst_.elsewhere != 0)
        port_->tx_elsewhere(burst_);
    port_->release(burst_);
    if (const std::span<const Frame> released = core_.released(); !released.empty())
        port_->tx_copies(released, core_.released_egresses());
    return true;
}

void Worker::run() {
    Instant now = std::chrono::steady_clock::now();
    while (!stopping_.load(std::memory_order_acquire)) {
        if (meter_.begin(now))
            core_.adapt(meter_.busy_permille());
        if (run_once(tick_of(now))) {
            const Instant began = std::exchange(now, std::chrono::steady_clock::now());
            meter_.add(now - began);
            continue;
        }
        reader_.offline();
        port_->wait(wake_.get(), idle_wait);
        now = std::chrono::steady_clock::now();
    }
    reader_.offline();
}

}  // namespace headgate::dataplane
