// The builder's setters, and how headers are put together: RFC 791, 8200, 9293, 768, 9260, 792,
// 4443, IEEE 802.1Q.
#include "tests/packets/packet_builder.h"

#include <algorithm>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"

namespace headgate::packets {
namespace {

constexpr std::uint8_t protocol_tcp = 6;
constexpr std::uint8_t protocol_udp = 17;
constexpr std::uint8_t protocol_sctp = 132;
constexpr std::uint8_t protocol_icmp = 1;
constexpr std::uint8_t protocol_icmpv6 = 58;
constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::size_t ipv4_bytes = 20;
constexpr std::size_t ipv6_bytes = 40;

void append(Bytes& bytes, std::span<const std::uint8_t> more) {
    const std::size_t at = bytes.size();
    bytes.resize(at + more.size());
    std::ranges::copy(more, bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void put16(Bytes& bytes, std::size_t at, std::uint16_t value) {
    ByteWriter(std::span(bytes).subspan(at)).write(value);
}

}  // namespace

IpAddress ip(std::string_view text) {
    const Result<IpAddress> address = IpAddress::parse(text);
    check(address.has_value(), "the address in the test is one");
    return *address;
}

MacAddress mac(std::string_view text) {
    const Result<MacAddress> address = MacAddress::parse(text);
    check(address.has_value(), "the MAC address in the test is one");
    return *address;
}

PacketBuilder PacketBuilder::tcp(std::uint8_t flags) {
    PacketBuilder builder;
    builder.kind_ = Body::tcp;
    builder.tcp_flags_ = flags;
    return builder;
}

PacketBuilder PacketBuilder::udp() {
    PacketBuilder builder;
    builder.kind_ = Body::udp;
    return builder;
}

PacketBuilder PacketBuilder::sctp(std::uint8_t chunk) {
    PacketBuilder builder;
    builder.kind_ = Body::sctp;
    builder.sctp_chunk_ = chunk;
    return builder;
}

PacketBuilder PacketBuilder::icmp(std::uint8_t type, std::uint8_t code, std::uint32_t word,
                                  Bytes payload) {
    PacketBuilder builder;
    builder.kind_ = Body::icmp;
    builder.icmp_type_ = type;
    builder.icmp_code_ = code;
    builder.icmp_word_ = word;
    builder.body_ = std::move(payload);
    return builder;
}

PacketBuilder PacketBuilder::raw(std::uint8_t protocol, Bytes payload) {
    PacketBuilder builder;
    builder.protocol_ = protocol;
    builder.body_ = std::move(payload);
    return builder;
}

PacketBuilder PacketBuilder::ethernet(std::uint16_t ethertype, Bytes payload) {
    PacketBuilder builder;
    builder.ethertype_ = ethertype;
    builder.body_ = std::move(payload);
    return builder;
}

PacketBuilder& PacketBuilder::macs(const MacAddress& destination, const MacAddress& source) {
    destination_mac_ = destination;
    source_mac_ = source;
    return *this;
}

PacketBuilder& PacketBuilder::as_ethertype(std::uint16_t value) {
    ethertype_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t tpid, std::uint16_t tci) {
    Bytes tag(4);
    put16(tag, 0, tpid);
    put16(tag, 2, tci);
    append(vlan_tags_, tag);
    return *this;
}

PacketBuilder& PacketBuilder::from(std::string_view address, std::uint16_t port) {
    return from(Endpoint{ip(address), port});
}

PacketBuilder& PacketBuilder::to(std::string_view address, std::uint16_t port) {
    return to(Endpoint{ip(address), port});
}

PacketBuilder& PacketBuilder::from(const Endpoint& source) {
    source_ = source;
    return *this;
}

PacketBuilder& PacketBuilder::to(const Endpoint& destination) {
    destination_ = destination;
    return *this;
}

PacketBuilder& PacketBuilder::flow_label(std::uint32_t value) {
    flow_label_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::payload(std::size_t bytes) {
    body_.resize(bytes);
    for (std::size_t index = 0; index < bytes; ++index)
        body_[index] = static_cast<std::uint8_t>('a' + index % 26);
    return *this;
}

PacketBuilder& PacketBuilder::payload(Bytes bytes) {
    body_ = std::move(bytes);
    return *this;
}

PacketBuilder& PacketBuilder::ip_version(std::uint8_t version) {
    ip_version_ = version;
    return *this;
}

PacketBuilder& PacketBuilder::ip_options(Bytes options) {
    check(options.size() % 4 == 0 && options.size() <= 40, "IP options are whole words");
    ip_options_ = std::move(options);
    return *this;
}

PacketBuilder& PacketBuilder::ip_header_words(std::uint8_t words) {
    ip_header_words_ = words;
    return *this;
}

PacketBuilder& PacketBuilder::ip_total_length(std::uint16_t bytes) {
    ip_total_length_ = bytes;
    return *this;
}

PacketBuilder& PacketBuilder::identification(std::uint16_t value) {
    identification_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::extension(std::uint8_t type, Bytes header) {
    check(!header.empty(), "an extension header says what follows it");
    extensions_.push_back({type, std::move(header)});
    return *this;
}

PacketBuilder& PacketBuilder::payload_length(std::uint16_t bytes) {
    payload_length_ = bytes;
    return *this;
}

PacketBuilder& PacketBuilder::fragment(std::uint16_t flags_and_offset) {
    fragment_ = flags_and_offset;
    return *this;
}

PacketBuilder& PacketBuilder::ttl(std::uint8_t hops) {
    ttl_ = hops;
    return *this;
}

PacketBuilder& PacketBuilder::tos(std::uint8_t value) {
    tos_ = value;
    return *this;
}

PacketBuilder& PacketBuilder::bad_ip_checksum() {
    bad_ip_checksum_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::tcp_options(Bytes options) {
    check(options.size() % 4 == 0 && options.size() <= 40, "TCP options are whole words");
    tcp_options_ = std::move(options);
    return *this;
}

PacketBuilder& PacketBuilder::tcp_header_words(std::uint8_t words) {
    tcp_header_words_ = words;
    return *this;
}

PacketBuilder& PacketBuilder::udp_length(std::uint16_t bytes) {
    udp_length_ = bytes;
    return *this;
}

PacketBuilder& PacketBuilder::bad_l4_checksum() {
    bad_l4_checksum_ = true;
    return *this;
}

PacketBuilder& PacketBuilder::pad_to(std::size_t frame_bytes) {
    pad_to_ = frame_bytes;
    return *this;
}

PacketBuilder& PacketBuilder::cut_to(std::size_t frame_bytes) {
    cut_to_ = frame_bytes;
    return *this;
}

std::uint8_t PacketBuilder::protocol() const {
    switch (kind_) {
        case Body::tcp:
            return protocol_tcp;
        case Body::udp:
            return protocol_udp;
        case Body::sctp:
            return protocol_sctp;
        case Body::icmp:
            return is_v4() ? protocol_icmp : protocol_icmpv6;
        case Body::raw:
            break;
    }
    return protocol_;
}

// Without payload and checksum, which lies at `checksum_at`.
Bytes PacketBuilder::build_l4_header(std::size_t& checksum_at) const {
    Bytes header(kind_ == Body::tcp ? 20 : 8);
    ByteWriter writer(header);
    if (kind_ == Body::icmp) {
        checksum_at = 2;
        writer.write(icmp_type_);
        writer.write(icmp_code_);
        writer.write(std::uint16_t{0});
        writer.write(icmp_word_);
        return header;
    }
    writer.write(source_.port);
    writer.write(destination_.port);
    if (kind_ == Body::udp) {
        checksum_at = 6;
        writer.write(udp_length_.value_or(static_cast<std::uint16_t>(8 + body_.size())));
        return header;
    }
    checksum_at = 16;
    writer.write(std::uint32_t{0x01020304});  // sequence number
    writer.write(std::uint32_t{0x05060708});  // acknowledgment number
    const auto words = static_cast<std::uint8_t>(5 + tcp_options_.size() / 4);
    writer.write(static_cast<std::uint8_t>(tcp_header_words_.value_or(words) << 4U));
    writer.write(tcp_flags_);
    writer.write(std::uint16_t{0xfaf0});  // window
    append(header, tcp_options_);
    return header;
}

Bytes PacketBuilder::build_l4() const {
    if (kind_ == Body::raw)
        return body_;
    if (kind_ == Body::sctp) {
        // The CRC32c is the receiver's matter: nothing on the way reads or writes it.
        Bytes packet(16);
        ByteWriter writer(packet);
        writer.write(source_.port);
        writer.write(destination_.port);
        writer.write(std::uint32_t{0x0a0b0c0d});  // verification tag
        writer.write(std::uint32_t{0});
        writer.write(sctp_chunk_);
        writer.write(std::uint8_t{0});
        writer.write(static_cast<std::uint16_t>(4 + body_.size()));
        append(packet, body_);
        return packet;
    }
    std::size_t checksum_at = 0;
    Bytes packet = build_l4_header(checksum_at);
    append(packet, body_);
    InternetChecksum sum;
    if (kind_ != Body::icmp || !is_v4()) {
        sum.add(source_.address.bytes());
        sum.add(destination_.address.bytes());
        sum.add(std::uint16_t{protocol()});
        sum.add(static_cast<std::uint16_t>(packet.size()));
    }
    sum.add(packet);
    put16(packet, checksum_at,
          static_cast<std::uint16_t>(bad_l4_checksum_ ? sum.finish() ^ 1U : sum.finish()));
    return packet;
}

Bytes PacketBuilder::build_ipv4(const Bytes& body) const {
    Bytes packet(ipv4_bytes);
    ByteWriter writer(packet);
    const auto words = static_cast<std::uint8_t>(5 + ip_options_.size() / 4);
    writer.write(static_cast<std::uint8_t>(ip_version_.value_or(4) << 4U |
                                           ip_header_words_.value_or(words)));
    writer.write(tos_);
    const auto length = static_cast<std::uint16_t>(ipv4_bytes + ip_options_.size() + body.size());
    writer.write(ip_total_length_.value_or(length));
    writer.write(identification_);
    writer.write(fragment_);
    writer.write(ttl_);
    writer.write(protocol());
    writer.write(std::uint16_t{0});
    writer.write(source_.address.bytes());
    writer.write(destination_.address.bytes());
    append(packet, ip_options_);
    const std::uint16_t sum = internet_checksum(packet);
    put16(packet, 10, static_cast<std::uint16_t>(bad_ip_checksum_ ? sum ^ 1U : sum));
    append(packet, body);
    return packet;
}

Bytes PacketBuilder::build_ipv6(const Bytes& body) const {
    Bytes behind;
    for (std::size_t index = 0; index < extensions_.size(); ++index) {
        const std::size_t at = behind.size();
        append(behind, extensions_[index].header);
        behind[at] = index + 1 < extensions_.size() ? extensions_[index + 1].type : protocol();
    }
    append(behind, body);
    Bytes packet(ipv6_bytes);
    ByteWriter writer(packet);
    writer.write(std::uint32_t{ip_version_.value_or(6)} << 28U | std::uint32_t{tos_} << 20U |
                 flow_label_);
    writer.write(payload_length_.value_or(static_cast<std::uint16_t>(behind.size())));
    writer.write(extensions_.empty() ? protocol() : extensions_.front().type);
    writer.write(ttl_);
    writer.write(source_.address.bytes());
    writer.write(destination_.address.bytes());
    append(packet, behind);
    return packet;
}

Bytes PacketBuilder::build_packet() const {
    return is_v4() ? build_ipv4(build_l4()) : build_ipv6(build_l4());
}

Bytes PacketBuilder::build() const {
    Bytes frame;
    append(frame, destination_mac_.bytes);
    append(frame, source_mac_.bytes);
    append(frame, vlan_tags_);
    frame.resize(frame.size() + 2);
    put16(frame, frame.size() - 2, ethertype_.value_or(is_v4() ? ethertype_ipv4 : ethertype_ipv6));
    append(frame, ethertype_ ? body_ : build_packet());
    if (pad_to_)
        frame.resize(std::max(*pad_to_, frame.size()));
    if (cut_to_)
        frame.resize(std::min(*cut_to_, frame.size()));
    return frame;
}

}  // namespace headgate::packets
