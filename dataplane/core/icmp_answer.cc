// RFC 792, RFC 1812 4.3.2, RFC 4443 3.3.
#include "dataplane/core/icmp_answer.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"
#include "dataplane/core/ip_headers.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint8_t hops = 64;  // RFC 1700: the default

// How much of the packet is quoted, in all: RFC 1812 4.3.2.3; RFC 4443 2.4 c.
constexpr std::size_t bytes_max_v4 = 576;
constexpr std::size_t bytes_max_v6 = 1280;

void put16(std::span<std::uint8_t> bytes, std::size_t at, std::uint16_t value) {
    ByteWriter(bytes.subspan(at)).write(value);
}

void write_ipv4(std::span<std::uint8_t> packet, const std::uint8_t* about) {
    ByteWriter writer(packet);
    writer.write(std::uint8_t{0x45});
    writer.write(std::uint8_t{0xc0});  // RFC 1812 4.3.2.5: internetwork control
    writer.write(static_cast<std::uint16_t>(packet.size()));
    writer.write(std::uint16_t{0});       // never cut, so it needs no identification (RFC 6864)
    writer.write(std::uint16_t{0x4000});  // don't fragment
    writer.write(hops);
    writer.write(next_header::icmp);
    writer.write(std::uint16_t{0});
    writer.write(std::span(about + 16, 4));  // from its destination
    writer.write(std::span(about + 12, 4));  // to its source
    put16(packet, 10, internet_checksum(packet.first(ipv4_bytes_min)));
}

void write_ipv6(std::span<std::uint8_t> packet, const std::uint8_t* about) {
    ByteWriter writer(packet);
    writer.write(std::uint32_t{6} << 28U);
    writer.write(static_cast<std::uint16_t>(packet.size() - ipv6_bytes));
    writer.write(next_header::icmpv6);
    writer.write(hops);
    writer.write(std::span(about + 24, 16));
    writer.write(std::span(about + 8, 16));
}

struct Message {
    std::uint8_t type;
    std::uint8_t code;
    std::uint32_t word;  // the second one of the header
};

// With the quote behind it in place already.
void write_icmp(std::span<std::uint8_t> packet, std::size_t at, bool is_v6,
                const Message& message) {
    ByteWriter writer(packet.subspan(at));
    writer.write(message.type);
    writer.write(message.code);
    writer.write(std::uint16_t{0});
    writer.write(message.word);
    InternetChecksum sum;
    if (is_v6) {
        sum.add(packet.subspan(8, 32));  // both addresses
        sum.add(static_cast<std::uint16_t>(packet.size() - at));
        sum.add(std::uint16_t{next_header::icmpv6});
    }
    sum.add(packet.subspan(at));
    put16(packet, at + 2, sum.finish());
}

std::uint32_t write_error(const Frame& frame, const Packet& packet, const Message& message,
                          std::span<std::uint8_t> answer) {
    if (!packet.has_valid_client())
        return 0;
    const std::size_t ip_at = packet.ip_at;
    const std::size_t headers = (packet.is_v6 ? ipv6_bytes : ipv4_bytes_min) + icmp_bytes;
    const std::size_t quote = std::min<std::size_t>(
        packet.ip_bytes, (packet.is_v6 ? bytes_max_v6 : bytes_max_v4) - headers);
    const std::size_t bytes = ip_at + headers + quote;
    check(bytes <= answer.size(), "the answer has room");
    std::copy_n(frame.data + mac_bytes, mac_bytes, answer.begin());
    std::copy_n(frame.data, mac_bytes, answer.begin() + mac_bytes);
    // VLAN tags and the ethertype.
    std::copy(frame.data + 2 * mac_bytes, frame.data + ip_at, answer.begin() + 2 * mac_bytes);
    const std::span error = answer.subspan(ip_at, headers + quote);
    const std::uint8_t* about = frame.data + ip_at;
    std::copy_n(about, quote, error.begin() + static_cast<std::ptrdiff_t>(headers));
    if (packet.is_v6)
        write_ipv6(error, about);
    else
        write_ipv4(error, about);
    write_icmp(error, headers - icmp_bytes, packet.is_v6, message);
    return static_cast<std::uint32_t>(bytes);
}

}  // namespace

std::uint32_t write_time_exceeded(const Frame& frame, const Packet& packet,
                                  std::span<std::uint8_t> answer) {
    // In transit.
    const Message message{packet.is_v6 ? std::uint8_t{3} : std::uint8_t{11}, 0, 0};
    return write_error(frame, packet, message, answer);
}

std::uint32_t write_too_big(const Frame& frame, const Packet& packet, std::uint32_t next_hop_mtu,
                            std::span<std::uint8_t> answer) {
    const Message message =
        packet.is_v6 ? Message{2, 0, next_hop_mtu} : Message{3, 4, next_hop_mtu};
    return write_error(frame, packet, message, answer);
}

}  // namespace headgate::dataplane
