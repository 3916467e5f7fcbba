// ConnectionScheduler: picks the destination of a new connection, as Linux's IPVS does where the
// scheduler's rows below do not say otherwise. Worker-local; allocates at construction only.
//
//   rr, wrr     the next of the round. Each worker starts its rounds at another place, so over n
//               picks of W workers a destination is at most W + (picks of one round that are under
//               way) away from its share. wrr is smooth: IPVS gives the same shares in runs.
//   lc, wlc     the fewest connections (256 * active + inactive), by weight for wlc.
//   sed, nq     the shortest expected delay ((active + 1) / weight); nq: an idle one first.
//   sh, mh      by a hash of the client's address (with hash_port, of its port too), the same as
//               IPVS's. One that takes no connections turns its clients away, unless hash_fallback
//               says to look for another.
//   dh          likewise, by the destination address.
//   fo          the heaviest that takes connections. ovf: the heaviest that has not more active
//               connections than its weight.
//   lblc, lblcr the destination, or the least loaded of the set, that the service's address is
//               served from, until it has more active connections than its weight and another one
//               has less than half. A service here has one address, so it has one such set, which
//               all workers share; lblcr drops the most loaded when it has not changed for a day.
//   twos        the less loaded of two that are drawn at random in proportion to their weights.
//
// Loads are those of load.h: exact with one worker, short of a burst of each other worker with
// several. All skip destinations over their thresholds. Every pick is bounded: by the number of
// destinations, by walk_max steps of a round, or by the size of the table of hashes.
#pragma once

#include <cstdint>
#include <vector>

#include "common/net.h"
#include "dataplane/core/load.h"
#include "dataplane/core/pick_tables.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/tick.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

// What a pick can depend on.
struct PickKey {
    WideAddress client{};
    WideAddress address{};
    Be16 client_port;
    Be16 port;
};

class ConnectionScheduler {
public:
    // `loads` outlives the scheduler. `seed` is for random draws.
    ConnectionScheduler(std::uint32_t worker_index, std::uint32_t worker_count, std::uint64_t seed,
                        const WorkerLoads& loads);

    // The slot of a destination that takes connections, or no_slot. `service` is the entry of slot
    // `slot`.
    [[nodiscard]] Slot pick(const ServiceEntry& service, Slot slot, const PickKey& key, Tick now);

    // What pick() would return now, with nothing changed.
    [[nodiscard]] Slot preview(const ServiceEntry& service, Slot slot, const PickKey& key,
                               Tick now) const;

    // The pick that can be repeated without memory, here and on other nodes, as long as the
    // configuration stays. It asks for no thresholds, which change all the time.
    [[nodiscard]] static Slot pick_stateless(const ServiceEntry& service, const PickKey& key);

private:
    // Steps along a round past destinations that take no connections; after that their shares no
    // longer matter, since nearly all are full.
    static constexpr std::uint32_t walk_max = 64;
    static constexpr std::uint32_t cursor_unset = 0xffffffff;

    // What a pick moves on. That of a preview are copies, and it leaves localities alone.
    struct Progress {
        std::uint32_t& cursor;
        std::uint64_t& random;
        bool is_preview = false;
    };
    [[nodiscard]] const Choice* choose(const ServiceEntry& service, const PickKey& key, Tick now,
                                       const Progress& progress) const;
    const Choice* next_of_round(const PickTables& tables, std::uint32_t& cursor) const;
    [[nodiscard]] const Choice* overflow(const PickTables& tables) const;
    const Choice* better_of_two(const PickTables& tables, std::uint64_t& random) const;
    [[nodiscard]] const Choice* local(const PickTables& tables, Tick now, bool is_preview) const;
    [[nodiscard]] const Choice* local_set(const PickTables& tables, Tick now,
                                          bool is_preview) const;
    [[nodiscard]] bool has_better_place(const PickTables& tables, const Choice& choice) const;
    template <typename Amount>
    [[nodiscard]] const Choice* cheapest(const PickTables& tables, const Amount& amount) const;
    [[nodiscard]] const Choice* least_connections(const PickTables& tables) const;
    [[nodiscard]] const Choice* shortest_delay(const PickTables& tables) const;
    [[nodiscard]] ConnectionCount count(const Choice& choice) const {
        return loads_.count(*choice.load, choice.slot);
    }
    [[nodiscard]] std::uint64_t overhead(const Choice& choice) const;

    const WorkerLoads& loads_;
    std::uint32_t worker_index_;
    std::uint32_t worker_count_;
    std::uint64_t random_;                // state of the draws
    std::vector<std::uint32_t> cursors_;  // by service slot: where its round goes on
};

}  // namespace headgate::dataplane
