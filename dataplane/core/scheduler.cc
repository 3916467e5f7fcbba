// One function per family; scheduler.h says what each scheduler does.
#include "dataplane/core/scheduler.h"

#include <algorithm>

#include "dataplane/core/hash.h"
#include "dataplane/core/ipvs_hash.h"

namespace headgate::dataplane {
namespace {

// After this long without a change, lblcr takes the most loaded destination out of its set.
constexpr Tick locality_refresh_s = 24 * 3600;
// Draws of twos that may hit destinations that are over their thresholds.
constexpr int draws_max = 8;

__extension__ using Wide = unsigned __int128;

// A cost per weight, compared without a division.
struct Cost {
    std::uint64_t amount = 0;
    std::uint32_t weight = 1;

    [[nodiscard]] bool operator<(const Cost& other) const {
        return Wide{amount} * other.weight < Wide{other.amount} * weight;
    }
};

bool usable(const Choice& choice) {
    return !choice.load->overloaded();
}

const Choice* first_usable(const PickTables& tables, const std::vector<ChoiceIndex>& order) {
    for (const ChoiceIndex index : order) {
        if (usable(tables.choices[index]))
            return &tables.choices[index];
    }
    return nullptr;
}

// The hash of a table of `size` entries, `offset` further on.
std::uint32_t bucket_of(Scheduler scheduler, std::uint32_t value, std::uint32_t offset,
                        std::uint32_t size) {
    if (scheduler == Scheduler::mh)
        return sip_hash(value + offset, maglev_entry_key) % size;
    return (golden_hash(value, source_hash_bits) + offset) % size;
}

// sh, dh, mh. `accepts` tells whether a choice will do.
template <typename Accepts>
const Choice* by_hash(const ServiceEntry& service, const PickKey& key, bool fallback,
                      const Accepts& accepts) {
    const PickTables& tables = *service.pick;
    const auto size = static_cast<std::uint32_t>(tables.buckets.size());
    if (size == 0)
        return nullptr;
    const Scheduler scheduler = tables.input.scheduler;
    const auto choice_at = [&tables](std::uint32_t bucket) -> const Choice* {
        const ChoiceIndex index = tables.buckets[bucket];
        return index == closed_choice ? nullptr : &tables.choices[index];
    };
    std::uint32_t value = fold_address(scheduler == Scheduler::dh ? key.address : key.client);
    if (service.hash_port)
        value += key.client_port.host();
    const std::uint32_t first = bucket_of(scheduler, value, 0, size);
    const Choice* choice = choice_at(first);
    if (choice != nullptr && accepts(*choice))
        return choice;
    // Not a walk through all of the table while everybody is full.
    if (!fallback || std::ranges::none_of(tables.choices, accepts))
        return nullptr;
    for (std::uint32_t tried = 0; tried < size; ++tried) {
        choice = choice_at(bucket_of(scheduler, value, (first + tried) % size, size));
        if (choice != nullptr && accepts(*choice))
            return choice;
    }
    return nullptr;
}

// SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t draw(std::uint64_t& state) {
    state += 0x9e3779b97f4a7c15U;
    std::uint64_t word = state;
    word = (word ^ (word >> 30U)) * 0xbf58476d1ce4e5b9U;
    word = (word ^ (word >> 27U)) * 0x94d049bb133111ebU;
    return word ^ (word >> 31U);
}

Slot slot_of(const Choice* choice) {
    return choice == nullptr ? no_slot : choice->slot;
}

}  // namespace

ConnectionScheduler::ConnectionScheduler(std::uint32_t worker_index, std::uint32_t worker_count,
                                         std::uint64_t seed, const WorkerLoads& loads)
    : loads_(loads),
      worker_index_(worker_index),
      worker_count_(worker_count),
      random_(seed + worker_index),
      cursors_(services_max, cursor_unset) {}

Slot ConnectionScheduler::pick(const ServiceEntry& service, Slot slot, const PickKey& key,
                               Tick now) {
    return slot_of(choose(service, key, now, {cursors_[slot], random_}));
}

Slot ConnectionScheduler::preview(const ServiceEntry& service, Slot slot, const PickKey& key,
                                  Tick now) const {
    std::uint32_t cursor = cursors_[slot];
    std::uint64_t random = random_;
    return slot_of(choose(service, key, now, {cursor, random, true}));
}

const Choice* ConnectionScheduler::choose(const ServiceEntry& service, const PickKey& key, Tick now,
                                          const Progress& progress) const {
    const PickTables& tables = *service.pick;
    if (tables.choices.empty())
        return nullptr;
    switch (tables.input.scheduler) {
        case Scheduler::rr:
        case Scheduler::wrr:
            return next_of_round(tables, progress.cursor);
        case Scheduler::lc:  // its weights are all 1
        case Scheduler::wlc:
            return least_connections(tables);
        case Scheduler::sed:
            return shortest_delay(tables);
        case Scheduler::nq: {
            const auto idle = std::ranges::find_if(tables.choices, [this](const Choice& choice) {
                return usable(choice) && count(choice).active() == 0;
            });
            return idle != tables.choices.end() ? &*idle : shortest_delay(tables);
        }
        case Scheduler::sh:
        case Scheduler::dh:
        case Scheduler::mh:
            return by_hash(service, key, service.hash_fallback, usable);
        case Scheduler::fo:
            return first_usable(tables, tables.by_weight);
        case Scheduler::ovf:
            return overflow(tables);
        case Scheduler::lblc:
            return local(tables, now, progress.is_preview);
        case Scheduler::lblcr:
            return local_set(tables, now, progress.is_preview);
        case Scheduler::twos:
            return better_of_two(tables, progress.random);
    }
    return nullptr;
}

Slot ConnectionScheduler::pick_stateless(const ServiceEntry& service, const PickKey& key) {
    const PickTables& tables = *service.pick;
    if (is_hashing(tables.input.scheduler))
        return slot_of(by_hash(service, key, true, [](const Choice&) { return true; }));
    if (tables.maglev.empty())
        return no_slot;
    // A fixed seed: the other nodes pick the same.
    constexpr HashSeed seed;
    const std::uint64_t ports = std::uint64_t{key.port.host()} << 16U | key.client_port.host();
    const std::uint64_t hash = hash_flow(key.client, hash_flow(key.address, ports, seed), seed);
    return tables.choices[tables.maglev[((hash >> 32U) * tables.maglev.size()) >> 32U]].slot;
}

// ---- rounds ----

const Choice* ConnectionScheduler::next_of_round(const PickTables& tables,
                                                 std::uint32_t& cursor) const {
    const std::vector<ChoiceIndex>& round = tables.sequence;
    if (cursor == cursor_unset)
        cursor = static_cast<std::uint32_t>(round.size() * worker_index_ / worker_count_);
    const std::uint32_t begin = cursor;
    for (std::uint32_t step = 0; step < walk_max; ++step) {
        if (cursor >= round.size())
            cursor = 0;
        const Choice& choice = tables.choices[round[cursor++]];
        if (usable(choice))
            return &choice;
    }
    const std::size_t choices = tables.choices.size();
    for (std::size_t tried = 0; tried < choices; ++tried) {
        const Choice& choice = tables.choices[(cursor + tried) % choices];
        if (usable(choice))
            return &choice;
    }
    cursor = begin;  // nobody's turn was taken
    return nullptr;
}

const Choice* ConnectionScheduler::better_of_two(const PickTables& tables,
                                                 std::uint64_t& random) const {
    const Choice* best = nullptr;
    int found = 0;
    for (int draws = 0; draws < draws_max && found < 2; ++draws) {
        const std::uint64_t at = ((draw(random) >> 32U) * tables.sequence.size()) >> 32U;
        const Choice& choice = tables.choices[tables.sequence[at]];
        if (!usable(choice))
            continue;
        ++found;
        if (best == nullptr ||
            Cost{overhead(choice), choice.weight} < Cost{overhead(*best), best->weight})
            best = &choice;
    }
    return best != nullptr ? best : least_connections(tables);
}

// ---- by load ----

std::uint64_t ConnectionScheduler::overhead(const Choice& choice) const {
    const ConnectionCount connections = count(choice);
    return (std::uint64_t{connections.active()} << 8U) + connections.inactive();
}

// The usable choice whose cost per weight is lowest; of equal ones the first.
template <typename Amount>
const Choice* ConnectionScheduler::cheapest(const PickTables& tables, const Amount& amount) const {
    const Choice* best = nullptr;
    Cost lowest;
    for (const Choice& choice : tables.choices) {
        if (!usable(choice))
            continue;
        const Cost cost{amount(choice), choice.weight};
        if (best == nullptr || cost < lowest) {
            best = &choice;
            lowest = cost;
        }
    }
    return best;
}

const Choice* ConnectionScheduler::least_connections(const PickTables& tables) const {
    return cheapest(tables, [this](const Choice& choice) { return overhead(choice); });
}

const Choice* ConnectionScheduler::shortest_delay(const PickTables& tables) const {
    return cheapest(
        tables, [this](const Choice& choice) { return std::uint64_t{count(choice).active()} + 1; });
}

const Choice* ConnectionScheduler::overflow(const PickTables& tables) const {
    for (const ChoiceIndex index : tables.by_weight) {
        const Choice& choice = tables.choices[index];
        if (usable(choice) && count(choice).active() <= choice.weight)
            return &choice;
    }
    return nullptr;
}

// ---- by locality ----

// The choice has more than its weight, and another less than half of its own.
bool ConnectionScheduler::has_better_place(const PickTables& tables, const Choice& choice) const {
    if (count(choice).active() <= choice.weight)
        return false;
    return std::ranges::any_of(tables.choices, [this](const Choice& other) {
        return std::uint64_t{count(other).active()} * 2 < other.weight;
    });
}

// As in IPVS, thresholds are only asked for when the client has to go elsewhere.
const Choice* ConnectionScheduler::local(const PickTables& tables, Tick now,
                                         bool is_preview) const {
    const auto home = std::ranges::find_if(
        tables.choices, [](const Choice& choice) { return choice.load->is_local(); });
    const bool has_home = home != tables.choices.end();
    if (has_home && !has_better_place(tables, *home))
        return &*home;
    const Choice* next = least_connections(tables);
    if (next == nullptr || is_preview)
        return next;
    if (has_home)
        home->load->leave_locality();
    next->load->join_locality(now);
    return next;
}

const Choice* ConnectionScheduler::local_set(const PickTables& tables, Tick now,
                                             bool is_preview) const {
    const Choice* least = nullptr;
    const Choice* most = nullptr;
    std::size_t members = 0;
    Tick changed = 0;
    for (const Choice& choice : tables.choices) {
        if (!choice.load->is_local())
            continue;
        changed = members == 0 || is_past(changed, choice.load->local_since())
                      ? choice.load->local_since()
                      : changed;
        ++members;
        const Cost cost{overhead(choice), choice.weight};
        if (usable(choice) && (least == nullptr || cost < Cost{overhead(*least), least->weight}))
            least = &choice;
        if (most == nullptr || Cost{overhead(*most), most->weight} < cost)
            most = &choice;
    }
    if (!is_preview && members > 1 && is_past(changed + locality_refresh_s, now)) {
        most->load->leave_locality();
        for (const Choice& choice : tables.choices) {
            if (choice.load->is_local())
                choice.load->join_locality(now);  // the set has changed now
        }
    }
    if (least != nullptr && !has_better_place(tables, *least))
        return least;
    const Choice* next = least_connections(tables);
    if (next != nullptr && !is_preview)
        next->load->join_locality(now);
    return next;
}

}  // namespace headgate::dataplane
