// auth_hmac: a trailer of 28 bytes behind the message that proves who sent it and when, as
// keepalived 2.4.2 and later write it. Pure: the time of day comes in.
//
// The sequence is the time, 32 bits of seconds and 16 of their fraction, and a counter of 16 bits.
// It grows with every advert; serial arithmetic (RFC 1982) carries it over its end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/net.h"
#include "controlplane/config/model_vrrp_transport.h"
#include "controlplane/vrrp/advert_error.h"

namespace headgate::vrrp {

using WallTime = std::chrono::system_clock::time_point;

inline constexpr std::size_t hmac_trailer_bytes = 28;

class HmacTrailer {
public:
    // What the digest covers beside the message.
    struct Context {
        IpAddress source;
        std::uint8_t version = 3;
        std::uint8_t vrid = 0;
    };

    // Writes the trailer at the end of `message`, whose last 28 bytes are there for it. False:
    // there is no digest to be had; the message must not be sent. Requires: the active key is among
    // the keys.
    [[nodiscard]] bool sign(std::span<std::uint8_t> message, const Context& context,
                            const config::AuthHmac& config, WallTime now);
    // Why the trailer at the end of `message` is refused; nothing when it is good. Then its
    // sequence counts as seen from this source.
    [[nodiscard]] std::optional<AdvertError> verify(std::span<const std::uint8_t> message,
                                                    const Context& context,
                                                    const config::AuthHmac& config, WallTime now,
                                                    std::size_t senders_max);

private:
    struct Sender {
        IpAddress address;
        std::uint64_t sequence = 0;
    };

    [[nodiscard]] bool is_new(const IpAddress& source, std::uint64_t sequence,
                              const config::AuthHmac& config, WallTime now,
                              std::size_t senders_max);

    std::uint64_t sent_ = 0;
    std::vector<Sender> senders_;  // the one heard last comes last
};

}  // namespace headgate::vrrp
