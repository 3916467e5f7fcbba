// FlowScan: a question about the connections of one worker, which the worker answers in bounded
// pieces between its bursts: the control thread never reads a worker's table.
//
// The control thread makes it and keeps it alive until finished(); between the two the worker
// alone writes to it. Memory for the answer is allocated when it is made.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/net.h"
#include "dataplane/core/connection_table.h"
#include "dataplane/core/slot_registry.h"

namespace headgate::dataplane {

// What does not say anything matches everything.
struct FlowFilter {
    WideAddress client{};
    std::uint8_t client_prefix_length = 0;  // of a WideAddress; bits of `client` beyond it are 0
    std::uint32_t service = 0;              // its generation
    Be16 service_port{};                    // of a service of every port; 0: any
    bool any_destination = true;
    std::vector<Identity> destinations{};  // sorted by slot; one of them

    [[nodiscard]] bool matches(const Connection& connection) const;
};

struct FlowRecord {
    WideAddress client{};
    Be16 client_port;
    Be16 service_port;          // the packet's
    std::uint32_t service = 0;  // its generation
    Identity destination;
    ConnectionState state = ConnectionState::syn;
    bool persistent = false;
    Tick expires_s = 0;  // when it stays idle
};

class FlowScan {
public:
    // At most `limit` connections are listed, all that match are counted. With `end` they end.
    FlowScan(FlowFilter filter, std::size_t limit, bool end);

    // ---- worker ----
    // Takes in the next connection.
    void visit(const Connection& connection, Tick now);
    [[nodiscard]] bool ends() const { return end_; }
    [[nodiscard]] bool matches(const Connection& connection) const {
        return filter_.matches(connection);
    }
    ConnectionIndex next = 0;  // where the next piece begins
    // After it the worker does not touch the scan any more.
    void finish() { finished_.store(true, std::memory_order_release); }

    // ---- control thread ----
    [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }
    // Requires: finished().
    [[nodiscard]] const std::vector<FlowRecord>& records() const { return records_; }
    [[nodiscard]] std::uint64_t matched() const { return matched_; }

private:
    FlowFilter filter_;
    bool end_;
    std::vector<FlowRecord> records_;
    std::uint64_t matched_ = 0;
    std::atomic<bool> finished_{false};
};

}  // namespace headgate::dataplane
