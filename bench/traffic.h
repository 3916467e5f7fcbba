// The traffic of the afxdp benchmark: a veth pair in a network namespace that only this process
// has, a source and a counting sink on one end, whatever is measured on the other.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"

struct traffic_bpf;

namespace headgate::bench {

struct TrafficOptions {
    Endpoint target;          // IPv4: where all packets go to
    std::uint32_t flows = 1;  // different source addresses and ports, in turn
    std::uint32_t frame_bytes = 60;
};

class Traffic {
public:
    // The device that is measured; the source sits on its peer.
    static constexpr const char* device = "dut";

    // Moves this process into a network namespace of its own, which ends with it: whatever happens
    // leaves nothing behind. The measured device has the address `address`.
    static Result<std::unique_ptr<Traffic>> create(const TrafficOptions& options,
                                                   const Prefix& address);
    ~Traffic();
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    // A neighbour of the measured device, reached at the source's MAC address.
    Result<void> add_neighbour(const IpAddress& address);

    // Attaches the reference forwarder to the measured device until the result is destroyed.
    Result<Fd> attach_swap();

    // The same, of a program that redirects every frame to this AF_XDP socket.
    Result<Fd> attach_redirect(int socket_fd);

    // What is sent: datagrams; the SYN or an ACK of each flow; ACKs with a flood of SYNs from
    // random addresses, which are fifteen of sixteen packets.
    enum class Stream : std::uint8_t { udp, syns, acks, flood };

    // Sends as fast as one CPU can for this long; returns the packets per second that came back.
    Result<double> run(std::chrono::milliseconds time, Stream stream = Stream::udp);

    // Of the ACKs of such a run, the share that came back.
    Result<double> run_and_count_acks(std::chrono::milliseconds time, Stream stream);

private:
    explicit Traffic(traffic_bpf* programs) : programs_(programs) {}
    Result<void> send_for(std::chrono::milliseconds time, Stream stream);

    traffic_bpf* programs_;  // owned
    Fd sink_;                // the link of the sink
    MacAddress source_mac_;
    int source_ifindex_ = 0;
    std::uint32_t frame_bytes_ = 0;
};

}  // namespace headgate::bench
