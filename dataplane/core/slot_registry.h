// SlotRegistry<Key>: gives every key a slot and a generation, and the same ones again as long as it
// is retained. A slot that becomes free is used again, under another generation. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "dataplane/core/slot.h"

namespace headgate::dataplane {

struct Identity {
    Slot slot = no_slot;
    std::uint32_t generation = 0;
    bool operator==(const Identity&) const = default;
};

template <typename Key>
class SlotRegistry {
public:
    // Generations count up from `first_generation`; 0 is nobody's.
    explicit SlotRegistry(std::uint32_t first_generation = 1)
        : next_generation_(first_generation) {}

    // Frees the slots of all keys that are not among `wanted`.
    void retain(const std::set<Key>& wanted) {
        for (auto item = identities_.begin(); item != identities_.end();) {
            if (wanted.contains(item->first)) {
                ++item;
                continue;
            }
            free_.push_back(item->second.slot);
            generations_.erase(item->second.generation);
            item = identities_.erase(item);
        }
    }

    // Only before the first identify(): these keys are known under the identities that they had in
    // another process. Generations count up from `first_generation`, which none of them has
    // reached. An identity that cannot be, as its slot or generation is another key's, too, is left
    // out.
    void restore(const std::vector<std::pair<Key, Identity>>& known,
                 std::uint32_t first_generation) {
        std::set<Slot> taken;
        for (const auto& [key, identity] : known) {
            if (identity.generation == 0 || taken.contains(identity.slot) ||
                generations_.contains(identity.generation) || identities_.contains(key))
                continue;
            identities_.emplace(key, identity);
            taken.insert(identity.slot);
            generations_.insert(identity.generation);
        }
        slot_bound_ = taken.empty() ? 0 : *taken.rbegin() + 1;
        for (Slot slot = 0; slot < slot_bound_; ++slot) {
            if (!taken.contains(slot))
                free_.push_back(slot);
        }
        next_generation_ = first_generation;
    }

    Identity identify(const Key& key) {
        const auto [item, is_new] = identities_.try_emplace(key);
        if (is_new)
            item->second = {take_slot(), take_generation()};
        return item->second;
    }

    // All slots in use are below.
    [[nodiscard]] std::size_t slot_bound() const { return slot_bound_; }

private:
    Slot take_slot() {
        if (free_.empty())
            return slot_bound_++;
        const Slot slot = free_.back();
        free_.pop_back();
        return slot;
    }

    // After 2^32 they begin again, past those that are still in use.
    std::uint32_t take_generation() {
        while (next_generation_ == 0 || generations_.contains(next_generation_))
            ++next_generation_;
        generations_.insert(next_generation_);
        return next_generation_++;
    }

    std::map<Key, Identity> identities_;
    std::set<std::uint32_t> generations_;  // in use
    std::vector<Slot> free_;
    Slot slot_bound_ = 0;
    std::uint32_t next_generation_;
};

}  // namespace headgate::dataplane
