// A stripe is a hash table with chaining over a fixed array; its lock covers all of it.
#include "dataplane/core/persistence_table.h"

#include <algorithm>
#include <bit>

#include "common/check.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t stripe_bits = 6;
constexpr std::uint32_t stripe_count = 1U << stripe_bits;
// How long a lock may be held by a sweep, in chains: workers may be waiting.
constexpr std::uint32_t sweep_chains_per_lock = 64;

}  // namespace

struct PersistenceTable::Binding {
    PersistenceKey key;
    Identity destination;
    Tick deadline = 0;
    std::uint32_t connections = 0;    // that this binding scheduled and that still exist
    std::uint32_t next = no_binding;  // in its chain, or the next free one; within the stripe

    [[nodiscard]] bool is_over(Tick now) const {
        return connections == 0 && is_past(deadline, now);
    }
};

struct alignas(64) PersistenceTable::Stripe {
    std::mutex mutex;
    std::atomic<std::uint32_t> size{0};  // written under the mutex, read by anyone
    std::uint32_t free = no_binding;
    std::uint32_t swept = 0;  // the chain at which the sweep goes on
    std::vector<std::uint32_t> chains;
    std::vector<Binding> bindings;

    void init(std::uint32_t capacity) {
        chains.assign(std::bit_ceil(capacity), no_binding);
        bindings.resize(capacity);
        for (std::uint32_t index = capacity; index-- > 0;) {
            bindings[index].next = free;
            free = index;
        }
    }

    std::uint32_t& chain(std::uint64_t hash) {
        return chains[static_cast<std::uint32_t>(hash) & (chains.size() - 1)];
    }

    // Walks a chain to the key and frees what is over on the way.
    std::uint32_t find(const PersistenceKey& key, std::uint64_t hash, Tick now) {
        std::uint32_t* link = &chain(hash);
        while (*link != no_binding) {
            Binding& binding = bindings[*link];
            if (binding.is_over(now))
                remove(link);
            else if (binding.key == key)
                return *link;
            else
                link = &binding.next;
        }
        return no_binding;
    }

    // What find() would return, if a connection of `released` ended before; nothing is freed.
    std::uint32_t peek(const PersistenceKey& key, std::uint64_t hash, std::uint32_t released,
                       Tick now) {
        for (std::uint32_t index = chain(hash); index != no_binding; index = bindings[index].next) {
            Binding binding = bindings[index];
            if (!(binding.key == key))
                continue;
            if (index == released)
                --binding.connections;
            return binding.is_over(now) ? no_binding : index;
        }
        return no_binding;
    }

    std::uint32_t add(const PersistenceKey& key, std::uint64_t hash) {
        const std::uint32_t index = free;
        if (index == no_binding)
            return no_binding;
        Binding& binding = bindings[index];
        free = binding.next;
        std::uint32_t& first = chain(hash);
        binding.key = key;
        binding.connections = 0;
        binding.next = first;
        first = index;
        size.store(size.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return index;
    }

    // Takes the binding that `link` points to out of its chain; `link` then points to the next.
    void remove(std::uint32_t* link) {
        const std::uint32_t index = *link;
        *link = bindings[index].next;
        bindings[index].next = free;
        free = index;
        size.store(size.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    }

    void sweep_chain(std::uint32_t& first, const Snapshot& snapshot, Tick now) {
        std::uint32_t* link = &first;
        while (*link != no_binding) {
            Binding& binding = bindings[*link];
            const DestinationEntry& entry = snapshot.destination(binding.destination.slot);
            if (entry.generation != binding.destination.generation)
                binding.deadline = 0;  // nobody follows it any more; it goes with its connections
            if (binding.is_over(now))
                remove(link);
            else
                link = &binding.next;
        }
    }
};

PersistenceTable::PersistenceTable(std::uint32_t capacity, const HashSeed& seed)
    : seed_(seed), stripes_(stripe_count) {
    const std::uint32_t per_stripe = std::max(capacity / stripe_count, 1U);
    check(per_stripe < 1U << (32 - stripe_bits), "a binding's index has room for its stripe");
    capacity_ = std::uint64_t{per_stripe} * stripe_count;
    for (Stripe& stripe : stripes_)
        stripe.init(per_stripe);
}

PersistenceTable::~PersistenceTable() = default;

namespace {

std::uint64_t hash_key(const PersistenceKey& key, const HashSeed& seed) {
    return hash_flow(key.client, std::uint64_t{key.group} << 32U | key.service, seed);
}

std::uint32_t stripe_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> (64U - stripe_bits));
}

// Within its stripe.
std::uint32_t place_of(BindingIndex binding) {
    return binding & ((1U << (32U - stripe_bits)) - 1);
}

}  // namespace

std::optional<Identity> PersistenceTable::find(const PersistenceKey& key, Tick now) {
    const std::uint64_t hash = hash_key(key, seed_);
    Stripe& stripe = stripes_[stripe_of(hash)];
    const std::lock_guard lock(stripe.mutex);
    const std::uint32_t index = stripe.find(key, hash, now);
    if (index == no_binding)
        return std::nullopt;
    return stripe.bindings[index].destination;
}

std::optional<Identity> PersistenceTable::peek(const PersistenceKey& key, BindingIndex released,
                                               Tick now) {
    const std::uint64_t hash = hash_key(key, seed_);
    Stripe& stripe = stripes_[stripe_of(hash)];
    const bool is_here =
        released != no_binding && released >> (32U - stripe_bits) == stripe_of(hash);
    const std::uint32_t own = is_here ? place_of(released) : no_binding;
    const std::lock_guard lock(stripe.mutex);
    const std::uint32_t index = stripe.peek(key, hash, own, now);
    if (index == no_binding)
        return std::nullopt;
    return stripe.bindings[index].destination;
}

PersistenceTable::Bound PersistenceTable::bind(const PersistenceKey& key,
                                               const std::optional<Identity>& seen,
                                               const Identity& wanted, std::uint32_t timeout_s,
                                               Tick now) {
    const std::uint64_t hash = hash_key(key, seed_);
    Stripe& stripe = stripes_[stripe_of(hash)];
    const std::lock_guard lock(stripe.mutex);
    std::uint32_t index = stripe.find(key, hash, now);
    const bool is_new = index == no_binding;
    if (is_new) {
        index = stripe.add(key, hash);
        if (index == no_binding)
            return {.binding = no_binding, .destination = wanted, .created = false};
    }
    Binding& binding = stripe.bindings[index];
    if (is_new || binding.destination == seen)
        binding.destination = wanted;
    binding.deadline = now + timeout_s;
    ++binding.connections;
    return {.binding = stripe_of(hash) << (32U - stripe_bits) | index,
            .destination = binding.destination,
            .created = is_new};
}

void PersistenceTable::release(BindingIndex binding) {
    Stripe& stripe = stripes_[binding >> (32U - stripe_bits)];
    const std::lock_guard lock(stripe.mutex);
    Binding& item = stripe.bindings[place_of(binding)];
    check(item.connections > 0, "a binding is released once per connection");
    --item.connections;
}

void PersistenceTable::expire(const Snapshot& snapshot, Tick now) {
    for (Stripe& stripe : stripes_) {
        const auto chains = static_cast<std::uint32_t>(stripe.chains.size());
        std::uint32_t left = chains / sweep_period_s + 1;
        while (left > 0) {
            const std::lock_guard lock(stripe.mutex);
            const std::uint32_t count = std::min(left, sweep_chains_per_lock);
            for (std::uint32_t done = 0; done < count; ++done) {
                stripe.sweep_chain(stripe.chains[stripe.swept], snapshot, now);
                stripe.swept = (stripe.swept + 1) & (chains - 1);
            }
            left -= count;
        }
    }
}

std::uint64_t PersistenceTable::size() const {
    std::uint64_t sum = 0;
    for (const Stripe& stripe : stripes_)
        sum += stripe.size.load(std::memory_order_relaxed);
    return sum;
}

}  // namespace headgate::dataplane
