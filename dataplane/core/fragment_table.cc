// Sets of four for the fates; a short array, searched as a whole, for those that wait.
#include "dataplane/core/fragment_table.h"

#include <algorithm>
#include <cstring>

namespace headgate::dataplane {

FragmentTable::FragmentTable(const HashSeed& seed)
    : seed_(seed), fates_(fates), places_(waiting_max), memory_(waiting_max * stride) {}

std::size_t FragmentTable::set_of(const FragmentKey& key) const {
    const std::uint64_t rest = std::uint64_t{key.id} << 8U | key.protocol;
    const std::uint64_t hash =
        hash_flow(key.source, hash_flow(key.destination, rest, seed_), seed_);
    return static_cast<std::size_t>(hash % (fates / ways)) * ways;
}

const FragmentFate* FragmentTable::find(const FragmentKey& key, Tick now) const {
    const std::span set = std::span(fates_).subspan(set_of(key), ways);
    const auto found = std::ranges::find_if(set, [&](const Fate& item) {
        return item.key == key && item.deadline != 0 && !is_past(item.deadline, now);
    });
    return found == set.end() ? nullptr : &found->fate;
}

void FragmentTable::remember(const FragmentKey& key, const FragmentFate& fate, Tick now) {
    const std::span set = std::span(fates_).subspan(set_of(key), ways);
    auto place = std::ranges::find(set, key, &Fate::key);
    if (place == set.end())
        place = std::ranges::min_element(set, {}, &Fate::deadline);
    *place = {key, now + fate_s, fate};
}

bool FragmentTable::is_waiting(const Place& place, const FragmentKey& key) {
    return place.order != free && place.order != lent && place.key == key;
}

bool FragmentTable::hold(const FragmentKey& key, const Waiting& fragment, Tick now) {
    if (fragment.frame.length > frame_bytes_max)
        return false;
    const auto is_beside = [&](const Place& place) { return is_waiting(place, key); };
    if (static_cast<std::size_t>(std::ranges::count_if(places_, is_beside)) >=
        waiting_max_of_packet)
        return false;
    // A free one if there is any, else the oldest.
    const auto place = std::ranges::min_element(places_, {}, &Place::order);
    if (place->order == lent)
        return false;
    if (place->order != free)
        ++pushed_out_;
    else
        ++waiting_;
    std::uint8_t* memory =
        &memory_[static_cast<std::size_t>(place - places_.begin()) * stride + frame_headroom_bytes];
    std::memcpy(memory, fragment.frame.data, fragment.frame.length);
    *place = {key, now, next_order_++, fragment};
    place->fragment.frame.data = memory;
    return true;
}

std::span<const FragmentTable::Waiting> FragmentTable::take(const FragmentKey& key) {
    std::size_t count = 0;
    while (waiting_ > 0) {
        Place* first = nullptr;
        for (Place& place : places_) {
            if (is_waiting(place, key) && (first == nullptr || place.order < first->order))
                first = &place;
        }
        if (first == nullptr)
            break;
        taken_[count++] = first->fragment;
        first->order = lent;
        ++lent_;
        --waiting_;
    }
    return std::span(taken_).first(count);
}

void FragmentTable::reclaim() {
    if (lent_ == 0)
        return;
    for (Place& place : places_) {
        if (place.order == lent)
            place.order = free;
    }
    lent_ = 0;
}

std::uint64_t FragmentTable::expire(Tick now) {
    std::uint64_t given_up = pushed_out_;
    pushed_out_ = 0;
    if (waiting_ == 0)
        return given_up;
    for (Place& place : places_) {
        if (place.order == free || place.order == lent || !is_past(place.since + 1, now))
            continue;
        place.order = free;
        --waiting_;
        ++given_up;
    }
    return given_up;
}

}  // namespace headgate::dataplane
