// Every drop, every pass to the kernel, and every notable event of the core, by name.
// One line here is the enumerator, the name in counters and metrics, and the text for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "dataplane/core/verdict.h"

// X(name, verdict, text)
#define HEADGATE_REASONS(X)                                                                 \
    X(other_mac, kernel, "the frame is addressed to another MAC address")                   \
    X(vlan_tags, kernel, "the frame carries more than two VLAN tags")                       \
    X(not_ip, kernel, "the frame carries neither IPv4 nor IPv6")                            \
    X(fragment, kernel, "a fragment of a packet that is no service's")                      \
    X(icmp, kernel, "the packet is ICMP, and no error about a service's packet")            \
    X(routing_header, kernel, "the packet has segments left in an IPv6 routing header")     \
    X(other_protocol, kernel, "the packet is neither TCP, UDP nor SCTP")                    \
    X(no_service, kernel, "no service has this address, port and protocol")                 \
    X(service_inactive, kernel, "the service is not active on this node")                   \
    X(no_connection, kernel, "a packet that opens no connection belongs to none")           \
    X(destination_removed, kernel, "the connection's destination is no longer configured")  \
    X(no_destination, kernel, "the service has no destination that can take a connection")  \
    X(frame_truncated, drop, "the frame is shorter than its headers")                       \
    X(ip_malformed, drop, "the IP header contradicts itself or the frame")                  \
    X(ip_checksum, drop, "the checksum of the IPv4 header is wrong")                        \
    X(extension_headers, drop, "the packet has too many IPv6 extension headers")            \
    X(tcp_malformed, drop, "the TCP header does not fit into the packet")                   \
    X(udp_malformed, drop, "the UDP header or its length does not fit into the packet")     \
    X(sctp_malformed, drop, "the SCTP header or its first chunk does not fit")              \
    X(fragment_held, drop, "a later fragment came first: it waits for the first one")       \
    X(fragment_early, drop, "a later fragment came first and found no room to wait")        \
    X(icmp_unrelated, drop, "an ICMP error about a connection that is not known")           \
    X(hops_exceeded, drop, "the TTL or hop limit does not reach beyond this node")          \
    X(source_invalid, drop, "the source address cannot be a client")                        \
    X(source_blocked, drop, "the client is on the block list")                              \
    X(source_limited, drop, "the client's prefix opens more connections than it may")       \
    X(fragment_limited, drop, "more fragments of new packets in a second than configured")  \
    X(icmp_limited, drop, "more ICMP errors in a second than configured")                   \
    X(packet_too_big, drop, "the packet does not fit into the way to its real server")      \
    X(tunnel_fragments, drop, "too many packets of a burst had to be cut for their tunnel") \
    X(egress_fragments, drop, "too many packets of a burst had to be cut for an interface") \
    X(no_headroom, drop, "the port leaves no room before the frame for a tunnel's headers") \
    X(destination_unresolved, drop, "the destination's MAC address is not known at the moment")

// X(name, text): counted beside the verdict of the frame that caused them.
#define HEADGATE_EVENTS(X)                                                                 \
    X(connection_created, "a connection was scheduled and recorded")                       \
    X(connection_expired, "a connection was idle for its timeout")                         \
    X(connection_ended, "a connection was ended by the control plane")                     \
    X(half_open_evicted, "the oldest half-open connection made room for a new one")        \
    X(forwarded_stateless, "the connection table was full: forwarded without an entry")    \
    X(connection_deferred, "too many new connections: forwarded without an entry")         \
    X(connection_recovered, "a segment without an entry was recorded")                     \
    X(connection_blocked, "a connection ended, for its client was blocked")                \
    X(fragment_released, "a fragment that waited was forwarded")                           \
    X(fragment_given_up, "a fragment waited for a first one in vain")                      \
    X(icmp_answered, "a client was told by ICMP why its packet was dropped")               \
    X(icmp_answer_withheld, "a client was not told by ICMP: too many are")                 \
    X(icmp_error_forwarded, "an ICMP error went to the server that it is about")           \
    X(tunnel_fragmented, "a packet was sent through its tunnel in fragments")              \
    X(egress_fragmented, "a packet was cut for the interface that it leaves by")           \
    X(flow_cached, "a connection was put into the flow cache")                             \
    X(flow_cache_evicted, "a connection left the flow cache to make room")                 \
    X(flow_cache_no_room, "a connection found no room in the flow cache")                  \
    X(connection_taken_over, "a packet came to another worker than its connection was at") \
    X(connection_adopted, "a connection of a process that was killed goes on")             \
    X(peer_followed, "a packet followed a connection of another worker")                   \
    X(persistence_created, "a client was bound to a destination")                          \
    X(persistence_full, "the persistence table was full: the client was not bound")

namespace headgate::dataplane {

enum class Reason : std::uint8_t {
    none,  // forwarded
#define X(name, verdict, text) name,
    HEADGATE_REASONS(X)
#undef X
};

enum class Event : std::uint8_t {
#define X(name, text) name,
    HEADGATE_EVENTS(X)
#undef X
};

struct ReasonInfo {
    std::string_view name;
    Verdict verdict;
    std::string_view text;
};

struct EventInfo {
    std::string_view name;
    std::string_view text;
};

// Indexed by the enumerator's value.
inline constexpr ReasonInfo reason_infos[] = {{"none", Verdict::transmit, "forwarded"},
#define X(name, verdict, text) {#name, Verdict::verdict, text},
                                              HEADGATE_REASONS(X)
#undef X
};
inline constexpr EventInfo event_infos[] = {
#define X(name, text) {#name, text},
    HEADGATE_EVENTS(X)
#undef X
};

inline constexpr std::size_t reason_count = std::size(reason_infos);
inline constexpr std::size_t event_count = std::size(event_infos);

constexpr const ReasonInfo& info(Reason reason) {
    return reason_infos[static_cast<std::size_t>(reason)];
}
constexpr const EventInfo& info(Event event) {
    return event_infos[static_cast<std::size_t>(event)];
}

}  // namespace headgate::dataplane
