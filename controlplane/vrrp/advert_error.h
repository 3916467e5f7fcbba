// What can be wrong with an advert, by name: for counters, for the log, and for the operator, who
// is told what to change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/x_list.h"

namespace headgate::vrrp {

// In the order in which they are checked (keepalived's order). The rows at the end are not refusals
// of decode(): remarks about an accepted advert, and what its caller finds out. X(name, words)
#define HEADGATE_ADVERT_ERRORS(X)                                                                  \
    X(length, "the packet is shorter than its headers or longer than its fields say")              \
    X(protocol, "not a VRRP packet")                                                               \
    X(auth_header_missing,                                                                         \
      "it has no authentication header and we have `auth_type AH`: give both sides the same "      \
      "`auth_type`")                                                                               \
    X(auth_header_unexpected,                                                                      \
      "it has an authentication header: write `auth_type AH` here, or remove it there")            \
    X(ttl, "TTL is not 255: it was routed here")                                                   \
    X(version, "VRRP version differs from ours: write the same `version` on both sides")           \
    X(vrid, "virtual_router_id differs from ours")                                                 \
    X(hmac_missing,                                                                                \
      "it has no auth_hmac trailer: configure `auth_hmac` there, or write `mode permissive` here " \
      "while the routers are being changed")                                                       \
    X(hmac_unexpected,                                                                             \
      "it has an auth_hmac trailer and we have no `auth_hmac` block: add it here with its keys")   \
    X(hmac_malformed, "its auth_hmac trailer is of a kind that we do not know")                    \
    X(hmac_stale,                                                                                  \
      "the time in its auth_hmac trailer is outside our time_window: it is a replay, or the "      \
      "clocks of the routers differ (run NTP, or write `anti_replay monotonic`)")                  \
    X(hmac_unknown_key, "its auth_hmac key id is not among our keys: add that `key` here")         \
    X(hmac_wrong, "wrong auth_hmac: the secrets of this key id differ, or it is forged")           \
    X(hmac_replay, "its auth_hmac sequence does not grow: it is a replay")                         \
    X(auth_type, "authentication type differs from ours: give both sides the same `auth_type`")    \
    X(auth_pass, "wrong auth_pass: write the same `auth_pass` on both sides")                      \
    X(auth_header_wrong,                                                                           \
      "wrong digest in its authentication header: write the same `auth_pass` on both sides")       \
    X(auth_header_spi, "the SPI of its authentication header is not its source address")           \
    X(auth_header_replay, "the sequence number of its authentication header was seen before")      \
    X(advert_interval,                                                                             \
      "advertisement interval differs from ours (version 2) or is 0: write the same "              \
      "`advert_int` on both sides")                                                                \
    X(type, "not an ADVERTISEMENT")                                                                \
    X(checksum, "wrong checksum")                                                                  \
    X(destination,                                                                                 \
      "sent to another multicast group than ours: write the same `vrrp_mcast_group4` (6) or "      \
      "`mcast_dst_ip` on both sides")                                                              \
    X(expected_multicast,                                                                          \
      "sent by unicast, and we use multicast: configure `unicast_peer` on both sides or on none")  \
    X(expected_unicast,                                                                            \
      "sent by multicast, and we use unicast: configure `unicast_peer` on both sides or on none")  \
    X(address_list_strict,                                                                         \
      "its list of virtual addresses differs from ours (refused: strict mode)")                    \
    X(not_a_peer,                                                                                  \
      "its source is not in our `unicast_peer`: add it there, or write `check_unicast_src off`")   \
    X(peer_ttl, "its TTL is outside `min_ttl` and `max_ttl` of that `unicast_peer`")               \
    X(address_list, "its list of virtual addresses differs from ours (accepted)")                  \
    X(interval_differs,                                                                            \
      "its advertisement interval differs from our `advert_int` (accepted: version 3 follows the " \
      "master's)")                                                                                 \
    X(checksum_message_only,                                                                       \
      "its version 3 checksum leaves the IP addresses out (accepted): write `v3_checksum_as_v2` "  \
      "here if it refuses ours")                                                                   \
    X(checksum_pseudo_header,                                                                      \
      "its version 3 checksum covers the IP addresses and ours does not (accepted): remove "       \
      "`v3_checksum_as_v2` or `old_unicast_checksum` here, or add it there")                       \
    X(checksum_multicast_group,                                                                    \
      "its version 3 checksum is that of a keepalived before 1.3.7 (accepted): update it, or "     \
      "write `old_unicast_checksum` here")                                                         \
    X(own_address, "it has our own source address")                                                \
    X(unknown_vrid, "it is for no instance on this interface")

enum class AdvertError : std::uint8_t { HEADGATE_ADVERT_ERRORS(HEADGATE_ENUMERATOR) };

inline constexpr std::size_t num_advert_errors =
    static_cast<std::size_t>(AdvertError::unknown_vrid) + 1;

// The enumerator's name, as counters are called; and the sentence for people.
[[nodiscard]] std::string_view name_of(AdvertError error);
[[nodiscard]] std::string_view describe(AdvertError error);

}  // namespace headgate::vrrp
