// PacketWatch: copies of the packets of one worker that match a filter, as they came in, with what
// became of them, for the control thread.
//
// The worker has one only while somebody watches (Core::set_watch). It shows it each burst before
// the core rewrites it, and again afterwards. Memory is allocated when it is made; what finds no
// room is counted and gone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/core/core_question.h"
#include "dataplane/core/flow_scan.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/packet_ring.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

// What does not say anything matches everything.
struct PacketFilter {
    FlowFilter flow{};             // of packets whose addresses make sense
    std::uint8_t ip_protocol = 0;  // its number; 1 and 58: ICMP of both families
    std::optional<Reason> reason{};
    std::optional<Verdict> verdict{};
};

// A record of the ring; `captured` bytes of the frame follow.
struct SeenPacket {
    std::int64_t unix_ns = 0;  // of its burst
    WideAddress client{};
    WideAddress address{};
    Be16 client_port;  // 0: it has none
    Be16 port;
    bool addressed = false;        // client and address are known
    std::uint8_t ip_protocol = 0;  // its number
    std::uint8_t tcp_flags = 0;
    Verdict verdict = Verdict::drop;
    Reason reason = Reason::none;
    Identity service;      // without a slot: of none
    Identity destination;  // without a slot: it went to none
    std::uint32_t frame_bytes = 0;
    std::uint32_t captured = 0;
};

// What the core has decided about a frame, beside verdict and reason.
struct Fate {
    Identity service;
    Identity destination;
};
using Fates = std::array<Fate, burst_max>;  // by the frame's index in its burst

class PacketWatch {
public:
    // Of each frame at most `bytes_max` are kept.
    PacketWatch(PacketFilter filter, std::uint32_t bytes_max, std::size_t ring_bytes);

    // ---- worker ----
    void look_before(const Snapshot& snapshot, const Burst& burst);
    // Requires: look_before() has seen the same burst.
    void look_after(const Burst& burst, const Fates& fates, std::int64_t unix_ns);

    // ---- control thread ----
    // Takes the oldest packet, if there is one, and hands it to `use`.
    template <typename Use>
    bool take(const Use& use) {
        const std::span<const std::uint8_t> record = ring_.front();
        if (record.empty())
            return false;
        SeenPacket seen;
        std::memcpy(&seen, record.data(), sizeof seen);
        use(seen, record.subspan(sizeof seen, seen.captured));
        ring_.pop();
        return true;
    }
    // Packets that matched and found no room.
    [[nodiscard]] std::uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

private:
    // All that the core may change of a frame: Ethernet header, VLAN tags, IP header. Behind that
    // a frame is as it was when the core is done, in the place where it was.
    static constexpr std::size_t head_bytes = 64;
    struct Before {
        Frame frame{};
        SeenPacket seen;
        bool may_match = false;
        std::array<std::uint8_t, head_bytes> head;
    };

    void record(const Before& before, const SeenPacket& seen);

    PacketFilter filter_;
    std::uint32_t bytes_max_;
    std::array<Before, burst_max> before_;
    PacketRing ring_;
    std::atomic<std::uint64_t> missed_{0};
};

// From its answer on the core has `watch`, or none with nullptr.
class SetWatch final : public CoreQuestion {
public:
    explicit SetWatch(PacketWatch* watch) : watch_(watch) {}
    bool answer_piece(Core& core, const Snapshot& snapshot, Tick now) override;

private:
    PacketWatch* watch_;
};

}  // namespace headgate::dataplane
