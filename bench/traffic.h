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

    // Sends as fast as one CPU can for this long; returns the packets per second that came back.
    Result<double> run(std::chrono::milliseconds time);

private:
    explicit Traffic(traffic_bpf* programs) : programs_(programs) {}
    [[nodiscard]] std::uint64_t received() const;

    traffic_bpf* programs_;  // owned
    Fd sink_;                // the link of the sink
    MacAddress source_mac_;
    int source_ifindex_ = 0;
    std::uint32_t frame_bytes_ = 0;
};

}  // namespace headgate::bench
