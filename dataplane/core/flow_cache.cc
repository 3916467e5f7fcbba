#include "dataplane/core/flow_cache.h"

#include <array>
#include <atomic>
#include <bit>

#include "common/check.h"

namespace headgate::dataplane {
namespace {

std::uint64_t addresses4(const Packet& packet) {
    return v4_of(packet.client).raw() | std::uint64_t{v4_of(packet.address).raw()} << 32U;
}

std::uint32_t ports_of(const Packet& packet) {
    return packet.client_port.raw() | std::uint32_t{packet.port.raw()} << 16U;
}

template <typename T>
T load(T& place) {
    return std::atomic_ref(place).load(std::memory_order_relaxed);
}
template <typename T>
void store(T& place, T value, std::memory_order order = std::memory_order_relaxed) {
    std::atomic_ref(place).store(value, order);
}

}  // namespace

FlowCache::FlowCache(const FlowCacheMemory& memory)
    : memory_(memory),
      ways4_(static_cast<CacheIndex>(memory.buckets4.size() * LB_FLOW_WAYS)),
      ways_((memory.buckets4.size() + memory.buckets6.size()) * LB_FLOW_WAYS) {
    if (!exists())
        return;
    check(memory.buckets4.size() > 1 && std::has_single_bit(memory.buckets4.size()) &&
              memory.buckets6.size() > 1 && std::has_single_bit(memory.buckets6.size()),
          "a flow cache has a power of two of buckets of each family");
}

void FlowCache::set_tick(Tick now) {
    if (memory_.control != nullptr && memory_.control->tick != now)
        store(memory_.control->tick, now);
}

void FlowCache::set_bypassed(bool bypassed) {
    if (memory_.control != nullptr)
        store(memory_.control->bypassed, std::uint32_t{bypassed});
}

std::array<CacheIndex, 2> FlowCache::buckets(const Packet& packet) const {
    std::uint64_t hash = memory_.seed;
    if (packet.is_v6) {
        for (const std::uint64_t word : {packet.client.first, packet.client.second,
                                         packet.address.first, packet.address.second})
            hash = lb_flow_mix(hash, word);
    } else {
        hash = lb_flow_mix(hash, addresses4(packet));
    }
    hash = lb_flow_mix(hash, ports_of(packet));
    const std::size_t count = packet.is_v6 ? memory_.buckets6.size() : memory_.buckets4.size();
    const auto bits = static_cast<std::uint32_t>(std::countr_zero(count));
    const CacheIndex first = packet.is_v6 ? ways4_ : 0;
    const auto first_of = [first](std::uint64_t bucket) {
        return first + static_cast<CacheIndex>(bucket) * LB_FLOW_WAYS;
    };
    return {first_of(lb_flow_bucket(hash, bits)), first_of(lb_flow_other_bucket(hash, bits))};
}

lb_flow_goal& FlowCache::goal(CacheIndex index) const {
    if (is_v6(index)) {
        const CacheIndex way = index - ways4_;
        return memory_.buckets6[way / LB_FLOW_WAYS].ways[way % LB_FLOW_WAYS].goal;
    }
    return memory_.buckets4[index / LB_FLOW_WAYS].ways[index % LB_FLOW_WAYS].goal;
}

bool FlowCache::is_of(CacheIndex index, const Packet& packet) const {
    if (LB_PLACE_PROTOCOL(goal(index).place) != static_cast<std::uint32_t>(packet.protocol))
        return false;
    if (is_v6(index)) {
        const CacheIndex way = index - ways4_;
        const lb_flow6& flow = memory_.buckets6[way / LB_FLOW_WAYS].ways[way % LB_FLOW_WAYS];
        const WideAddress client{flow.addresses_be[0], flow.addresses_be[1]};
        const WideAddress address{flow.addresses_be[2], flow.addresses_be[3]};
        return client == packet.client && address == packet.address &&
               flow.ports_be == ports_of(packet);
    }
    const lb_flow4& flow = memory_.buckets4[index / LB_FLOW_WAYS].ways[index % LB_FLOW_WAYS];
    return flow.addresses_be == addresses4(packet) && flow.ports_be == ports_of(packet);
}

FlowCache::Way FlowCache::find_way(const Packet& packet, Tick idle_s, Tick now) const {
    Way unused;
    Way idlest;
    Tick idlest_since = 0;
    bool rests = false;
    for (const CacheIndex first : buckets(packet)) {
        for (CacheIndex index = first; index < first + LB_FLOW_WAYS; ++index) {
            const Owner owner = ways_[index].owner;
            const Tick since = last_seen(index);
            if (owner == nobody) {
                // One that has never been filled has no generation.
                if (goal(index).generation != 0 && !is_past(since + 1, now))
                    rests = true;
                else if (unused.index == not_cached)
                    unused.index = index;
            } else if (is_of(index, packet)) {
                return {index, owner};
            } else if (is_past(since + idle_s, now) &&
                       (idlest.owner == nobody || is_past(since, idlest_since))) {
                idlest = {index, owner};
                idlest_since = since;
            }
        }
    }
    return unused.index != not_cached || rests ? unused : idlest;
}

void FlowCache::fill(CacheIndex index, const Packet& packet, const Identity& destination,
                     Owner owner, const Identity& service, Tick now) {
    check(ways_[index].owner == nobody && destination.slot < LB_DESTINATIONS_MAX,
          "a way that is free is filled");
    lb_flow_goal& goal = this->goal(index);
    if (is_v6(index)) {
        const CacheIndex way = index - ways4_;
        lb_flow6& flow = memory_.buckets6[way / LB_FLOW_WAYS].ways[way % LB_FLOW_WAYS];
        store(flow.addresses_be[0], __u64{packet.client.first});
        store(flow.addresses_be[1], __u64{packet.client.second});
        store(flow.addresses_be[2], __u64{packet.address.first});
        store(flow.addresses_be[3], __u64{packet.address.second});
        store(flow.ports_be, ports_of(packet));
    } else {
        lb_flow4& flow = memory_.buckets4[index / LB_FLOW_WAYS].ways[index % LB_FLOW_WAYS];
        store(flow.addresses_be, __u64{addresses4(packet)});
        store(flow.ports_be, ports_of(packet));
    }
    store(goal.generation, destination.generation);
    // As early as the program's time can be: nobody has to ask whose it is.
    store(goal.last_seen, now - 1);
    store(goal.place, LB_PLACE(destination.slot, static_cast<std::uint32_t>(packet.protocol)),
          std::memory_order_release);
    ways_[index] = {owner, service};
    size_.add(1);
}

void FlowCache::withdraw(CacheIndex index, Tick now) {
    check(ways_[index].owner != nobody, "what is withdrawn was filled");
    clear(index, now);
    ways_[index].owner = nobody;
    size_.subtract(1);
}

void FlowCache::clear(CacheIndex index, Tick now) {
    lb_flow_goal& goal = this->goal(index);
    store(goal.place, __u32{LB_PLACE_NONE}, std::memory_order_release);
    store(goal.last_seen, now);
}

std::optional<FlowCache::Found> FlowCache::find(CacheIndex index) const {
    const lb_flow_goal& goal = this->goal(index);
    if (goal.place == LB_PLACE_NONE)
        return std::nullopt;
    Found found;
    found.is_v6 = is_v6(index);
    found.protocol = static_cast<Protocol>(LB_PLACE_PROTOCOL(goal.place));
    found.destination = {LB_PLACE_SLOT(goal.place), goal.generation};
    std::uint32_t ports = 0;
    if (found.is_v6) {
        const CacheIndex way = index - ways4_;
        const lb_flow6& flow = memory_.buckets6[way / LB_FLOW_WAYS].ways[way % LB_FLOW_WAYS];
        found.client = {flow.addresses_be[0], flow.addresses_be[1]};
        found.address = {flow.addresses_be[2], flow.addresses_be[3]};
        ports = flow.ports_be;
    } else {
        const lb_flow4& flow = memory_.buckets4[index / LB_FLOW_WAYS].ways[index % LB_FLOW_WAYS];
        found.client = wide_v4(Be32::from_raw(static_cast<std::uint32_t>(flow.addresses_be)));
        found.address =
            wide_v4(Be32::from_raw(static_cast<std::uint32_t>(flow.addresses_be >> 32U)));
        ports = flow.ports_be;
    }
    found.client_port = Be16::from_raw(static_cast<std::uint16_t>(ports));
    found.port = Be16::from_raw(static_cast<std::uint16_t>(ports >> 16U));
    return found;
}

void FlowCache::adopt(CacheIndex index, Owner owner, const Identity& service) {
    check(ways_[index].owner == nobody, "a flow has one owner");
    ways_[index] = {owner, service};
    size_.add(1);
}

void FlowCache::discard(CacheIndex index, Tick now) {
    check(ways_[index].owner == nobody, "what has an owner is withdrawn");
    clear(index, now);
}

Tick FlowCache::last_seen(CacheIndex index) const {
    return load(goal(index).last_seen);
}

}  // namespace headgate::dataplane
