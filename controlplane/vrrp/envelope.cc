#include "controlplane/vrrp/envelope.h"

#include "common/bytes.h"

namespace headgate::vrrp {

std::optional<Envelope> open_ipv4(std::span<const std::uint8_t> packet) {
    ByteReader reader(packet);
    const auto version_and_words = reader.read<std::uint8_t>();
    reader.skip(1);  // ToS
    const std::size_t total_bytes = reader.read<std::uint16_t>();
    reader.skip(4);  // identification, fragment offset
    Envelope envelope;
    envelope.ttl = reader.read<std::uint8_t>();
    envelope.protocol = reader.read<std::uint8_t>();
    reader.skip(2);  // checksum: the kernel has verified it
    envelope.source = IpAddress::v4(Be32(reader.read<std::uint32_t>()));
    envelope.destination = IpAddress::v4(Be32(reader.read<std::uint32_t>()));
    const std::size_t header_bytes = std::size_t{version_and_words & 0x0fU} * 4;
    if (reader.failed() || version_and_words >> 4U != 4 || header_bytes < ipv4_header_bytes ||
        total_bytes < header_bytes || total_bytes > packet.size())
        return std::nullopt;
    envelope.ip_header = packet.first(header_bytes);
    // Whatever follows the total length is padding of the link layer.
    envelope.payload = packet.subspan(header_bytes, total_bytes - header_bytes);
    return envelope;
}

std::optional<std::uint8_t> vrid_of(const Envelope& envelope) {
    ByteReader reader(envelope.payload);
    if (envelope.protocol == ip_protocol_auth)
        reader.skip(auth_header_bytes);
    reader.skip(1);  // version and type
    const auto vrid = reader.read<std::uint8_t>();
    if (reader.failed())
        return std::nullopt;
    return vrid;
}

}  // namespace headgate::vrrp
