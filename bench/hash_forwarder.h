// The same forwarding as a user of DPDK would write it: established flows in an rte_hash, looked up
// in bulk, MAC addresses rewritten and the hop counted. For comparison only: it knows IPv4 with TCP
// without options and nothing else, and flows never end.
#pragma once

#include <cstdint>
#include <vector>

#include "common/net.h"
#include "dataplane/core/packet.h"

struct rte_hash;

namespace headgate::bench {

// Starts DPDK's environment in this process, with memory for hash tables of four million flows, in
// huge pages of the same kind as the core's. Once; not thread-safe.
void start_dpdk();

class HashForwarder {
public:
    // Room for `flows`. Unknown ones get the next of `destinations` in turn.
    HashForwarder(std::uint32_t flows, MacAddress own, std::vector<MacAddress> destinations);
    ~HashForwarder();
    HashForwarder(const HashForwarder&) = delete;
    HashForwarder& operator=(const HashForwarder&) = delete;

    // Rewrites the frames of a burst, and sets its verdicts.
    void process(dataplane::Burst& burst);
    [[nodiscard]] std::size_t flows() const;

private:
    rte_hash* table_;
    MacAddress own_;
    std::vector<MacAddress> destinations_;
    std::size_t next_ = 0;
};

}  // namespace headgate::bench
