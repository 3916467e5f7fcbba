// AfxdpPort: a port on one AF_XDP socket, bound to one queue of one interface, with its own packet
// memory (UMEM). Frames leave on the interface and queue they came in on, or by a PacketSender.
// Opened on the control thread, then used by one worker; counters and socket statistics may be read
// from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "common/net.h"
#include "common/result.h"
#include "dataplane/port/packet_sender.h"
#include "dataplane/port/port.h"
#include "dataplane/port/reinject.h"

namespace headgate::dataplane {

struct AfxdpOptions {
    std::string interface;
    int ifindex = 0;
    std::uint32_t queue = 0;
    std::uint32_t frame_bytes_max = 0;  // of the interface: MTU and ethernet_bytes_max
    bool generic = false;               // the steering program runs in generic mode
    MacAddress returned_source;         // generic mode: marks frames given back to the kernel
    std::shared_ptr<const Reinjector> reinjector;
    lb_opening_share* opening_share = nullptr;  // of the queue; outlives the port
};

// Ethernet header and one VLAN tag.
inline constexpr std::uint32_t ethernet_bytes_max = 18;

// What the kernel could not deliver to the socket.
struct SocketDrops {
    std::uint64_t rx_ring_full = 0;     // the worker did not keep up
    std::uint64_t fill_ring_empty = 0;  // no buffer was free
    std::uint64_t rx_too_long = 0;      // longer than a buffer, or no memory
};

class AfxdpPort final : public Port {
public:
    static Result<std::unique_ptr<AfxdpPort>> open(const AfxdpOptions& options);
    ~AfxdpPort() override;
    AfxdpPort(const AfxdpPort&) = delete;
    AfxdpPort& operator=(const AfxdpPort&) = delete;

    void rx_burst(Burst& burst) override;
    void tx_burst(const Burst& burst) override;
    void tx_elsewhere(const Burst& burst) override;
    void to_kernel(const Burst& burst) override;
    void release(const Burst& burst) override;
    void tx_copies(std::span<const Frame> frames, std::span<const int> egresses) override;
    void wait(int wake_fd, std::chrono::milliseconds timeout) override;

    [[nodiscard]] int socket_fd() const;
    [[nodiscard]] bool zero_copy() const { return zero_copy_; }
    // Why the socket copies; empty with zero-copy.
    [[nodiscard]] const std::string& copy_reason() const { return copy_reason_; }
    [[nodiscard]] SocketDrops drops() const;
    [[nodiscard]] const PacketSenderCounters& elsewhere() const { return sender_->counters(); }

private:
    struct Socket;  // libxdp's rings and handles, kept out of this header

    explicit AfxdpPort(const AfxdpOptions& options);
    Result<void> open_memory();
    Result<void> open_socket(bool zero_copy);
    [[nodiscard]] std::uint64_t chunk_of(const Frame& frame) const;
    void limit_openings();
    void reclaim();
    void refill();
    bool enqueue(const Frame& frame);
    void submit(std::uint32_t sent);
    void kick_transmit();

    AfxdpOptions options_;
    std::unique_ptr<Socket> socket_;
    std::unique_ptr<PacketSender> sender_;
    std::span<std::uint8_t> memory_;  // the UMEM, mapped by us
    std::uint64_t chunk_bytes_ = 0;
    std::vector<std::uint64_t> free_;  // offsets of chunks that are in no ring
    std::uint32_t in_flight_ = 0;      // submitted for transmission, completion not seen
    bool zero_copy_ = false;
    std::string copy_reason_;
};

// How many receive queues the interface has now; at least 1.
std::uint32_t receive_queues(const std::string& interface);

}  // namespace headgate::dataplane
