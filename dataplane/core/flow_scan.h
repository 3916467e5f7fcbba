// FlowScan: a question about the connections of one worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/net.h"
#include "dataplane/core/connection_table.h"
#include "dataplane/core/core_question.h"
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
    [[nodiscard]] bool matches(const WideAddress& from, std::uint32_t of_service, Be16 port,
                               const Identity& destination) const;
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

class FlowScan final : public CoreQuestion {
public:
    // At most `limit` connections are listed, all that match are counted. With `end` they end.
    FlowScan(FlowFilter filter, std::size_t limit, bool end);

    // ---- worker ----
    bool answer_piece(Core& core, const Snapshot& snapshot, Tick now) override;
    // Takes in the next connection.
    void visit(const Connection& connection, Tick now);
    [[nodiscard]] bool ends() const { return end_; }
    [[nodiscard]] bool matches(const Connection& connection) const {
        return filter_.matches(connection);
    }
    ConnectionIndex next = 0;  // where the next piece begins

    // ---- control thread ----
    // Requires: finished().
    [[nodiscard]] const std::vector<FlowRecord>& records() const { return records_; }
    [[nodiscard]] std::uint64_t matched() const { return matched_; }

private:
    FlowFilter filter_;
    bool end_;
    std::vector<FlowRecord> records_;
    std::uint64_t matched_ = 0;
};

}  // namespace headgate::dataplane
