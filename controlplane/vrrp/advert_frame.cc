#include "controlplane/vrrp/advert_frame.h"

#include <array>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"
#include "controlplane/vrrp/ethernet.h"
#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {

namespace {

constexpr std::size_t ethernet_bytes = 14;
constexpr std::size_t ipv6_header_bytes = 40;
constexpr unsigned traffic_class_shift = 20;
constexpr std::size_t ipv4_checksum_offset = 10;
constexpr std::size_t message_checksum_offset = 6;

// RFC 1112 6.4, RFC 2464 7.
MacAddress group_mac(const IpAddress& group) {
    const auto bytes = group.bytes();
    if (group.is_v4())
        return {
            {0x01, 0x00, 0x5e, static_cast<std::uint8_t>(bytes[1] & 0x7fU), bytes[2], bytes[3]}};
    return {{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
}

void set_ipv4_checksum(std::span<std::uint8_t> packet) {
    constexpr std::size_t bytes_per_word = 4;
    const auto header = packet.first((packet[0] & 0x0fU) * bytes_per_word);
    const auto field = header.subspan(ipv4_checksum_offset, sizeof(std::uint16_t));
    ByteWriter(field).write(std::uint16_t{0});
    ByteWriter(field).write(internet_checksum(header));
}

// RFC 8200 8.1: over both addresses, the length and the protocol, too.
void set_message_checksum(std::span<std::uint8_t> message, const OutgoingAdvert& advert) {
    const auto field = message.subspan(message_checksum_offset, sizeof(std::uint16_t));
    ByteWriter(field).write(std::uint16_t{0});
    InternetChecksum sum;
    sum.add(advert.source.bytes());
    sum.add(advert.destination.bytes());
    sum.add(static_cast<std::uint16_t>(message.size()));
    sum.add(std::uint16_t{ip_protocol_vrrp});
    sum.add(message);
    ByteWriter(field).write(sum.finish());
}

}  // namespace

std::vector<std::uint8_t> advert_frame(const MacAddress& source, const OutgoingAdvert& advert) {
    check(advert.destination.is_multicast(), "a group has a MAC address that is known");
    const bool is_v4 = advert.destination.is_v4();
    const std::size_t offset = ethernet_bytes + (is_v4 ? 0 : ipv6_header_bytes);
    std::vector<std::uint8_t> frame(offset + advert.bytes.size());
    ByteWriter writer(frame);
    const MacAddress group = group_mac(advert.destination);
    writer.write(std::span(group.bytes));
    writer.write(std::span(source.bytes));
    writer.write(is_v4 ? ethertype_ipv4 : ethertype_ipv6);
    if (!is_v4) {
        writer.write(ipv6_version | std::uint32_t{advert_tos} << traffic_class_shift);
        writer.write(static_cast<std::uint16_t>(advert.bytes.size()));
        writer.write(std::uint8_t{ip_protocol_vrrp});
        writer.write(advert.hop_limit);
        writer.write(advert.source.bytes());
        writer.write(advert.destination.bytes());
    }
    writer.write(advert.bytes);
    const auto rest = std::span(frame).subspan(offset);
    if (is_v4)
        set_ipv4_checksum(rest);
    else
        set_message_checksum(rest, advert);
    return frame;
}

}  // namespace headgate::vrrp
