// The typed configuration of VRRP: how the adverts of an instance travel, and what guards them. See
// model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/net.h"

namespace headgate::config {

// One entry of unicast_peer. Adverts from it have a TTL (hop limit) in this range.
struct UnicastPeer {
    IpAddress address;
    std::uint8_t ttl_min = 0;
    std::uint8_t ttl_max = 255;
    bool operator==(const UnicastPeer&) const = default;
};

// What the checksum of a version 3 advert over IPv4 covers beside the message. Implementations
// differ; all of them are right for somebody.
enum class ChecksumKind : std::uint8_t {
    pseudo_header,    // RFC 5798 as keepalived reads it: the IP addresses as sent
    message_only,     // RFC 9568, Cisco, `v3_checksum_as_v2`
    multicast_group,  // keepalived before 1.3.7: the group in place of a unicast destination
};

// auth_hmac, as keepalived 2.4.2 and later put it on the wire.
struct AuthHmac {
    struct Key {
        std::uint8_t id = 0;
        std::vector<std::uint8_t> secret;  // 32 to 64 bytes
        bool operator==(const Key&) const = default;
    };
    enum class Mode : std::uint8_t {
        enforce,       // adverts without a trailer are refused
        permissive,    // they are accepted; those that we send have one
        receive_only,  // they are accepted, and we send without one
    };
    std::vector<Key> keys;        // at least one; ids are unique
    std::uint8_t active_key = 0;  // the id of the key to sign with
    Mode mode = Mode::enforce;
    // Whether the time in a trailer has to be near ours, or only to grow.
    bool bounded_by_time = true;
    std::chrono::seconds time_window{5};
    bool operator==(const AuthHmac&) const = default;
};

struct VrrpTransport {
    Family family = Family::ipv4;
    // unicast_src_ip or mcast_src_ip; absent: the interface's own address.
    std::optional<IpAddress> source;
    bool track_source = false;  // FAULT while no interface has `source`
    // Where adverts go to: the peers, or else the group.
    bool unicast = false;
    std::vector<UnicastPeer> peers;
    bool fault_without_peer = false;  // unicast with an empty list of peers: FAULT
    IpAddress group = IpAddress::v4(Be32(0xe0000012));
    std::uint8_t ttl = 255;
    bool check_source = true;  // unicast: only from peers
    // What to put in adverts. `checksum_fixed`: even when others do it differently; otherwise the
    // instance does as the first router that it hears.
    ChecksumKind checksum = ChecksumKind::pseudo_header;
    bool checksum_fixed = false;
    // Whether adverts of keepalived before 1.3.7 are understood.
    bool accept_old_checksum = true;
    // An advert with another list of addresses: refused, or accepted with a warning.
    bool strict_addresses = false;
    // The list is not looked at again while adverts come from the router that sent the last one.
    bool skip_known_addresses = false;
    // auth_type AH; its key is the instance's auth_pass.
    bool auth_header = false;
    std::optional<AuthHmac> hmac;
    std::uint32_t receive_buffer_bytes = 0;  // 0: the system's default
    bool operator==(const VrrpTransport&) const = default;
};

}  // namespace headgate::config
