// FragmentTable: what became of the first fragment of each packet, for the later ones, which have
// no ports; and later fragments that came too early, waiting for it. Worker-local: a network card
// sends all fragments of a packet to the same queue, since it hashes only addresses for them.
//
// Bounded and allocated at construction. A fate is kept for fate_s seconds, in a set of four; the
// oldest of the set makes room. Of the fragments that wait, the oldest makes room, too, so nobody
// can hold memory by sending fragments without a first one. Reassembly and overlaps (RFC 5722) are
// the real server's matter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/core/frame.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

// RFC 791 3.2 and RFC 8200 4.5: what fragments of one packet have in common.
struct FragmentKey {
    WideAddress source;
    WideAddress destination;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;  // of IPv4; 0 for IPv6
    bool operator==(const FragmentKey&) const = default;
};

inline FragmentKey fragment_key(const Packet& packet) {
    return {packet.client, packet.address, packet.fragment_id,
            packet.is_v6 ? std::uint8_t{0} : packet.next_header};
}

// Where the first fragment went, or why nowhere.
struct FragmentFate {
    Reason reason = Reason::none;
    Be16 client_port{};
    Identity service{};
    Identity destination{};
};

class FragmentTable {
public:
    explicit FragmentTable(const HashSeed& seed);

    // Fragments of one packet arrive within a fraction of this.
    static constexpr Tick fate_s = 5;
    static constexpr std::size_t fates = 16384;
    static constexpr std::size_t waiting_max = 64;
    static constexpr std::size_t waiting_max_of_packet = 16;
    // Ethernet header, two VLAN tags and an MTU that AF_XDP can receive.
    static constexpr std::size_t frame_bytes_max = 4096;

    // nullptr: the first fragment has not been seen. Valid until the next remember().
    [[nodiscard]] const FragmentFate* find(const FragmentKey& key, Tick now) const;
    void remember(const FragmentKey& key, const FragmentFate& fate, Tick now);

    // One that waits, in memory of the table.
    struct Waiting {
        Frame frame;
        Packet packet;
        std::uint32_t interface = 0;
    };
    // Copies the frame, and leaves frame_headroom_bytes before it. False: it is too long, or others
    // of the packet wait already.
    bool hold(const FragmentKey& key, const Waiting& fragment, Tick now);
    // Those that waited for this packet, in the order in which they came; at most
    // waiting_max_of_packet. The span is valid until the next take(), the frames until reclaim().
    std::span<const Waiting> take(const FragmentKey& key);
    // Takes back the memory of all that take() gave.
    void reclaim();
    // Gives up those that have waited for more than a second; returns how many, and those that had
    // to make room since the last call.
    std::uint64_t expire(Tick now);

private:
    struct alignas(64) Fate {
        FragmentKey key;
        Tick deadline = 0;  // 0: never used
        FragmentFate fate;
    };
    static constexpr std::uint64_t free = 0;
    static constexpr std::uint64_t lent = ~std::uint64_t{0};
    struct Place {
        FragmentKey key;
        Tick since = 0;
        std::uint64_t order = free;
        Waiting fragment;
    };
    static constexpr std::size_t ways = 4;
    static_assert(fates % ways == 0);

    static bool is_waiting(const Place& place, const FragmentKey& key);
    [[nodiscard]] std::size_t set_of(const FragmentKey& key) const;

    HashSeed seed_;
    std::vector<Fate> fates_;
    std::vector<Place> places_;
    static constexpr std::size_t stride = frame_headroom_bytes + frame_bytes_max;
    std::vector<std::uint8_t> memory_;  // a stride of each place
    std::array<Waiting, waiting_max_of_packet> taken_;
    std::uint64_t next_order_ = 1;
    std::uint32_t waiting_ = 0;
    std::uint32_t lent_ = 0;
    std::uint64_t pushed_out_ = 0;
};

}  // namespace headgate::dataplane
