#include "controlplane/vrrp/garp.h"

#include <span>

#include "common/bytes.h"

namespace headgate::vrrp {

namespace {

constexpr std::uint16_t ethertype_arp = 0x0806;
constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t hardware_ethernet = 1;
constexpr std::uint16_t operation_request = 1;
constexpr std::array<std::uint8_t, 6> broadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

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

}  // namespace headgate::vrrp
