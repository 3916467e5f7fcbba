// What the tests of the advert codec share: routers, and adverts as bytes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {

using Bytes = std::vector<std::uint8_t>;

inline IpAddress ip(std::string_view text) {
    return *IpAddress::parse(text);
}

inline Bytes from_hex(std::string_view hex) {
    Bytes bytes;
    for (std::size_t index = 0; index < hex.size(); index += 2)
        bytes.push_back(
            static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(index, 2)), nullptr, 16)));
    return bytes;
}

inline VirtualRouter router_v2() {
    return {.vrid = 51,
            .version = 2,
            .advert_interval = std::chrono::seconds(1),
            .auth_pass = AuthPass{'s', '3', 'c', 'r', 'e', 't'},
            .addresses = {ip("10.0.0.100"), ip("10.0.0.101")},
            .transport = {}};
}

inline VirtualRouter router_v3() {
    return {.vrid = 7,
            .version = 3,
            .advert_interval = std::chrono::milliseconds(250),
            .auth_pass = std::nullopt,
            .addresses = {ip("192.0.2.100")},
            .transport = {}};
}

// The advert of a codec that has sent none before.
inline Bytes encoded(const VirtualRouter& router, const IpAddress& source, std::uint8_t priority,
                     WallTime now = {}) {
    AdvertCodec codec(router);
    const auto bytes = codec.encode(source, codec.destinations().at(0), priority, now);
    return bytes ? Bytes(bytes->begin(), bytes->end()) : Bytes{};
}

// An IPv4 packet, as a codec takes it that has heard none before.
inline tl::expected<Advert, AdvertError> decode(const Bytes& packet, const VirtualRouter& router,
                                                WallTime now = {}) {
    const auto envelope = open_ipv4(packet);
    if (!envelope)
        return tl::unexpected(AdvertError::length);
    return AdvertCodec(router).decode(*envelope, now);
}

}  // namespace headgate::vrrp
