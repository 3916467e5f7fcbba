// PacketBuilder: frames for tests and benchmarks, right by default (lengths and checksums too),
// wrong exactly where the caller says so. Every setter returns the builder, build() the bytes.
// The family of the addresses decides between IPv4 and IPv6. Tests that say what happens to single
// packets write them as text (frame_text.h), which this class turns into bytes.
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
    // `chunk` is the type of the first chunk, which has nothing but its header.
    static PacketBuilder sctp(std::uint8_t chunk);
    // `word` is the second one of the header; `payload` follows. ICMPv6 between IPv6 addresses.
    static PacketBuilder icmp(std::uint8_t type, std::uint8_t code, std::uint32_t word,
                              Bytes payload = {});
    // An IP packet of another protocol with `payload` as its body.
    static PacketBuilder raw(std::uint8_t protocol, Bytes payload = {});
    // A frame of another kind: `payload` follows the Ethernet header.
    static PacketBuilder ethernet(std::uint16_t ethertype, Bytes payload = {});

    PacketBuilder& macs(const MacAddress& destination, const MacAddress& source);
    PacketBuilder& as_ethertype(std::uint16_t value);  // no IP header: the payload follows
    PacketBuilder& vlan(std::uint16_t tpid, std::uint16_t tci);
    PacketBuilder& from(std::string_view address, std::uint16_t port = 0);
    PacketBuilder& to(std::string_view address, std::uint16_t port = 0);
    PacketBuilder& from(const Endpoint& source);
    PacketBuilder& to(const Endpoint& destination);
    PacketBuilder& payload(std::size_t bytes);
    PacketBuilder& payload(Bytes bytes);

    PacketBuilder& ip_version(std::uint8_t version);
    PacketBuilder& ip_options(Bytes options);            // a multiple of four, at most 40
    PacketBuilder& ip_header_words(std::uint8_t words);  // what the header claims
    PacketBuilder& ip_total_length(std::uint16_t bytes);
    PacketBuilder& identification(std::uint16_t value);
    PacketBuilder& fragment(std::uint16_t flags_and_offset);
    PacketBuilder& ttl(std::uint8_t hops);   // or hop limit
    PacketBuilder& tos(std::uint8_t value);  // or traffic class
    PacketBuilder& flow_label(std::uint32_t value);
    PacketBuilder& bad_ip_checksum();
    // An IPv6 extension header behind those there are; its first byte becomes the next header.
    PacketBuilder& extension(std::uint8_t type, Bytes header);
    PacketBuilder& payload_length(std::uint16_t bytes);  // what the IPv6 header claims

    PacketBuilder& tcp_options(Bytes options);            // a multiple of four, at most 40
    PacketBuilder& tcp_header_words(std::uint8_t words);  // what the header claims
    PacketBuilder& udp_length(std::uint16_t bytes);
    PacketBuilder& bad_l4_checksum();

    PacketBuilder& pad_to(std::size_t frame_bytes);  // behind the IP packet
    PacketBuilder& cut_to(std::size_t frame_bytes);  // the frame ends early

    [[nodiscard]] Bytes build() const;
    // The IP packet alone, as it lies in an ICMP error or a tunnel.
    [[nodiscard]] Bytes build_packet() const;

private:
    enum class Body : std::uint8_t { raw, tcp, udp, sctp, icmp };
    struct Extension {
        std::uint8_t type;
        Bytes header;
    };

    [[nodiscard]] Bytes build_l4_header(std::size_t& checksum_at) const;
    [[nodiscard]] Bytes build_l4() const;
    [[nodiscard]] Bytes build_ipv4(const Bytes& body) const;
    [[nodiscard]] Bytes build_ipv6(const Bytes& body) const;
    [[nodiscard]] std::uint8_t protocol() const;
    [[nodiscard]] bool is_v4() const { return destination_.address.is_v4(); }

    std::optional<std::uint16_t> ethertype_;  // of a frame that is no IP packet
    Body kind_ = Body::raw;
    std::uint8_t protocol_ = 0;  // raw
    MacAddress destination_mac_;
    MacAddress source_mac_;
    Bytes vlan_tags_;
    Endpoint source_;
    Endpoint destination_;
    std::uint8_t tcp_flags_ = 0;
    std::uint8_t sctp_chunk_ = 0;
    std::uint8_t icmp_type_ = 0;
    std::uint8_t icmp_code_ = 0;
    std::uint32_t icmp_word_ = 0;
    Bytes body_;  // behind the headers that the builder writes
    std::optional<std::uint8_t> ip_version_;
    Bytes ip_options_;
    std::optional<std::uint8_t> ip_header_words_;
    std::optional<std::uint16_t> ip_total_length_;
    std::uint16_t identification_ = 0x1234;
    std::uint16_t fragment_ = 0;
    std::vector<Extension> extensions_;
    std::optional<std::uint16_t> payload_length_;
    std::uint8_t ttl_ = 64;
    std::uint8_t tos_ = 0;
    std::uint32_t flow_label_ = 0;
    bool bad_ip_checksum_ = false;
    Bytes tcp_options_;
    std::optional<std::uint8_t> tcp_header_words_;
    std::optional<std::uint16_t> udp_length_;
    bool bad_l4_checksum_ = false;
    std::optional<std::size_t> pad_to_;
    std::optional<std::size_t> cut_to_;
};

}  // namespace headgate::packets
