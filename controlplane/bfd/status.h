// What the BFD thread tells the rest of the daemon about its sessions: plain values, copied out
// whole, so that no other thread ever looks into a running session.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/bfd/packet.h"

namespace headgate::bfd {

struct NamedCount {
    std::string_view name;  // lives as long as the program
    std::uint64_t count = 0;
};

struct InstanceStatus {
    std::string name;
    IpAddress neighbor;
    bool multihop = false;
    State state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
    State remote_state = State::down;
    Diagnostic remote_diagnostic = Diagnostic::none;
    Instant since{};  // of the state
    std::int64_t since_unix_ms = 0;
    std::uint32_t discriminator = 0;
    std::uint32_t remote_discriminator = 0;  // 0: the neighbor is not heard
    Duration tx_interval{};
    Duration detection_time{};  // zero: the neighbor was never heard
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_received = 0;  // accepted ones
    std::uint64_t became_up = 0;
    std::vector<NamedCount> packet_errors;  // every name, also those that are zero
    std::string warning;  // something the operator should look at; empty when nothing is
    bool for_vrrp = true;
};

}  // namespace headgate::bfd
