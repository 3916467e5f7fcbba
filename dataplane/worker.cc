#include "dataplane/worker.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"

namespace headgate::dataplane {

namespace {

// Connections end in whole seconds, so an idle worker looks at them once a second.
constexpr std::chrono::milliseconds idle_wait{1000};

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
    if (!thread_.joinable())
        return;
    stopping_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    check(::write(wake_.get(), &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
    thread_.join();
}

bool Worker::run_once(Tick now) {
    port_->rx_burst(burst_);
    core_.expire(now);
    if (burst_.count == 0)
        return false;
    core_.process(reader_.current(), burst_, now);
    port_->to_kernel(burst_);
    port_->tx_burst(burst_);
    port_->release(burst_);
    if (const std::span<const Frame> released = core_.released(); !released.empty())
        port_->tx_copies(released);
    return true;
}

void Worker::run() {
    while (!stopping_.load(std::memory_order_acquire)) {
        if (run_once(tick_of(std::chrono::steady_clock::now())))
            continue;
        reader_.offline();
        port_->wait(wake_.get(), idle_wait);
    }
    reader_.offline();
}

}  // namespace headgate::dataplane
