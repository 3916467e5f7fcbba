#include "controlplane/vrrp/packet.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"
#include "controlplane/vrrp/digest.h"

namespace headgate::vrrp {

namespace {

using config::ChecksumKind;

constexpr std::size_t vrrp_header_bytes = 8;
constexpr std::size_t ip_checksum_offset = 10;
constexpr std::size_t vrrp_checksum_offset = 6;
constexpr std::uint8_t type_advertisement = 1;
constexpr std::uint8_t auth_none = 0;
constexpr std::uint8_t auth_simple = 1;  // keepalived's PASS
constexpr std::uint8_t auth_ah = 2;

using Centiseconds = std::chrono::duration<std::int64_t, std::centi>;

std::size_t address_bytes(Family family) {
    return family == Family::ipv4 ? 4 : 16;
}

// Version 2 has a field for a password; keepalived leaves it out over IPv6.
std::size_t password_bytes(std::uint8_t version, Family family) {
    return version == 2 && family == Family::ipv4 ? auth_bytes : 0;
}

bool signs_with_hmac(const VirtualRouter& router) {
    return router.transport.hmac &&
           router.transport.hmac->mode != config::AuthHmac::Mode::receive_only;
}

void add_address(InternetChecksum& sum, const IpAddress& address) {
    sum.add(address.bytes());
}

// `message`: without an auth_hmac trailer, which it does not cover.
std::uint16_t message_checksum(std::uint8_t version, ChecksumKind kind, const IpAddress& source,
                               const IpAddress& destination,
                               std::span<const std::uint8_t> message) {
    InternetChecksum sum;
    if (version == 3 && kind != ChecksumKind::message_only) {
        add_address(sum, source);
        add_address(sum, destination);
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

std::uint8_t auth_type_of(const VirtualRouter& router) {
    if (router.transport.auth_header)
        return auth_ah;
    return router.auth_pass ? auth_simple : auth_none;
}

std::uint16_t auth_and_interval_of(const VirtualRouter& router) {
    if (router.version == 3)
        return centiseconds_of(router.advert_interval);
    return static_cast<std::uint16_t>(auth_type_of(router) << 8U |
                                      seconds_of(router.advert_interval));
}

// The interval as our own adverts say it.
Duration interval_on_wire(const VirtualRouter& router) {
    if (router.version == 3)
        return Centiseconds(centiseconds_of(router.advert_interval));
    return std::chrono::seconds(seconds_of(router.advert_interval));
}

IpAddress read_address(ByteReader& reader, Family family) {
    if (family == Family::ipv4)
        return IpAddress::v4(Be32(reader.read<std::uint32_t>()));
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(reader.take(bytes.size()), bytes.begin());
    return IpAddress::v6(bytes);
}

// The two agree when each names only what the other has: a duplicate on the wire is no difference.
bool same_addresses(std::span<const std::uint8_t> wire, const VirtualRouter& router) {
    const std::vector<IpAddress>& ours = router.addresses;
    std::array<bool, advert_addresses_max> seen{};
    ByteReader reader(wire);
    while (reader.remaining() > 0) {
        const auto found = std::ranges::find(ours, read_address(reader, router.family()));
        if (found == ours.end())
            return false;
        seen[static_cast<std::size_t>(found - ours.begin())] = true;
    }
    return static_cast<std::size_t>(std::ranges::count(seen, true)) == ours.size();
}

std::size_t addresses_that_fit(const VirtualRouter& router, std::uint32_t mtu) {
    if (mtu == 0)
        return advert_addresses_max;
    const bool is_v4 = router.family() == Family::ipv4;
    const std::size_t others = (is_v4 ? ipv4_header_bytes : 40) + vrrp_header_bytes +
                               (router.transport.auth_header ? auth_header_bytes : 0) +
                               password_bytes(router.version, router.family()) +
                               (router.transport.hmac ? hmac_trailer_bytes : 0);
    if (mtu <= others)
        return 0;
    return std::min(advert_addresses_max, (mtu - others) / address_bytes(router.family()));
}

AdvertError remark_about(ChecksumKind kind) {
    switch (kind) {
        case ChecksumKind::message_only:
            return AdvertError::checksum_message_only;
        case ChecksumKind::multicast_group:
            return AdvertError::checksum_multicast_group;
        case ChecksumKind::pseudo_header:
            break;
    }
    return AdvertError::checksum_pseudo_header;
}

}  // namespace

struct AdvertCodec::Message {
    std::uint8_t version = 0;
    std::uint8_t type = 0;
    std::uint8_t vrid = 0;
    std::uint8_t priority = 0;
    // v2: auth type and interval in seconds, a byte each; v3: 4 reserved bits and centiseconds.
    std::uint16_t auth_and_interval = 0;
    std::span<const std::uint8_t> addresses;
    std::span<const std::uint8_t> password;  // v2 over IPv4 only
    std::span<const std::uint8_t> whole;     // with the trailer
    bool has_trailer = false;

    // Nothing when the message has not exactly the length that its fields imply. They are read by
    // the packet's own version, not ours: a router of the other version is to be told so, rather
    // than that its packet has the wrong length.
    static std::optional<Message> read(std::span<const std::uint8_t> bytes, Family family) {
        ByteReader reader(bytes);
        Message message;
        message.whole = bytes;
        const auto version_and_type = reader.read<std::uint8_t>();
        message.version = version_and_type >> 4U;
        message.type = version_and_type & 0x0fU;
        message.vrid = reader.read<std::uint8_t>();
        message.priority = reader.read<std::uint8_t>();
        const std::size_t num_addresses = reader.read<std::uint8_t>();
        message.auth_and_interval = reader.read<std::uint16_t>();
        reader.skip(2);  // checksum
        message.addresses = reader.take(address_bytes(family) * num_addresses);
        message.password = reader.take(password_bytes(message.version, family));
        message.has_trailer = message.version == 3 && reader.remaining() == hmac_trailer_bytes;
        if (reader.failed() || (reader.remaining() != 0 && !message.has_trailer))
            return std::nullopt;
        return message;
    }

    [[nodiscard]] std::span<const std::uint8_t> without_trailer() const {
        return whole.first(whole.size() - (has_trailer ? hmac_trailer_bytes : 0));
    }
    [[nodiscard]] Duration interval() const {
        if (version == 3)
            return Centiseconds(auth_and_interval & 0x0fffU);
        return std::chrono::seconds(auth_and_interval & 0xffU);
    }
};

VirtualRouter virtual_router(const config::VrrpInstance& instance, std::uint32_t mtu) {
    VirtualRouter router{.vrid = instance.vrid,
                         .version = instance.version,
                         .advert_interval = instance.advert_interval,
                         .auth_pass = std::nullopt,
                         .addresses = {},
                         .transport = instance.transport};
    if (instance.version == 2 && instance.auth_pass) {
        AuthPass& pass = router.auth_pass.emplace();
        std::ranges::copy_n(
            instance.auth_pass->begin(),
            static_cast<std::ptrdiff_t>(std::min(instance.auth_pass->size(), pass.size())),
            pass.begin());
    }
    const std::size_t room = addresses_that_fit(router, mtu);
    for (const config::VirtualAddress& vip : instance.virtual_addresses) {
        if (router.addresses.size() == room)
            break;
        router.addresses.push_back(vip.prefix.address);
    }
    return router;
}

void AdvertCodec::reconfigure(VirtualRouter router) {
    const config::VrrpTransport& transport = router.transport;
    check(router.addresses.size() <= advert_addresses_max, "the address count fits its byte");
    check(!transport.auth_header || router.auth_pass, "AH has a key");
    if (!adopted_ || transport.checksum_fixed || transport != router_.transport) {
        checksum_ = transport.checksum;
        adopted_ = false;
    }
    router_ = std::move(router);
    last_source_.reset();
}

std::vector<IpAddress> AdvertCodec::destinations() const {
    if (!router_.transport.unicast)
        return {router_.transport.group};
    std::vector<IpAddress> destinations;
    destinations.reserve(router_.transport.peers.size());
    for (const config::UnicastPeer& peer : router_.transport.peers)
        destinations.push_back(peer.address);
    return destinations;
}

std::optional<std::span<const std::uint8_t>> AdvertCodec::encode(const IpAddress& source,
                                                                 const IpAddress& destination,
                                                                 std::uint8_t priority,
                                                                 WallTime now) {
    const config::VrrpTransport& transport = router_.transport;
    check(source.family() == router_.family() && destination.family() == router_.family(),
          "adverts travel between addresses of the router's family");
    const bool is_v4 = router_.family() == Family::ipv4;
    const std::size_t headers_bytes =
        (is_v4 ? ipv4_header_bytes : 0) + (transport.auth_header ? auth_header_bytes : 0);
    const std::size_t covered_bytes = vrrp_header_bytes +
                                      address_bytes(router_.family()) * router_.addresses.size() +
                                      password_bytes(router_.version, router_.family());
    const std::size_t message_bytes =
        covered_bytes + (signs_with_hmac(router_) ? hmac_trailer_bytes : 0);
    buffer_.assign(headers_bytes + message_bytes, 0);
    const std::span packet(buffer_);
    const std::span message = packet.subspan(headers_bytes);

    ByteWriter writer(message);
    writer.write(static_cast<std::uint8_t>(router_.version << 4U | type_advertisement));
    writer.write(router_.vrid);
    writer.write(priority);
    writer.write(static_cast<std::uint8_t>(router_.addresses.size()));
    writer.write(auth_and_interval_of(router_));
    writer.write(std::uint16_t{0});
    for (const IpAddress& address : router_.addresses)
        writer.write(address.bytes());
    if (router_.version == 2 && router_.auth_pass && is_v4 && !transport.auth_header)
        writer.write(std::span<const std::uint8_t>(*router_.auth_pass));
    if (is_v4) {
        const IpAddress& summed =
            checksum_ == ChecksumKind::multicast_group ? transport.group : destination;
        ByteWriter(message.subspan(vrrp_checksum_offset))
            .write(message_checksum(router_.version, checksum_, source, summed,
                                    message.first(covered_bytes)));
        write_ip_header(packet, source, destination);
    }
    if (signs_with_hmac(router_) &&
        !hmac_.sign(message, {.source = source, .version = router_.version, .vrid = router_.vrid},
                    *transport.hmac, now))
        return std::nullopt;
    if (transport.auth_header && !auth_header_.sign(packet, *router_.auth_pass, transport.unicast))
        return std::nullopt;
    return packet;
}

void AdvertCodec::write_ip_header(std::span<std::uint8_t> packet, const IpAddress& source,
                                  const IpAddress& destination) {
    const config::VrrpTransport& transport = router_.transport;
    // 0 asks the kernel to choose one, which an authentication header cannot leave to it.
    if (transport.auth_header && ++identification_ == 0)
        ++identification_;
    ByteWriter writer(packet);
    writer.write(std::uint8_t{0x45});
    writer.write(advert_tos);
    writer.write(static_cast<std::uint16_t>(packet.size()));
    writer.write(transport.auth_header ? identification_ : std::uint16_t{0});
    writer.write(std::uint16_t{0});  // no fragment
    writer.write(transport.unicast ? transport.ttl : advert_ttl);
    writer.write(transport.auth_header ? ip_protocol_auth : ip_protocol_vrrp);
    writer.write(std::uint16_t{0});
    writer.write(source.bytes());
    writer.write(destination.bytes());
    const auto header = packet.first(ipv4_header_bytes);
    ByteWriter(header.subspan(ip_checksum_offset)).write(internet_checksum(header));
}

// In keepalived's order.
tl::expected<Advert, AdvertError> AdvertCodec::decode(const Envelope& envelope, WallTime now) {
    const config::VrrpTransport& transport = router_.transport;
    const bool has_auth_header = envelope.protocol == ip_protocol_auth;
    if (envelope.source.family() != router_.family() ||
        (envelope.protocol != ip_protocol_vrrp && !has_auth_header))
        return tl::unexpected(AdvertError::protocol);
    if (has_auth_header != transport.auth_header)
        return tl::unexpected(has_auth_header ? AdvertError::auth_header_unexpected
                                              : AdvertError::auth_header_missing);
    if (has_auth_header && envelope.payload.size() < auth_header_bytes)
        return tl::unexpected(AdvertError::length);
    const auto message = Message::read(
        envelope.payload.subspan(has_auth_header ? auth_header_bytes : 0), router_.family());
    if (!message)
        return tl::unexpected(AdvertError::length);
    if (!transport.unicast && envelope.ttl.value_or(advert_ttl) != advert_ttl)
        return tl::unexpected(AdvertError::ttl);
    if (message->version != router_.version)
        return tl::unexpected(AdvertError::version);
    if (message->vrid != router_.vrid)
        return tl::unexpected(AdvertError::vrid);
    if (const auto error = check_hmac(envelope, *message, now))
        return tl::unexpected(*error);
    if (const auto error = check_authentication(envelope, *message))
        return tl::unexpected(*error);
    // Routers of version 2 that disagree on it would take each other for dead. Those of version 3
    // learn it, and one of 0 would leave a backup no time to wait.
    Advert advert{.source = envelope.source,
                  .priority = message->priority,
                  .advert_interval = message->interval()};
    const bool same_interval = advert.advert_interval == interval_on_wire(router_);
    if (advert.advert_interval == Duration::zero() || (router_.version == 2 && !same_interval))
        return tl::unexpected(AdvertError::advert_interval);
    if (!same_interval)
        advert.remarks.push_back(AdvertError::interval_differs);
    if (message->type != type_advertisement)
        return tl::unexpected(AdvertError::type);
    if (const auto error = check_checksum(envelope, *message, advert))
        return tl::unexpected(*error);
    if (const auto error = check_addresses(envelope, *message, advert))
        return tl::unexpected(*error);
    last_source_ = advert.source;
    return advert;
}

std::optional<AdvertError> AdvertCodec::check_hmac(const Envelope& envelope, const Message& message,
                                                   WallTime now) {
    const auto& config = router_.transport.hmac;
    if (!config)
        return message.has_trailer ? std::optional(AdvertError::hmac_unexpected) : std::nullopt;
    if (!message.has_trailer)
        return config->mode == config::AuthHmac::Mode::enforce
                   ? std::optional(AdvertError::hmac_missing)
                   : std::nullopt;
    // More than one multicast router sends for one group only while they contend for it.
    constexpr std::size_t senders_min = 4;
    return hmac_.verify(
        message.whole,
        {.source = envelope.source, .version = message.version, .vrid = message.vrid}, *config, now,
        std::max(senders_min, router_.transport.peers.size()));
}

std::optional<AdvertError> AdvertCodec::check_authentication(const Envelope& envelope,
                                                             const Message& message) {
    if (router_.version != 2)
        return std::nullopt;
    if (message.auth_and_interval >> 8U != auth_type_of(router_))
        return AdvertError::auth_type;
    if (router_.transport.auth_header)
        return auth_header_.verify(envelope, *router_.auth_pass, router_.transport.unicast);
    if (router_.auth_pass && !equal_constant_time(message.password, *router_.auth_pass))
        return AdvertError::auth_pass;
    return std::nullopt;
}

// Over IPv6 the kernel has verified it, and knows only one kind.
std::optional<AdvertError> AdvertCodec::check_checksum(const Envelope& envelope,
                                                       const Message& message, Advert& advert) {
    if (router_.family() != Family::ipv4)
        return std::nullopt;
    const config::VrrpTransport& transport = router_.transport;
    const auto is_right = [&](ChecksumKind kind) {
        const IpAddress& summed =
            kind == ChecksumKind::multicast_group ? transport.group : envelope.destination;
        return message_checksum(message.version, kind, envelope.source, summed,
                                message.without_trailer()) == 0;
    };
    // What we send is the most likely. To a multicast group, and in version 2, some are the same.
    if (is_right(transport.checksum))
        return std::nullopt;
    for (const ChecksumKind kind :
         {ChecksumKind::pseudo_header, ChecksumKind::message_only, ChecksumKind::multicast_group}) {
        if ((kind == ChecksumKind::multicast_group && !transport.accept_old_checksum) ||
            !is_right(kind))
            continue;
        advert.remarks.push_back(remark_about(kind));
        if (!transport.checksum_fixed && !adopted_) {
            checksum_ = kind;
            adopted_ = true;
        }
        return std::nullopt;
    }
    return AdvertError::checksum;
}

std::optional<AdvertError> AdvertCodec::check_addresses(const Envelope& envelope,
                                                        const Message& message,
                                                        Advert& advert) const {
    const config::VrrpTransport& transport = router_.transport;
    if (envelope.destination.is_multicast() == transport.unicast)
        return transport.unicast ? AdvertError::expected_unicast : AdvertError::expected_multicast;
    if (!transport.unicast && envelope.destination != transport.group)
        return AdvertError::destination;
    const bool known = transport.skip_known_addresses && last_source_ == envelope.source;
    if (!known && !same_addresses(message.addresses, router_)) {
        if (transport.strict_addresses)
            return AdvertError::address_list_strict;
        advert.remarks.push_back(AdvertError::address_list);
    }
    if (!transport.unicast)
        return std::nullopt;
    const auto peer =
        std::ranges::find(transport.peers, envelope.source, &config::UnicastPeer::address);
    if (peer == transport.peers.end())
        return transport.check_source ? std::optional(AdvertError::not_a_peer) : std::nullopt;
    if (envelope.ttl && (*envelope.ttl < peer->ttl_min || *envelope.ttl > peer->ttl_max))
        return AdvertError::peer_ttl;
    return std::nullopt;
}

}  // namespace headgate::vrrp
