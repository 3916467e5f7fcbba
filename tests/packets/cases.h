// The golden packet corpus: one case per meeting of a header variant, with what a dataplane must
// make of it. The same table is for every implementation of the forwarding rules and a source of
// frames for benchmarks and fuzz seeds.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/reasons.h"
#include "tests/packets/packet_builder.h"

namespace headgate::packets {

struct PacketCase {
    std::string_view description;
    // Processed first, each expected to be forwarded: what the dataplane knows before.
    std::vector<Bytes> before;
    Bytes in;
    dataplane::Reason reason = dataplane::Reason::none;
    // Set for Reason::none: the destination MAC address of the frame that leaves. Its source is the
    // director's, and nothing else differs from `in`. Without it the frame is left as it came.
    std::optional<MacAddress> to;
};

// The services of the corpus. Every case starts with an empty connection table and round robin at
// the first destination.
dataplane::ForwardingConfig corpus_config();

std::vector<PacketCase> packet_cases();

}  // namespace headgate::packets
