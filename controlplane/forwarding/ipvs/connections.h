// Connections: what the kernel tells of those that IPVS forwards, in /proc/net/ip_vs_conn. Pure.
#pragma once

#include <iosfwd>

#include "common/result.h"

namespace headgate::api {
class Flows;
class FlowsRequest;
}  // namespace headgate::api

namespace headgate::forwarding::ipvs {

inline constexpr const char* connections_file = "/proc/net/ip_vs_conn";

// Those that `request` asks for, as many as its limit and ours allow; all are counted. Lines that
// are none are passed over. Fails when the request has something that is no address.
Result<api::Flows> connections_in(std::istream& lines, const api::FlowsRequest& request);

}  // namespace headgate::forwarding::ipvs
