// RFC 2003, 2473, 4213 (IP in IP), RFC 2784 (GRE), draft-ietf-intarea-gue (GUE), RFC 768 (UDP).
#include "tests/packets/unwrap.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tests/packets/corpus.h"

namespace headgate::packets {
namespace {

constexpr std::size_t ethernet_bytes = 14;

class Unwrapper {
public:
    Unwrapper(std::span<const std::uint8_t> frame, std::uint16_t gue_port)
        : frame_(frame), gue_port_(gue_port) {}

    Unwrapped run() {
        ByteReader reader(frame_);
        reader.skip(12);
        const auto ethertype = reader.read<std::uint16_t>();
        ip_ = frame_.subspan(std::min(ethernet_bytes, frame_.size()));
        if (ethertype == 0x0800)
            ipv4();
        else if (ethertype == 0x86dd)
            ipv6();
        else
            complain("the outer frame is not IP");
        return std::move(result_);
    }

private:
    void ipv4() {
        ByteReader reader(ip_);
        const auto first = reader.read<std::uint8_t>();
        reader.skip(1);
        const auto length = reader.read<std::uint16_t>();
        reader.skip(2);
        const auto fragment = reader.read<std::uint16_t>();
        result_.hops = reader.read<std::uint8_t>();
        protocol_ = reader.read<std::uint8_t>();
        reader.skip(2);
        pseudo_ = reader.take(8);
        if (reader.failed() || first != 0x45 || length != ip_.size())
            return complain("the outer IPv4 header is wrong");
        if (internet_checksum(ip_.first(20)) != 0)
            complain("the outer IPv4 checksum is wrong");
        if ((fragment & 0x3fffU) != 0)
            return complain("the outer packet is a fragment");
        result_.may_be_fragmented = (fragment & 0x4000U) == 0;
        ByteReader addresses(pseudo_);
        result_.source = IpAddress::v4(Be32(addresses.read<std::uint32_t>()));
        result_.destination = IpAddress::v4(Be32(addresses.read<std::uint32_t>()));
        tunnel(ip_.subspan(20));
    }

    void ipv6() {
        ByteReader reader(ip_);
        const auto first = reader.read<std::uint32_t>();
        const auto length = reader.read<std::uint16_t>();
        protocol_ = reader.read<std::uint8_t>();
        result_.hops = reader.read<std::uint8_t>();
        pseudo_ = reader.take(32);
        if (reader.failed() || first >> 28U != 6 || length + 40U != ip_.size())
            return complain("the outer IPv6 header is wrong");
        std::array<std::uint8_t, 16> address{};
        std::ranges::copy(pseudo_.first(16), address.begin());
        result_.source = IpAddress::v6(address);
        std::ranges::copy(pseudo_.last(16), address.begin());
        result_.destination = IpAddress::v6(address);
        tunnel(ip_.subspan(40));
    }

    void tunnel(std::span<const std::uint8_t> body) {
        if (protocol_ == 4 || protocol_ == 41)
            return inner(body, protocol_ == 4 ? 4 : 6);
        if (protocol_ == 47)
            return gre(body);
        if (protocol_ == 17)
            return gue(body);
        complain("the outer packet is no tunnel's");
    }

    void gre(std::span<const std::uint8_t> body) {
        ByteReader reader(body);
        const auto flags = reader.read<std::uint16_t>();
        const auto ethertype = reader.read<std::uint16_t>();
        const bool has_checksum = flags == 0x8000;
        if (has_checksum && internet_checksum(body) != 0)
            complain("the checksum of GRE is wrong");
        if (has_checksum)
            reader.skip(4);
        if (reader.failed() || (flags != 0 && !has_checksum))
            return complain("the GRE header is wrong");
        inner(body.subspan(reader.offset()), ethertype == 0x0800 ? 4 : 6);
    }

    void gue(std::span<const std::uint8_t> body) {
        ByteReader reader(body);
        result_.source_port = reader.read<std::uint16_t>();
        const auto port = reader.read<std::uint16_t>();
        const auto length = reader.read<std::uint16_t>();
        const auto checksum = reader.read<std::uint16_t>();
        const auto version_and_length = reader.read<std::uint8_t>();
        const auto protocol = reader.read<std::uint8_t>();
        const auto flags = reader.read<std::uint16_t>();
        if (reader.failed() || port != gue_port_ || length != body.size() ||
            version_and_length != 0 || flags != 0 || (protocol != 4 && protocol != 41))
            return complain("the UDP or GUE header is wrong");
        InternetChecksum sum;
        sum.add(pseudo_);
        sum.add(std::uint16_t{17});
        sum.add(length);
        sum.add(body);
        if (checksum != 0 && sum.finish() != 0)
            complain("the UDP checksum is wrong");
        inner(body.subspan(reader.offset()), protocol == 4 ? 4 : 6);
    }

    void inner(std::span<const std::uint8_t> packet, unsigned version) {
        if (packet.empty() || packet[0] >> 4U != version)
            return complain("the packet inside is of another IP version");
        result_.packet = Bytes(packet.begin(), packet.end());
    }

    void complain(const std::string& problem) {
        if (result_.problem.empty())
            result_.problem = problem;
    }

    std::span<const std::uint8_t> frame_;
    std::uint16_t gue_port_;
    std::span<const std::uint8_t> ip_;
    std::span<const std::uint8_t> pseudo_;  // both addresses
    std::uint8_t protocol_ = 0;
    Unwrapped result_;
};

}  // namespace

Unwrapped unwrap(std::span<const std::uint8_t> frame, std::uint16_t gue_port) {
    return Unwrapper(frame, gue_port).run();
}

Bytes packet_after_hop(std::span<const std::uint8_t> frame) {
    Bytes copy(frame.begin(), frame.end());
    take_hop(copy, frame.data());
    std::size_t ip_at = ethernet_bytes;
    while (copy[ip_at - 2] == 0x81 || copy[ip_at - 2] == 0x88)
        ip_at += 4;
    const std::span ip = std::span(copy).subspan(ip_at);
    ByteReader reader(ip.subspan(ip[0] >> 4U == 4 ? 2 : 4));
    const std::size_t length = reader.read<std::uint16_t>() + (ip[0] >> 4U == 4 ? 0U : 40U);
    return Bytes(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(length));
}

}  // namespace headgate::packets
