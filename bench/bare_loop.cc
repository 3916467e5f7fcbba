#include "bench/bare_loop.h"

#include <algorithm>

#include <net/if.h>
#include <sys/eventfd.h>

#include "bench/dataplane_process.h"
#include "dataplane/core/frame.h"

namespace headgate::bench {
namespace {

constexpr int open_attempts = 50;

}  // namespace

Result<std::unique_ptr<BareLoop>> BareLoop::start(Traffic& traffic) {
    std::unique_ptr<BareLoop> loop(new BareLoop());
    dataplane::AfxdpOptions options;
    options.interface = Traffic::device;
    options.ifindex = static_cast<int>(::if_nametoindex(Traffic::device));
    options.frame_bytes_max = 1518;
    options.opening_share = &loop->unused_share_;
    // The kernel lets go of the socket of a process that has ended a moment later.
    Result<std::unique_ptr<dataplane::AfxdpPort>> port = dataplane::AfxdpPort::open(options);
    for (int attempt = 0; !port && attempt < open_attempts; ++attempt) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        port = dataplane::AfxdpPort::open(options);
    }
    if (!port)
        return tl::unexpected(port.error());
    loop->port_ = std::move(*port);
    Result<Fd> link = traffic.attach_redirect(loop->port_->socket_fd());
    if (!link)
        return tl::unexpected(link.error());
    loop->link_ = std::move(*link);
    loop->thread_ = std::thread([&loop = *loop] { loop.run(); });
    return loop;
}

BareLoop::~BareLoop() {
    stopping_.store(true);
    if (thread_.joinable())
        thread_.join();
}

void BareLoop::run() {
    use_cpus(false);
    const Fd never(::eventfd(0, EFD_CLOEXEC));
    dataplane::Burst burst;
    while (!stopping_.load(std::memory_order_relaxed)) {
        port_->rx_burst(burst);
        if (burst.count == 0) {
            port_->wait(never.get(), std::chrono::milliseconds(10));
            continue;
        }
        for (std::uint32_t index = 0; index < burst.count; ++index) {
            std::uint8_t* frame = burst.frames[index].data;
            std::swap_ranges(frame, frame + 6, frame + 6);
            burst.verdicts[index] = dataplane::Verdict::transmit;
        }
        port_->tx_burst(burst);
        port_->release(burst);
    }
}

}  // namespace headgate::bench
