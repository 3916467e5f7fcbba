// What keeps floods from taking the workers' time and memory, as configured. Plain values; control
// thread, and read by the workers as a part of the snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/protection_defaults.h"
#include "dataplane/core/access_list.h"
#include "dataplane/core/token_budget.h"

namespace headgate::dataplane {

// Rates are per second; TokenBudget::unlimited: no limit. Clients that the access list allows are
// exempt from all but `icmp_answer_rate`.
struct Protection {
    // New connections of each worker that get an entry; absent: as many as it has time for.
    std::optional<std::uint32_t> connection_rate;
    // New connections of clients that share a prefix, on the interface. The clients' packets are
    // spread over its workers, each of which allows its share, rounded up: a prefix gets between
    // one share (when all of its packets come to one worker) and one connection per worker more
    // than the rate. At most SourceLimiter::limit_max; what is above is no limit.
    std::uint32_t source_rate = TokenBudget::unlimited;
    std::uint8_t source_prefix_length_v4 = protection_defaults::source_prefix_length_v4;
    std::uint8_t source_prefix_length_v6 = protection_defaults::source_prefix_length_v6;
    // Packets of each worker that come in fragments, and as many fragments that come too early.
    std::uint32_t fragment_rate = protection_defaults::fragment_rate;
    // ICMP errors about connections that each worker passes on.
    std::uint32_t icmp_error_rate = protection_defaults::icmp_error_rate;
    // ICMP errors that each worker sends itself.
    std::uint32_t icmp_answer_rate = protection_defaults::icmp_answer_rate;
    std::shared_ptr<const AccessList> access;  // null: every client is a normal one
};

}  // namespace headgate::dataplane
