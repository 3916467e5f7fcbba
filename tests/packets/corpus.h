// The golden packet corpus: what a dataplane must make of every kind of packet it can meet, as text
// that a network engineer can review (corpus/*.txt), read by this loader. The same cases are for
// every implementation of the forwarding rules: the core, the XDP program, and every port; and they
// are a source of fuzz seeds. How to write a case: corpus/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/reasons.h"
#include "tests/packets/packet_builder.h"

namespace headgate::packets {

// One frame that comes in, and what has to become of it.
struct Step {
    std::string place;         // "file:line"
    std::uint32_t wait_s = 0;  // time that passes before
    Bytes in;
    bool bare = false;                                   // the port leaves no room before the frame
    dataplane::Reason reason = dataplane::Reason::none;  // none: forwarded
    Bytes out;  // the bytes of the frame afterwards; those of `in` unless it is transmitted
    // Other frames that leave now, in this order: those of earlier steps, and ICMP errors.
    std::vector<Bytes> released;
};

// Every case starts with empty tables and round robin at the first destination.
struct PacketCase {
    std::string description;
    std::string place;
    std::vector<Step> steps;
    std::vector<std::pair<dataplane::Event, std::uint64_t>> events;  // counted in the end
    dataplane::Protection protection;                                // in place of the corpus's
};

struct Corpus {
    dataplane::ForwardingConfig config;  // the services of every case
    std::vector<PacketCase> cases;
};

// What a forwarder makes of a whole frame but for its MAC addresses, which are those at `macs`: one
// hop further, and the checksum of an IPv4 header anew.
void take_hop(Bytes& frame, const std::uint8_t* macs);

// Read once. Aborts with the file and line when the corpus is not well-formed.
const Corpus& corpus();

}  // namespace headgate::packets
