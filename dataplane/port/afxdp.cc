#include "dataplane/port/afxdp.h"

#include <algorithm>
#include <array>
#include <atomic>

#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include "common/check.h"
#include "common/fd.h"
#include "dataplane/port/opening_share.h"

namespace headgate::dataplane {

namespace {

// Frames per ring. Deep enough to ride out a few milliseconds in which the scheduler runs
// something else, at a million packets a second.
constexpr std::uint32_t ring_frames = 2048;
// Every ring can be full at once, so the fill ring never runs dry for want of a chunk.
constexpr std::uint32_t umem_chunks = 4 * ring_frames;
// The kernel puts this much room before every received frame (XDP_PACKET_HEADROOM).
constexpr std::uint32_t kernel_headroom_bytes = 256;
static_assert(kernel_headroom_bytes >= frame_headroom_bytes, "the core puts headers there");
constexpr std::uint64_t huge_page_bytes = 2U << 20U;
// The two sizes of chunk that every kernel takes: a power of two, at most a page.
constexpr std::uint64_t chunk_bytes_small = 2048;
constexpr std::uint64_t chunk_bytes_large = 4096;

// Returning a frame to the kernel costs a system call of some microseconds: this bounds what a
// flood of such packets can take from the forwarded ones.
constexpr std::uint32_t kernel_frames_per_burst = 8;

// In copy mode one sendto() moves at most 32 frames (TX_BATCH_SIZE in net/xdp/xsk.c), so a burst of
// 64 needs two; the rest is for a device that is busy for a moment.
constexpr int transmit_attempts = 6;

// Room for a ring of frames in the socket's send buffer, which copied frames are charged to.
constexpr int send_buffer_bytes = 8 << 20;

std::span<std::uint8_t> map_memory(std::size_t bytes) {
    constexpr int protection = PROT_READ | PROT_WRITE;
    constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    void* start = ::mmap(nullptr, bytes, protection, flags | MAP_HUGETLB, -1, 0);
    if (start == MAP_FAILED)
        start = ::mmap(nullptr, bytes, protection, flags, -1, 0);
    if (start == MAP_FAILED)
        return {};
    return {static_cast<std::uint8_t*>(start), bytes};
}

// One SIOCETHTOOL request. False when the interface or its driver does not answer it.
bool ethtool(const std::string& interface, void* request) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq argument{};
    interface.copy(argument.ifr_name, IFNAMSIZ - 1);
    argument.ifr_data = static_cast<char*>(request);
    return socket && ::ioctl(socket.get(), SIOCETHTOOL, &argument) == 0;
}

std::string driver_name(const std::string& interface) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    return ethtool(interface, &info) ? info.driver : "unknown";
}

}  // namespace

struct AfxdpPort::Socket {
    xsk_ring_prod fill{};
    xsk_ring_cons completion{};
    xsk_ring_cons rx{};
    xsk_ring_prod tx{};
    xsk_umem* umem = nullptr;
    xsk_socket* handle = nullptr;

    Socket() = default;
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (handle != nullptr)
            xsk_socket__delete(handle);
        if (umem != nullptr)
            xsk_umem__delete(umem);
    }
};

AfxdpPort::AfxdpPort(const AfxdpOptions& options) : options_(options) {}

AfxdpPort::~AfxdpPort() {
    socket_.reset();
    if (!memory_.empty())
        ::munmap(memory_.data(), memory_.size());
}

Result<std::unique_ptr<AfxdpPort>> AfxdpPort::open(const AfxdpOptions& options) {
    check(options.opening_share != nullptr, "a queue has its share in the steering program");
    std::unique_ptr<AfxdpPort> port(new AfxdpPort(options));
    Result<std::unique_ptr<PacketSender>> sender = PacketSender::open();
    if (!sender)
        return tl::unexpected(sender.error());
    port->sender_ = std::move(*sender);
    if (auto memory = port->open_memory(); !memory)
        return tl::unexpected(memory.error());
    if (options.generic) {
        port->copy_reason_ = "generic XDP always copies";
    } else if (auto opened = port->open_socket(true); opened) {
        port->zero_copy_ = true;
        return port;
    } else if (opened.error().code == EOPNOTSUPP) {
        port->copy_reason_ = fmt::format("the driver of {} ({}) has no zero-copy AF_XDP",
                                         options.interface, driver_name(options.interface));
    } else {
        port->copy_reason_ = "no zero-copy: " + opened.error().message;
    }
    if (auto opened = port->open_socket(false); !opened)
        return tl::unexpected(opened.error());
    return port;
}

Result<void> AfxdpPort::open_memory() {
    // The kernel charges the UMEM to RLIMIT_MEMLOCK; without the right to raise the limit, the
    // error of xsk_umem__create says so.
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_MEMLOCK, &unlimited);

    const std::uint64_t wanted = options_.frame_bytes_max + kernel_headroom_bytes;
    chunk_bytes_ = wanted <= chunk_bytes_small ? chunk_bytes_small : chunk_bytes_large;
    // The kernel would drop longer frames without a word to anybody.
    if (wanted > chunk_bytes_large)
        return fail(
            "{}: frames of up to {} bytes do not fit into AF_XDP's buffers; set its MTU to {} "
            "or less",
            options_.interface, options_.frame_bytes_max,
            chunk_bytes_large - kernel_headroom_bytes - ethernet_bytes_max);
    const std::size_t bytes = umem_chunks * chunk_bytes_;
    static_assert(umem_chunks * chunk_bytes_small % huge_page_bytes == 0);
    memory_ = map_memory(bytes);
    if (memory_.empty())
        return fail_errno("{}: allocate {} MB of packet memory for queue {}", options_.interface,
                          bytes >> 20U, options_.queue);
    return {};
}

// Opens UMEM and socket from scratch, so that a rung of the ladder leaves nothing to the next.
Result<void> AfxdpPort::open_socket(bool zero_copy) {
    socket_ = std::make_unique<Socket>();
    xsk_umem_config memory{};
    memory.fill_size = ring_frames;
    memory.comp_size = ring_frames;
    memory.frame_size = static_cast<std::uint32_t>(chunk_bytes_);
    if (const int error = xsk_umem__create(&socket_->umem, memory_.data(), memory_.size(),
                                           &socket_->fill, &socket_->completion, &memory);
        error != 0)
        return fail_code(-error, "{}: register {} MB of packet memory for queue {}",
                         options_.interface, memory_.size() >> 20U, options_.queue);

    // Filled before the bind: drivers take their receive buffers from the ring at that moment.
    free_.clear();
    free_.reserve(umem_chunks);
    for (std::uint64_t chunk = umem_chunks; chunk > 0; --chunk)
        free_.push_back((chunk - 1) * chunk_bytes_);
    refill();

    xsk_socket_config config{};
    config.rx_size = ring_frames;
    config.tx_size = ring_frames;
    config.libbpf_flags = XSK_LIBBPF_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags =
        static_cast<std::uint16_t>(XDP_USE_NEED_WAKEUP | (zero_copy ? XDP_ZEROCOPY : XDP_COPY));
    if (const int error =
            xsk_socket__create(&socket_->handle, options_.interface.c_str(), options_.queue,
                               socket_->umem, &socket_->rx, &socket_->tx, &config);
        error != 0)
        return fail_code(-error, "{}: bind an AF_XDP socket to queue {}{}", options_.interface,
                         options_.queue,
                         error == -EBUSY ? " (another program has a socket on it)" : "");
    ::setsockopt(socket_fd(), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes,
                 sizeof send_buffer_bytes);
    limit_openings();
    return {};
}

std::uint64_t AfxdpPort::chunk_of(const Frame& frame) const {
    const auto offset = static_cast<std::uint64_t>(frame.data - memory_.data());
    return offset & ~(chunk_bytes_ - 1);
}

// Sets the limit by the rule of opening_limit(). The program reads and writes the share at any
// time: no order but that of the two reads matters, and a limit that is a burst old does no harm.
void AfxdpPort::limit_openings() {
    lb_opening_share& share = *options_.opening_share;
    const std::uint64_t passed =
        std::atomic_ref<decltype(share.passed)>(share.passed).load(std::memory_order_acquire);
    // The ring's own counter: libxdp's copy is of the time when the last copy had been used up.
    const std::uint32_t produced =
        std::atomic_ref<std::uint32_t>(*socket_->rx.producer).load(std::memory_order_relaxed);
    const std::uint32_t backlog = produced - socket_->rx.cached_cons;
    std::atomic_ref<decltype(share.limit)>(share.limit)
        .store(opening_limit(passed, backlog, ring_frames), std::memory_order_relaxed);
}

void AfxdpPort::rx_burst(Burst& burst) {
    reclaim();
    std::uint32_t first = 0;
    const std::uint32_t received = xsk_ring_cons__peek(&socket_->rx, burst_max, &first);
    std::uint64_t bytes = 0;
    for (std::uint32_t index = 0; index < received; ++index) {
        const xdp_desc* descriptor = xsk_ring_cons__rx_desc(&socket_->rx, first + index);
        burst.frames[index] = {memory_.data() + descriptor->addr, descriptor->len};
        bytes += descriptor->len;
    }
    burst.count = received;
    burst.headroom = kernel_headroom_bytes;
    if (received > 0) {
        xsk_ring_cons__release(&socket_->rx, received);
        counters_.rx_packets.add(received);
        counters_.rx_bytes.add(bytes);
    }
    limit_openings();
    refill();
}

void AfxdpPort::tx_burst(const Burst& burst) {
    std::uint32_t sent = 0;
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] != Verdict::transmit)
            continue;
        if (enqueue(burst.frames[index]))
            ++sent;
    }
    submit(sent);
}

void AfxdpPort::tx_elsewhere(const Burst& burst) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] == Verdict::elsewhere)
            sender_->add(burst.frames[index], burst.egresses[index]);
    }
    sender_->flush();
}

void AfxdpPort::tx_copies(std::span<const Frame> frames, std::span<const int> egresses) {
    std::uint32_t sent = 0;
    for (std::size_t index = 0; index < frames.size(); ++index) {
        const Frame& frame = frames[index];
        if (egresses[index] != 0) {
            sender_->add(frame, egresses[index]);
            continue;
        }
        if (free_.empty() || frame.length > chunk_bytes_) {
            counters_.tx_dropped.add(1);
            continue;
        }
        const Frame copy{memory_.data() + free_.back(), frame.length};
        free_.pop_back();
        std::copy_n(frame.data, frame.length, copy.data);
        if (enqueue(copy))
            ++sent;
    }
    submit(sent);
    sender_->flush();
}

// Into the transmit ring; without room the frame's chunk is free again.
bool AfxdpPort::enqueue(const Frame& frame) {
    std::uint32_t slot = 0;
    if (xsk_ring_prod__reserve(&socket_->tx, 1, &slot) == 0) {
        free_.push_back(chunk_of(frame));
        counters_.tx_dropped.add(1);
        return false;
    }
    xdp_desc* descriptor = xsk_ring_prod__tx_desc(&socket_->tx, slot);
    descriptor->addr = static_cast<std::uint64_t>(frame.data - memory_.data());
    descriptor->len = frame.length;
    descriptor->options = 0;
    return true;
}

// Has the kernel send what enqueue() took.
void AfxdpPort::submit(std::uint32_t sent) {
    if (sent == 0)
        return;
    xsk_ring_prod__submit(&socket_->tx, sent);
    in_flight_ += sent;
    counters_.tx_packets.add(sent);
    kick_transmit();
}

void AfxdpPort::to_kernel(const Burst& burst) {
    std::uint32_t handed = 0;
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] != Verdict::kernel)
            continue;
        if (handed == kernel_frames_per_burst) {
            counters_.kernel_over_limit.add(1);
            continue;
        }
        ++handed;
        // The frame is ours until release(), and nobody sees it after this.
        if (options_.generic)
            std::ranges::copy(options_.returned_source.bytes, burst.frames[index].data + ETH_ALEN);
        if (options_.reinjector->inject(burst.frames[index], options_.ifindex, options_.queue))
            counters_.kernel_packets.add(1);
        else
            counters_.kernel_failed.add(1);
    }
}

void AfxdpPort::release(const Burst& burst) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] != Verdict::transmit)
            free_.push_back(chunk_of(burst.frames[index]));
    }
}

// Takes back the chunks whose transmission is complete.
void AfxdpPort::reclaim() {
    if (in_flight_ == 0)
        return;
    std::uint32_t first = 0;
    const std::uint32_t done = xsk_ring_cons__peek(&socket_->completion, in_flight_, &first);
    for (std::uint32_t index = 0; index < done; ++index) {
        const std::uint64_t address =
            *xsk_ring_cons__comp_addr(&socket_->completion, first + index);
        free_.push_back(address & ~(chunk_bytes_ - 1));
    }
    if (done > 0)
        xsk_ring_cons__release(&socket_->completion, done);
    in_flight_ -= done;
}

// Puts every free chunk that fits into the fill ring, and wakes a driver that waits for one.
void AfxdpPort::refill() {
    const auto wanted =
        static_cast<std::uint32_t>(std::min<std::size_t>(free_.size(), ring_frames));
    const std::uint32_t count = std::min(xsk_prod_nb_free(&socket_->fill, wanted), wanted);
    std::uint32_t first = 0;
    if (count > 0 && xsk_ring_prod__reserve(&socket_->fill, count, &first) == count) {
        for (std::uint32_t index = 0; index < count; ++index) {
            *xsk_ring_prod__fill_addr(&socket_->fill, first + index) = free_.back();
            free_.pop_back();
        }
        xsk_ring_prod__submit(&socket_->fill, count);
    }
    if (socket_->handle != nullptr && xsk_ring_prod__needs_wakeup(&socket_->fill) != 0)
        ::recvfrom(socket_fd(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

void AfxdpPort::kick_transmit() {
    if (zero_copy_ && xsk_ring_prod__needs_wakeup(&socket_->tx) == 0)
        return;
    for (int attempt = 0; attempt < transmit_attempts; ++attempt) {
        if (::sendto(socket_fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) >= 0)
            return;
        if (errno != EAGAIN && errno != EBUSY && errno != ENOBUFS)
            return;
    }
}

void AfxdpPort::wait(int wake_fd, std::chrono::milliseconds timeout) {
    // What the last kick left in the transmit ring goes out soon: poll() is a kick too.
    if (xsk_prod_nb_free(&socket_->tx, ring_frames) < ring_frames)
        timeout = std::min(timeout, std::chrono::milliseconds(1));
    std::array<pollfd, 2> events{{{socket_fd(), POLLIN, 0}, {wake_fd, POLLIN, 0}}};
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(timeout.count()));
    // A socket in error would make poll() return at once, again and again.
    if (ready > 0 && (events[0].revents & (POLLERR | POLLNVAL | POLLHUP)) != 0)
        ::poll(&events[1], 1, static_cast<int>(timeout.count()));
}

int AfxdpPort::socket_fd() const {
    return xsk_socket__fd(socket_->handle);
}

SocketDrops AfxdpPort::drops() const {
    xdp_statistics statistics{};
    socklen_t bytes = sizeof statistics;
    if (::getsockopt(socket_fd(), SOL_XDP, XDP_STATISTICS, &statistics, &bytes) != 0)
        return {};
    return {statistics.rx_ring_full, statistics.rx_fill_ring_empty_descs, statistics.rx_dropped};
}

std::uint32_t receive_queues(const std::string& interface) {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    // A driver without channels (tun, macvlan) has one queue that XDP sees.
    if (!ethtool(interface, &channels))
        return 1;
    return std::max(channels.combined_count + channels.rx_count, 1U);
}

}  // namespace headgate::dataplane
