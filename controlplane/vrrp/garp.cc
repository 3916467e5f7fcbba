#include "controlplane/vrrp/garp.h"

#include <span>

#include "common/bytes.h"
#include "common/checksum.h"
#include "controlplane/vrrp/ethernet.h"

namespace headgate::vrrp {

namespace {

constexpr std::uint16_t ethertype_arp = 0x0806;
constexpr std::uint16_t hardware_ethernet = 1;
constexpr std::uint16_t operation_request = 1;
constexpr std::array<std::uint8_t, 6> broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

constexpr std::array<std::uint8_t, 6> all_nodes_mac{0x33, 0x33, 0, 0, 0, 1};  // RFC 2464 7
constexpr std::array<std::uint8_t, 16> all_nodes{0xff, 0x02, 0, 0, 0, 0, 0, 0,
                                                 0,    0,    0, 0, 0, 0, 0, 1};
constexpr std::uint8_t next_header_icmpv6 = 58;
constexpr std::uint8_t hop_limit = 255;  // whatever has passed a router is discarded
constexpr std::uint8_t neighbour_advertisement = 136;
constexpr std::uint32_t flag_router = 1U << 31U;
constexpr std::uint32_t flag_override = 1U << 29U;
constexpr std::uint8_t option_target_mac = 2;
constexpr std::uint8_t option_units = 1;  // of eight bytes
constexpr std::size_t message_bytes = 32;
constexpr std::size_t message_offset = std::tuple_size_v<NaFrame> - message_bytes;

}  // namespace

GarpFrame gratuitous_arp(const MacAddress& mac, Be32 vip) {
    GarpFrame frame{};
    ByteWriter writer(frame);
    writer.write(std::span(broadcast));
    writer.write(std::span(mac.bytes));
    writer.write(ethertype_arp);
    writer.write(hardware_ethernet);
    writer.write(ethertype_ipv4);
    writer.write(std::uint8_t{6});
    writer.write(std::uint8_t{4});
    writer.write(operation_request);
    writer.write(std::span(mac.bytes));
    writer.write(vip.host());
    writer.write(std::span(broadcast));
    writer.write(vip.host());
    return frame;
}

NaFrame unsolicited_advertisement(const MacAddress& mac, const IpAddress& vip, bool is_router) {
    check(!vip.is_v4(), "Neighbour Advertisements are for IPv6");
    NaFrame frame{};
    ByteWriter writer(frame);
    writer.write(std::span(all_nodes_mac));
    writer.write(std::span(mac.bytes));
    writer.write(ethertype_ipv6);
    writer.write(ipv6_version);
    writer.write(static_cast<std::uint16_t>(message_bytes));
    writer.write(next_header_icmpv6);
    writer.write(hop_limit);
    writer.write(vip.bytes());
    writer.write(std::span(all_nodes));

    writer.write(neighbour_advertisement);
    writer.write(std::uint8_t{0});  // code
    const std::size_t checksum_offset = writer.offset();
    writer.write(std::uint16_t{0});
    writer.write(flag_override | (is_router ? flag_router : 0U));
    writer.write(vip.bytes());
    writer.write(option_target_mac);
    writer.write(option_units);
    writer.write(std::span(mac.bytes));

    // RFC 8200 8.1: over both addresses, the length and the protocol, too.
    InternetChecksum sum;
    sum.add(vip.bytes());
    sum.add(std::span(all_nodes));
    sum.add(static_cast<std::uint16_t>(message_bytes));
    sum.add(std::uint16_t{next_header_icmpv6});
    sum.add(std::span(frame).subspan(message_offset));
    ByteWriter(std::span(frame).subspan(checksum_offset)).write(sum.finish());
    return frame;
}

}  // namespace headgate::vrrp
