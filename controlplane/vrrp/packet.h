// The VRRP advertisement on the wire: version 2 (RFC 3768) and 3 (RFC 9568), IPv4 and IPv6,
// multicast and unicast, with keepalived's kinds of authentication. Pure: bytes in, values out.
//
// IPv4 adverts are whole packets, since authentication covers their IP header. IPv6 adverts are the
// message alone: there the kernel writes the header and fills in and verifies the checksum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <tl/expected.hpp>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/advert_error.h"
#include "controlplane/vrrp/auth_header.h"
#include "controlplane/vrrp/auth_hmac.h"
#include "controlplane/vrrp/envelope.h"

namespace headgate::vrrp {

inline constexpr std::uint8_t advert_ttl = 255;
inline constexpr std::uint8_t advert_tos = 0xc0;          // internetwork control
inline constexpr std::uint8_t priority_resign = 0;        // "I stop being master"
inline constexpr std::uint8_t priority_owner = 255;       // owns the addresses: always master
inline constexpr std::size_t auth_bytes = 8;              // trailer of version 2 adverts over IPv4
inline constexpr std::size_t advert_addresses_max = 255;  // the count is one byte
// IP header, authentication header, VRRP header, addresses, trailer.
inline constexpr std::size_t advert_bytes_max =
    ipv4_header_bytes + auth_header_bytes + 8 + 16 * advert_addresses_max + hmac_trailer_bytes;

using AuthPass = AuthKey;

// What the routers of one group must agree on. Adverts are written from it and held against it.
struct VirtualRouter {
    std::uint8_t vrid = 0;
    std::uint8_t version = 2;
    Duration advert_interval{};         // v2: whole seconds, 1 to 255; v3: 10 ms to 40.95 s
    std::optional<AuthPass> auth_pass;  // v2 over IPv4 only; PASS, or the key of AH
    std::vector<IpAddress> addresses;   // of the transport's family; at most advert_addresses_max
    config::VrrpTransport transport{};
    bool operator==(const VirtualRouter&) const = default;

    [[nodiscard]] Family family() const { return transport.family; }
};

// `mtu`: of the interface; 0: not known. Addresses beyond what fits into an advert stay out of it,
// in the order of the configuration, which is therefore to be the same on all routers.
[[nodiscard]] VirtualRouter virtual_router(const config::VrrpInstance& instance,
                                           std::uint32_t mtu = 0);

struct Advert {
    IpAddress source;
    std::uint8_t priority = 0;
    Duration advert_interval{};
    // What the operator should know about it, though it is accepted.
    std::vector<AdvertError> remarks{};
};

// The codec of one instance. It remembers what protects against replay, and how others compute
// checksums.
class AdvertCodec {
public:
    explicit AdvertCodec(VirtualRouter router) { reconfigure(std::move(router)); }

    [[nodiscard]] const VirtualRouter& router() const { return router_; }
    // Sequence numbers go on.
    void reconfigure(VirtualRouter router);
    // Where each advert is to be sent: the group, or every peer.
    [[nodiscard]] std::vector<IpAddress> destinations() const;

    // The advert for one destination, valid until the next call. Nothing when it cannot be
    // authenticated. Requires: addresses of the router's family.
    std::optional<std::span<const std::uint8_t>> encode(const IpAddress& source,
                                                        const IpAddress& destination,
                                                        std::uint8_t priority, WallTime now);
    [[nodiscard]] tl::expected<Advert, AdvertError> decode(const Envelope& envelope, WallTime now);

private:
    struct Message;

    void write_ip_header(std::span<std::uint8_t> packet, const IpAddress& source,
                         const IpAddress& destination);
    [[nodiscard]] std::optional<AdvertError> check_hmac(const Envelope& envelope,
                                                        const Message& message, WallTime now);
    [[nodiscard]] std::optional<AdvertError> check_authentication(const Envelope& envelope,
                                                                  const Message& message);
    [[nodiscard]] std::optional<AdvertError> check_checksum(const Envelope& envelope,
                                                            const Message& message, Advert& advert);
    [[nodiscard]] std::optional<AdvertError> check_addresses(const Envelope& envelope,
                                                             const Message& message,
                                                             Advert& advert) const;

    VirtualRouter router_;
    AuthHeader auth_header_;
    HmacTrailer hmac_;
    config::ChecksumKind checksum_{};       // of the adverts that we send
    bool adopted_ = false;                  // it is somebody else's
    std::optional<IpAddress> last_source_;  // of an accepted advert
    std::uint16_t identification_ = 0;
    std::vector<std::uint8_t> buffer_;  // the last advert
};

}  // namespace headgate::vrrp
