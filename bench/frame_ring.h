// Frames as after AF_XDP's receive: a ring of 2 KB buffers that fits the L2 cache, each frame 256
// bytes behind the start of one. Each burst takes the next and gets the clients of the flows that
// are asked for written into them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/net.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/huge_array.h"

namespace headgate::bench {

// The director's MAC address, to which all frames go.
const MacAddress& director_mac();
// Where they go: port 80 of it is the service of that number.
IpAddress service_address(Family family, std::uint32_t number);
// The client of a flow: 64 K addresses, 1024 ports of each.
IpAddress client_address(Family family, std::uint32_t flow);

class FrameRing {
public:
    // Flow number n is of service number n % services. Requires: a power of two of them.
    FrameRing(Family family, std::uint32_t services);

    // The next frames, one from the client of each of `flows`, burst_max at the most.
    void fill(dataplane::Burst& burst, std::span<const std::uint32_t> flows,
              std::uint8_t tcp_flags);

private:
    // Places in an Ethernet frame without IP options or extension headers.
    struct Layout {
        std::size_t hops;
        std::size_t client;   // the last four bytes of its address
        std::size_t service;  // the same
        std::size_t ports;
    };

    using Buffer = std::array<std::uint8_t, 2048>;

    void fill_checksum(std::uint8_t* frame, std::uint32_t client, std::uint32_t service) const;

    bool is_v4_;
    std::uint32_t service_mask_;
    Layout at_;
    dataplane::HugeArray<Buffer> buffers_;
    std::array<std::uint8_t, 14> ethernet_{};
    std::uint32_t length_ = 0;
    std::uint32_t sum_ = 0;
    std::uint8_t hops_ = 0;
    std::size_t next_ = 0;
};

}  // namespace headgate::bench
