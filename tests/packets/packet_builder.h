// PacketBuilder: frames for tests and benchmarks, right by default (lengths and checksums too),
// wrong exactly where the caller says so. Every setter returns the builder, build() the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/net.h"

namespace headgate::packets {

using Bytes = std::vector<std::uint8_t>;

namespace flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace flag

// Texts in tests are right or the test is: these abort on a parse error.
IpAddress ip(std::string_view text);
MacAddress mac(std::string_view text);

class PacketBuilder {
public:
    static PacketBuilder tcp(std::uint8_t flags);
    static PacketBuilder udp();
    // An IPv4 packet of another protocol with `payload` as its body.
    static PacketBuilder ipv4(std::uint8_t protocol, Bytes payload = {});
    // A frame of another kind: `payload` follows the Ethernet header.
    static PacketBuilder ethernet(std::uint16_t ethertype, Bytes payload = {});

    PacketBuilder& macs(const MacAddress& destination, const MacAddress& source);
    PacketBuilder& vlan(std::uint16_t tpid, std::uint16_t tci);
    PacketBuilder& from(std::string_view address, std::uint16_t port = 0);
    PacketBuilder& to(std::string_view address, std::uint16_t port = 0);
    PacketBuilder& from(const Endpoint& source);
    PacketBuilder& to(const Endpoint& destination);
    PacketBuilder& payload(std::size_t bytes);

    PacketBuilder& ip_version(std::uint8_t version);
    PacketBuilder& ip_options(Bytes options);            // a multiple of four, at most 40
    PacketBuilder& ip_header_words(std::uint8_t words);  // what the header claims
    PacketBuilder& ip_total_length(std::uint16_t bytes);
    PacketBuilder& fragment(std::uint16_t flags_and_offset);
    PacketBuilder& ttl(std::uint8_t hops);
    PacketBuilder& tos(std::uint8_t value);
    PacketBuilder& bad_ip_checksum();

    PacketBuilder& tcp_options(Bytes options);            // a multiple of four, at most 40
    PacketBuilder& tcp_header_words(std::uint8_t words);  // what the header claims
    PacketBuilder& udp_length(std::uint16_t bytes);
    PacketBuilder& bad_l4_checksum();

    PacketBuilder& pad_to(std::size_t frame_bytes);  // behind the IP packet
    PacketBuilder& cut_to(std::size_t frame_bytes);  // the frame ends early

    [[nodiscard]] Bytes build() const;

private:
    [[nodiscard]] Bytes build_l4() const;
    [[nodiscard]] Bytes build_ip(const Bytes& body) const;

    std::uint16_t ethertype_ = 0x0800;
    std::uint8_t protocol_ = 6;
    MacAddress destination_mac_;
    MacAddress source_mac_;
    Bytes vlan_tags_;
    Endpoint source_;
    Endpoint destination_;
    std::uint8_t tcp_flags_ = 0;
    Bytes body_;  // payload of TCP and UDP, all behind the outermost header otherwise
    std::uint8_t ip_version_ = 4;
    Bytes ip_options_;
    std::optional<std::uint8_t> ip_header_words_;
    std::optional<std::uint16_t> ip_total_length_;
    std::uint16_t fragment_ = 0;
    std::uint8_t ttl_ = 64;
    std::uint8_t tos_ = 0;
    bool bad_ip_checksum_ = false;
    Bytes tcp_options_;
    std::optional<std::uint8_t> tcp_header_words_;
    std::optional<std::uint16_t> udp_length_;
    bool bad_l4_checksum_ = false;
    std::optional<std::size_t> pad_to_;
    std::optional<std::size_t> cut_to_;
};

}  // namespace headgate::packets
