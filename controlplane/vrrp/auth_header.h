// auth_type AH: adverts of version 2 over IPv4 inside an authentication header (RFC 2402) with
// HMAC-MD5-96 (RFC 2403), as keepalived does it. Pure.
//
// One sequence number serves an instance in both directions: it goes on from the highest that was
// heard, so that a backup that takes over is believed by those who believed the master.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "controlplane/vrrp/advert_error.h"
#include "controlplane/vrrp/envelope.h"

namespace headgate::vrrp {

using AuthKey = std::array<std::uint8_t, 8>;  // auth_pass, zero-padded

class AuthHeader {
public:
    // Fills in the header that lies between the IP header and the message of `packet`, a complete
    // one with every field set but those that the kernel fills in. False: there is no digest to be
    // had, or all sequence numbers are used up; the packet must not be sent.
    // `unicast`: peers may be several hops away, so that the TTL cannot be covered.
    [[nodiscard]] bool sign(std::span<std::uint8_t> packet, const AuthKey& key, bool unicast);
    // Why a packet with a header of ours is refused; nothing when it is good. Then its sequence
    // number counts as seen.
    [[nodiscard]] std::optional<AdvertError> verify(const Envelope& envelope, const AuthKey& key,
                                                    bool unicast);

private:
    std::uint32_t sequence_ = 0;  // the highest that was sent or accepted
};

}  // namespace headgate::vrrp
