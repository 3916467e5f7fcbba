// Drafts of how the adverts of a VRRP instance travel: see draft.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/model_vrrp_transport.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct AuthHmacDraft {
    Span where;  // of the keyword auth_hmac
    std::vector<Located<AuthHmac::Key>> keys;
    Setting<std::uint8_t> active_key;
    Setting<bool> bounded_by_time;
    Setting<std::chrono::seconds> time_window;
    Setting<AuthHmac::Mode> mode;
};

// Of a vrrp_instance.
struct TransportDraft {
    Setting<IpAddress> unicast_source;
    Setting<IpAddress> multicast_source;
    Setting<IpAddress> destination;  // mcast_dst_ip
    Setting<bool> track_source;
    std::optional<Span> peers_where;  // of the keyword unicast_peer
    std::vector<Located<UnicastPeer>> peers;
    bool has_ttl_limits = false;  // some peer has
    Setting<bool> fault_without_peer;
    Setting<std::uint8_t> ttl;
    Setting<bool> check_source;
    Setting<bool> message_only_checksum;  // v3_checksum_as_v2
    Setting<bool> old_checksum;           // old_unicast_checksum; false: never
    Setting<bool> skip_known_addresses;
    Setting<bool> strict;
    Setting<bool> native_ipv6;
    Setting<std::uint32_t> receive_buffer_bytes;
    std::optional<AuthHmacDraft> hmac;
};

// Of global_defs.
struct GlobalTransportDraft {
    Setting<IpAddress> group_v4;
    Setting<IpAddress> group_v6;
    Setting<bool> check_source;
    Setting<bool> message_only_checksum;
    Setting<bool> skip_known_addresses;
    Setting<bool> strict;
    Setting<std::uint32_t> receive_buffer_bytes;
};

}  // namespace headgate::config
