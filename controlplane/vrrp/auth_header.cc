#include "controlplane/vrrp/auth_header.h"

#include <algorithm>
#include <limits>

#include "common/bytes.h"
#include "common/check.h"
#include "controlplane/vrrp/digest.h"

namespace headgate::vrrp {

namespace {

constexpr std::size_t digest_offset = 12;
constexpr std::size_t header_digest_bytes = 12;  // 96 bits of the 128
// RFC 2402 2.2: in words of four bytes, less two.
constexpr std::uint8_t header_length = auth_header_bytes / 4 - 2;
constexpr std::size_t ip_header_bytes_max = 60;

using HeaderDigest = std::array<std::uint8_t, header_digest_bytes>;

// What routers change on the way counts as zero, and so does the digest itself.
std::optional<HeaderDigest> digest_of(std::span<const std::uint8_t> ip_header,
                                      std::span<const std::uint8_t> payload, const AuthKey& key,
                                      bool unicast) {
    std::array<std::uint8_t, ip_header_bytes_max> header{};
    std::ranges::copy(ip_header, header.begin());
    constexpr std::size_t tos = 1;
    constexpr std::size_t fragment = 6;
    constexpr std::size_t ttl = 8;
    constexpr std::size_t checksum = 10;
    header[tos] = header[fragment] = header[fragment + 1] = 0;
    header[checksum] = header[checksum + 1] = 0;
    // RFC 2402 counts the TTL as zero always; keepalived only where it can change.
    if (unicast)
        header[ttl] = 0;
    const HeaderDigest zero{};
    const auto full =
        hmac_md5(key, {std::span(header).first(ip_header.size()), payload.first(digest_offset),
                       zero, payload.subspan(auth_header_bytes)});
    if (!full)
        return std::nullopt;
    HeaderDigest digest{};
    std::copy_n(full->begin(), digest.size(), digest.begin());
    return digest;
}

}  // namespace

bool AuthHeader::sign(std::span<std::uint8_t> packet, const AuthKey& key, bool unicast) {
    check(packet.size() >= ipv4_header_bytes + auth_header_bytes, "the packet has both headers");
    // Starting again at 1 would be taken for a replay by everybody.
    if (sequence_ == std::numeric_limits<std::uint32_t>::max())
        return false;
    const auto ip_header = packet.first(ipv4_header_bytes);
    const auto payload = packet.subspan(ipv4_header_bytes);
    constexpr std::size_t source_offset = 12;
    ByteWriter writer(payload);
    writer.write(ip_protocol_vrrp);
    writer.write(header_length);
    writer.write(std::uint16_t{0});
    // keepalived's security parameters index: the source address.
    writer.write(std::span<const std::uint8_t>(ip_header.subspan(source_offset, 4)));
    writer.write(sequence_ + 1);
    const auto digest = digest_of(ip_header, payload, key, unicast);
    if (!digest)
        return false;
    writer.write(std::span<const std::uint8_t>(*digest));
    ++sequence_;
    return true;
}

std::optional<AdvertError> AuthHeader::verify(const Envelope& envelope, const AuthKey& key,
                                              bool unicast) {
    if (envelope.payload.size() < auth_header_bytes)
        return AdvertError::length;
    ByteReader reader(envelope.payload);
    const auto next = reader.read<std::uint8_t>();
    const auto length = reader.read<std::uint8_t>();
    reader.skip(2);
    const auto index = reader.take(4);
    const auto sequence = reader.read<std::uint32_t>();
    const auto theirs = reader.take(header_digest_bytes);
    if (next != ip_protocol_vrrp)
        return AdvertError::protocol;
    if (length != header_length)
        return AdvertError::length;
    const auto ours = digest_of(envelope.ip_header, envelope.payload, key, unicast);
    if (!ours || !equal_constant_time(theirs, *ours))
        return AdvertError::auth_header_wrong;
    if (!std::ranges::equal(index, envelope.source.bytes()))
        return AdvertError::auth_header_spi;
    if (sequence <= sequence_)
        return AdvertError::auth_header_replay;
    sequence_ = sequence;
    return std::nullopt;
}

}  // namespace headgate::vrrp
