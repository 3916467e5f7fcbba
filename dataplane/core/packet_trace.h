// PacketTrace: what a core would do with a packet that came now, step by step. Nothing changes: no
// connection, no binding, no counter, no place in a round.
//
// The answer is what Core::process() would do with a small whole packet at that moment, but for one
// case: a packet that replaces a connection of a destination which is over its threshold because of
// that very connection; the destination counts as full then.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/core/connection_state.h"
#include "dataplane/core/core_question.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

// An entry of the connection table that has the packet's addresses and ports.
struct TracedConnection {
    ConnectionState state = ConnectionState::syn;
    Identity destination;
    bool persistent = false;  // it holds its client's binding
    bool expired = false;     // it was idle for too long, and waits for its end
    bool replaced = false;    // the packet ends it, and goes on as if there were none
    Tick expires_s = 0;       // when it stays idle; 0 when it is expired
};

// What the persistence table says about the client.
struct TracedBinding {
    Identity destination;  // in the service; without a slot: there is none
    bool followed = false;
};

struct TraceSteps {
    enum class Pick : std::uint8_t {
        none,       // nothing had to be picked
        scheduled,  // by the service's scheduler
        // The one that can be repeated without an entry: the table is full, too many connections
        // begin, or one or the other was so a moment ago.
        repeatable,
    };
    enum class Entry : std::uint8_t {
        unchanged,
        made,
        made_for_half_open,  // the oldest half-open one makes room
        no_room,             // forwarded without
        deferred,            // forwarded without: too many connections begin
        one_packet,          // the service keeps none
    };

    Reason reason = Reason::none;
    Identity service;          // without a slot: there is none
    bool by_any_port = false;  // it is found by its address: it is for every port
    std::optional<TracedConnection> known;
    bool known_to_peer = false;  // another worker has the connection, where a fragment began it
    bool is_persistent = false;  // the persistence table was asked:
    std::optional<TracedBinding> bound;
    Pick pick = Pick::none;
    Entry entry = Entry::unchanged;
    Identity destination;  // what the packet goes to, or would if there were no `reason`
};

class PacketTrace final : public CoreQuestion {
public:
    // `packet`: addresses, ports, protocol and flags.
    explicit PacketTrace(const Packet& packet) : packet_(packet) {}

    bool answer_piece(Core& core, const Snapshot& snapshot, Tick now) override;

    // Requires: finished(). Nothing: the worker ended before it answered.
    [[nodiscard]] const std::optional<TraceSteps>& steps() const { return steps_; }

private:
    Packet packet_;
    std::optional<TraceSteps> steps_;
};

}  // namespace headgate::dataplane
