// Packets as people write them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/result.h"

namespace headgate::api {
class TraceRequest;
}

namespace headgate::cli {

// "tcp 198.51.100.7:40112 > 192.0.2.10:443", "udp [2001:db8::7]:4000 > [2001:db8::10]:53"; then,
// for tcp and sctp, flags: "fin|ack" (default syn). Fails saying what to write.
Result<api::TraceRequest> parse_packet(const std::string& text);

// The number of tcp, udp, sctp, icmp or icmpv6.
std::optional<std::uint32_t> protocol_of(const std::string& name);

// "tcp", or "ip-47" for those without a name here.
std::string protocol_words(std::uint32_t ip_protocol);

// "syn|ack"; of the flags that matter. Empty when there are none.
std::string flag_words(std::uint32_t tcp_flags);

}  // namespace headgate::cli
