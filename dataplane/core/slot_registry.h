// SlotRegistry<Key>: gives every key a slot and a generation, and the same ones again as long as it
// is retained. A slot that becomes free is used again, under another generation. Control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
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
    // Frees the slots of all keys that are not among `wanted`.
    void retain(const std::set<Key>& wanted) {
        for (auto item = identities_.begin(); item != identities_.end();) {
            if (wanted.contains(item->first)) {
                ++item;
                continue;
            }
            free_.push_back(item->second.slot);
            item = identities_.erase(item);
        }
    }

    Identity identify(const Key& key) {
        const auto [item, is_new] = identities_.try_emplace(key);
        if (is_new)
            item->second = {take_slot(), next_generation_++};
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

    std::map<Key, Identity> identities_;
    std::vector<Slot> free_;
    Slot slot_bound_ = 0;
    std::uint32_t next_generation_ = 1;
};

}  // namespace headgate::dataplane
