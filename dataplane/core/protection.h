// What keeps floods from taking the workers' time and memory, as configured. Plain values; control
// thread, and read by the workers as a part of the snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

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
    std::uint8_t source_prefix_length_v4 = 24;
    std::uint8_t source_prefix_length_v6 = 56;
    // Packets of each worker that come in fragments, and as many fragments that come too early. As
    // many as have room in FragmentTable for a second.
    std::uint32_t fragment_rate = 16'000;
    // ICMP errors about connections that each worker passes on. Looking one up takes about a
    // microsecond, so this is one hundredth of its time.
    std::uint32_t icmp_error_rate = 10'000;
    // ICMP errors that each worker sends itself. RFC 1812 4.3.2.8; enough for traceroutes.
    std::uint32_t icmp_answer_rate = 100;
    std::shared_ptr<const AccessList> access;  // null: every client is a normal one
};

}  // namespace headgate::dataplane
