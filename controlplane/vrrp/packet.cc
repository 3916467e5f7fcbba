#include "controlplane/vrrp/packet.h"

#include <algorithm>
#include <chrono>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"

namespace headgate::vrrp {

namespace {

constexpr std::size_t ip_header_bytes = 20;
constexpr std::size_t vrrp_header_bytes = 8;
constexpr std::size_t ip_checksum_offset = 10;
constexpr std::size_t vrrp_checksum_offset = 6;
constexpr std::uint8_t type_advertisement = 1;
constexpr std::uint8_t auth_none = 0;
constexpr std::uint8_t auth_simple = 1;  // keepalived's PASS

using Centiseconds = std::chrono::duration<std::int64_t, std::centi>;

struct Header {
    std::uint8_t version = 0;
    std::uint8_t type = 0;
    std::uint8_t vrid = 0;
    std::uint8_t priority = 0;
    std::uint8_t num_addresses = 0;
    // v2: auth type and interval in seconds, a byte each; v3: 4 reserved bits and centiseconds.
    std::uint16_t auth_and_interval = 0;
    std::span<const std::uint8_t> addresses;
    std::span<const std::uint8_t> auth;  // v2 only
};

// What the outer header says, and the VRRP message inside.
struct IpPacket {
    Be32 source;
    Be32 destination;
    std::uint8_t protocol = 0;
    std::uint8_t ttl = 0;
    std::span<const std::uint8_t> message;
};

std::optional<IpPacket> parse_ip(std::span<const std::uint8_t> packet) {
    ByteReader reader(packet);
    const auto version_and_words = reader.read<std::uint8_t>();
    reader.skip(1);  // ToS
    const std::size_t total_bytes = reader.read<std::uint16_t>();
    reader.skip(4);  // identification, fragment offset
    IpPacket ip;
    ip.ttl = reader.read<std::uint8_t>();
    ip.protocol = reader.read<std::uint8_t>();
    reader.skip(2);  // checksum: the kernel has verified it
    ip.source = Be32(reader.read<std::uint32_t>());
    ip.destination = Be32(reader.read<std::uint32_t>());
    const std::size_t header_bytes = std::size_t{version_and_words & 0x0fU} * 4;
    if (reader.failed() || version_and_words >> 4U != 4 || header_bytes < ip_header_bytes ||
        total_bytes < header_bytes || total_bytes > packet.size())
        return std::nullopt;
    // Whatever follows the total length is padding of the link layer.
    ip.message = packet.subspan(header_bytes, total_bytes - header_bytes);
    return ip;
}

// Nothing when the message has not exactly the length that its address count and version imply.
std::optional<Header> parse_header(std::span<const std::uint8_t> message) {
    ByteReader reader(message);
    Header header;
    const auto version_and_type = reader.read<std::uint8_t>();
    header.version = version_and_type >> 4U;
    header.type = version_and_type & 0x0fU;
    header.vrid = reader.read<std::uint8_t>();
    header.priority = reader.read<std::uint8_t>();
    header.num_addresses = reader.read<std::uint8_t>();
    header.auth_and_interval = reader.read<std::uint16_t>();
    reader.skip(2);  // checksum
    header.addresses = reader.take(4UL * header.num_addresses);
    // The packet's own version, not ours: a router of the other version is to be told so, rather
    // than that its packet has the wrong length.
    if (header.version == 2)
        header.auth = reader.take(auth_bytes);
    if (reader.failed() || reader.remaining() != 0)
        return std::nullopt;
    return header;
}

// RFC 9568 5.2.8: version 3 includes a pseudo-header, version 2 does not.
std::uint16_t message_checksum(std::uint8_t version, Be32 source, Be32 destination,
                               std::span<const std::uint8_t> message) {
    InternetChecksum sum;
    if (version == 3) {
        for (const std::uint32_t address : {source.host(), destination.host()}) {
            sum.add(static_cast<std::uint16_t>(address >> 16U));
            sum.add(static_cast<std::uint16_t>(address));
        }
        sum.add(std::uint16_t{ip_protocol_vrrp});
        sum.add(static_cast<std::uint16_t>(message.size()));
    }
    sum.add(message);
    return sum.finish();
}

std::uint16_t seconds_of(Duration interval) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(interval).count();
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(seconds, 1, 0xff));
}

std::uint16_t centiseconds_of(Duration interval) {
    const auto centiseconds = std::chrono::duration_cast<Centiseconds>(interval).count();
    return static_cast<std::uint16_t>(std::clamp<std::int64_t>(centiseconds, 1, 0x0fff));
}

std::uint16_t auth_and_interval_of(const VirtualRouter& router) {
    if (router.version == 3)
        return centiseconds_of(router.advert_interval);
    const std::uint8_t auth_type = router.auth_pass ? auth_simple : auth_none;
    return static_cast<std::uint16_t>(auth_type << 8U | seconds_of(router.advert_interval));
}

// Takes the same time wherever the first difference is.
bool equal_constant_time(std::span<const std::uint8_t> left, const AuthPass& right) {
    check(left.size() == right.size(), "both passwords have their full width");
    unsigned difference = 0;
    for (std::size_t index = 0; index < right.size(); ++index)
        difference |= static_cast<unsigned>(left[index] ^ right[index]);
    return difference == 0;
}

// The two agree when each names only what the other has: a duplicate on the wire is no difference.
bool same_addresses(std::span<const std::uint8_t> wire, const std::vector<Be32>& ours) {
    std::array<bool, advert_addresses_max> seen{};
    ByteReader reader(wire);
    while (reader.remaining() > 0) {
        const auto found = std::ranges::find(ours, Be32(reader.read<std::uint32_t>()));
        if (found == ours.end())
            return false;
        seen[static_cast<std::size_t>(found - ours.begin())] = true;
    }
    return static_cast<std::size_t>(std::ranges::count(seen, true)) == ours.size();
}

std::optional<AdvertError> check_authentication(const Header& header, const VirtualRouter& router) {
    if (router.version != 2)
        return std::nullopt;
    if (header.auth_and_interval >> 8U != (router.auth_pass ? auth_simple : auth_none))
        return AdvertError::auth_type;
    if (router.auth_pass && !equal_constant_time(header.auth, *router.auth_pass))
        return AdvertError::auth_pass;
    return std::nullopt;
}

Duration interval_of(const Header& header) {
    if (header.version == 3)
        return Centiseconds(header.auth_and_interval & 0x0fffU);
    return std::chrono::seconds(header.auth_and_interval & 0xffU);
}

}  // namespace

std::string_view name_of(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> names{
#define HEADGATE_NAME(name, words) #name,
        HEADGATE_ADVERT_ERRORS(HEADGATE_NAME)
#undef HEADGATE_NAME
    };
    return names[static_cast<std::size_t>(error)];
}

std::string_view describe(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> sentences{
#define HEADGATE_WORDS(name, words) words,
        HEADGATE_ADVERT_ERRORS(HEADGATE_WORDS)
#undef HEADGATE_WORDS
    };
    return sentences[static_cast<std::size_t>(error)];
}

VirtualRouter virtual_router(const config::VrrpInstance& instance) {
    VirtualRouter router{.vrid = instance.vrid,
                         .version = instance.version,
                         .advert_interval = instance.advert_interval,
                         .auth_pass = std::nullopt,
                         .addresses = {}};
    if (instance.version == 2 && instance.auth_pass) {
        AuthPass& pass = router.auth_pass.emplace();
        std::ranges::copy_n(
            instance.auth_pass->begin(),
            static_cast<std::ptrdiff_t>(std::min(instance.auth_pass->size(), pass.size())),
            pass.begin());
    }
    for (const config::VirtualAddress& vip : instance.virtual_addresses)
        router.addresses.push_back(vip.prefix.address.as_v4());
    return router;
}

std::size_t encode(const VirtualRouter& router, const IpAddress& source, std::uint8_t priority,
                   std::span<std::uint8_t> packet) {
    check(router.addresses.size() <= advert_addresses_max, "the address count fits its byte");
    const std::size_t message_bytes =
        vrrp_header_bytes + 4 * router.addresses.size() + (router.version == 2 ? auth_bytes : 0);
    const std::size_t total_bytes = ip_header_bytes + message_bytes;
    ByteWriter writer(packet);
    writer.write(std::uint8_t{0x45});
    writer.write(advert_tos);
    writer.write(static_cast<std::uint16_t>(total_bytes));
    writer.write(std::uint32_t{0});  // identification (the kernel fills it in), no fragment
    writer.write(advert_ttl);
    writer.write(ip_protocol_vrrp);
    writer.write(std::uint16_t{0});
    writer.write(source.as_v4().host());
    writer.write(advert_group.host());

    writer.write(static_cast<std::uint8_t>(router.version << 4U | type_advertisement));
    writer.write(router.vrid);
    writer.write(priority);
    writer.write(static_cast<std::uint8_t>(router.addresses.size()));
    writer.write(auth_and_interval_of(router));
    writer.write(std::uint16_t{0});
    for (const Be32 address : router.addresses)
        writer.write(address.host());
    if (router.version == 2)
        writer.write(std::span<const std::uint8_t>(router.auth_pass.value_or(AuthPass{})));

    const auto ip_header = packet.first(ip_header_bytes);
    ByteWriter(ip_header.subspan(ip_checksum_offset)).write(internet_checksum(ip_header));
    const auto message = packet.subspan(ip_header_bytes, message_bytes);
    ByteWriter(message.subspan(vrrp_checksum_offset))
        .write(message_checksum(router.version, source.as_v4(), advert_group, message));
    return total_bytes;
}

std::optional<AdvertOrigin> peek(std::span<const std::uint8_t> packet) {
    const auto ip = parse_ip(packet);
    if (!ip || ip->message.size() < vrrp_header_bytes)
        return std::nullopt;
    return AdvertOrigin{.source = IpAddress::v4(ip->source), .vrid = ip->message[1]};
}

tl::expected<Advert, AdvertError> decode(std::span<const std::uint8_t> packet,
                                         const VirtualRouter& router) {
    const auto ip = parse_ip(packet);
    if (!ip)
        return tl::unexpected(AdvertError::length);
    if (ip->protocol != ip_protocol_vrrp)
        return tl::unexpected(AdvertError::protocol);
    const auto header = parse_header(ip->message);
    if (!header)
        return tl::unexpected(AdvertError::length);
    if (ip->ttl != advert_ttl)
        return tl::unexpected(AdvertError::ttl);
    if (header->version != router.version)
        return tl::unexpected(AdvertError::version);
    if (header->vrid != router.vrid)
        return tl::unexpected(AdvertError::vrid);
    if (const auto error = check_authentication(*header, router))
        return tl::unexpected(*error);
    const Duration interval = interval_of(*header);
    // Routers of version 2 that disagree on it would take each other for dead. Those of version 3
    // learn it, and one of 0 would leave a backup no time to wait.
    if (interval == Duration::zero() ||
        (router.version == 2 &&
         interval != std::chrono::seconds(seconds_of(router.advert_interval))))
        return tl::unexpected(AdvertError::advert_interval);
    if (header->type != type_advertisement)
        return tl::unexpected(AdvertError::type);
    if (message_checksum(header->version, ip->source, ip->destination, ip->message) != 0)
        return tl::unexpected(AdvertError::checksum);
    if (ip->destination != advert_group)
        return tl::unexpected(AdvertError::destination);
    return Advert{.source = IpAddress::v4(ip->source),
                  .priority = header->priority,
                  .advert_interval = interval,
                  .addresses_match = same_addresses(header->addresses, router.addresses)};
}

}  // namespace headgate::vrrp
