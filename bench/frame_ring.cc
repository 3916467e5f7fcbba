#include "bench/frame_ring.h"

#include <algorithm>
#include <cstring>

#include "dataplane/core/core.h"
#include "tests/packets/packet_builder.h"

namespace headgate::bench {
namespace {

using dataplane::burst_max;

constexpr std::size_t ring_frames = 512;
constexpr std::uint32_t headroom = 256;  // XDP_PACKET_HEADROOM: frames begin at a cache line
constexpr std::size_t checksum_at = 24;
constexpr std::size_t tcp_flags_offset = 13;
constexpr std::uint32_t first_client_v4 = 0x0a010000U;
constexpr std::uint32_t first_service_v4 = 0xc000020aU;  // 192.0.2.10
constexpr std::uint32_t first_service_v6 = 0x10U;        // 2001:db8::10
constexpr unsigned port_bits = 10;
constexpr std::uint16_t first_port = 1024;

// The last four bytes of the client's address, in host order.
std::uint32_t client_word(bool is_v4, std::uint32_t flow) {
    return (is_v4 ? first_client_v4 : 0U) + (flow >> port_bits);
}

// Likewise of the service's.
std::uint32_t service_word(bool is_v4, std::uint32_t number) {
    return (is_v4 ? first_service_v4 : first_service_v6) + number;
}

IpAddress address(Family family, std::uint32_t word, std::uint8_t net) {
    if (family == Family::ipv4)
        return IpAddress::v4(Be32(word));
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8, 0x00, net};
    const std::uint32_t raw = Be32(word).raw();
    std::memcpy(&bytes[12], &raw, sizeof(raw));
    return IpAddress::v6(bytes);
}

// The ones' complement sum of an address's words, as they lie in memory.
std::uint32_t sum_of(std::uint32_t raw) {
    return (raw & 0xffffU) + (raw >> 16U);
}

}  // namespace

const MacAddress& director_mac() {
    static const MacAddress mac = packets::mac("02:00:00:00:00:01");
    return mac;
}

IpAddress service_address(Family family, std::uint32_t number) {
    return address(family, service_word(family == Family::ipv4, number), 0);
}

IpAddress client_address(Family family, std::uint32_t flow) {
    return address(family, client_word(family == Family::ipv4, flow), 1);
}

FrameRing::FrameRing(Family family, std::uint32_t services)
    : is_v4_(family == Family::ipv4),
      service_mask_(services - 1),
      at_(is_v4_ ? Layout{.hops = 22, .client = 26, .service = 30, .ports = 34}
                 : Layout{.hops = 21, .client = 34, .service = 50, .ports = 54}),
      buffers_(ring_frames) {
    const packets::Bytes frame = packets::PacketBuilder::tcp(packets::flag::ack)
                                     .macs(director_mac(), packets::mac("02:00:00:00:00:02"))
                                     .from(Endpoint{client_address(family, 0), 1})
                                     .to(Endpoint{service_address(family, 0), 80})
                                     .pad_to(60)
                                     .build();
    length_ = static_cast<std::uint32_t>(frame.size());
    std::copy_n(frame.begin(), ethernet_.size(), ethernet_.begin());
    hops_ = frame[at_.hops];
    if (is_v4_) {
        // The sum of the header but for the addresses, which are taken away as they lie in memory
        // (RFC 1071 2: the order of the bytes does not matter to the sum).
        std::uint16_t checksum = 0;
        std::memcpy(&checksum, &frame[checksum_at], sizeof(checksum));
        sum_ = (checksum ^ 0xffffU) + sum_of(~Be32(first_client_v4).raw()) +
               sum_of(~Be32(first_service_v4).raw());
    }
    for (std::size_t index = 0; index < ring_frames; ++index)
        std::ranges::copy(frame, &buffers_[index][headroom]);
}

void FrameRing::fill(dataplane::Burst& burst, std::span<const std::uint32_t> flows,
                     std::uint8_t tcp_flags) {
    burst.count = static_cast<std::uint32_t>(flows.size());
    burst.headroom = headroom;
    for (std::size_t index = 0; index < flows.size(); ++index) {
        std::uint8_t* frame = &buffers_[next_][headroom];
        next_ = (next_ + 1) % ring_frames;
        // What the core has left of it: a tunnel's headers lie over all of it.
        std::memcpy(frame, ethernet_.data(), ethernet_.size());
        const std::uint32_t client = Be32(client_word(is_v4_, flows[index])).raw();
        const std::uint32_t service =
            Be32(service_word(is_v4_, flows[index] & service_mask_)).raw();
        const auto port =
            Be16(static_cast<std::uint16_t>(first_port + (flows[index] & ((1U << port_bits) - 1))))
                .raw();
        std::memcpy(frame + at_.client, &client, sizeof(client));
        std::memcpy(frame + at_.service, &service, sizeof(service));
        // The core has left the frame with a hop less.
        frame[at_.hops] = hops_;
        if (is_v4_)
            fill_checksum(frame, client, service);
        std::memcpy(frame + at_.ports, &port, sizeof(port));
        frame[at_.ports + tcp_flags_offset] = tcp_flags;
        burst.frames[index] = {frame, length_};
    }
}

void FrameRing::fill_checksum(std::uint8_t* frame, std::uint32_t client,
                              std::uint32_t service) const {
    std::uint32_t sum = sum_ + sum_of(client) + sum_of(service);
    sum = (sum & 0xffffU) + (sum >> 16U);
    const auto checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16U)));
    std::memcpy(frame + checksum_at, &checksum, sizeof(checksum));
}

}  // namespace headgate::bench
