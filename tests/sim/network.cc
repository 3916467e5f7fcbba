#include "tests/sim/network.h"

namespace headgate::sim {

namespace {

constexpr std::size_t ip_header_bytes = 20;

}  // namespace

void Network::send(Instant now, std::size_t from, std::span<const std::uint8_t> packet) {
    for (std::size_t to = 0; to < side_.size(); ++to) {
        if (to == from || !reaches(from, to))
            continue;
        deliver(now, from, to, packet);
        if (chance(weather_.duplicate_percent))
            deliver(now, from, to, packet);
    }
}

void Network::deliver(Instant now, std::size_t from, std::size_t to,
                      std::span<const std::uint8_t> packet) {
    Duration delay = up_to(random_, weather_.delay_max);
    std::vector<std::uint8_t> bytes(packet.begin(), packet.end());
    int& lost = lost_in_row_[{from, to}];
    const bool may_lose = lost < weather_.losses_in_row_max;
    if (may_lose && chance(weather_.loss_percent)) {
        ++lost;
        return;
    }
    if (may_lose && chance(weather_.straggler_percent)) {
        delay += up_to(random_, weather_.straggler_delay_max);
        ++lost;
    } else if (may_lose && chance(weather_.corruption_percent)) {
        // One bit: the Internet checksum finds every such error.
        const std::size_t at = ip_header_bytes + below(random_, bytes.size() - ip_header_bytes);
        bytes[at] ^= static_cast<std::uint8_t>(1U << below(random_, 8));
        ++lost;
    } else {
        lost = 0;
    }
    in_flight_.push({.time = now + delay,
                     .order = num_sent_++,
                     .from = from,
                     .to = to,
                     .packet = std::move(bytes)});
}

void Network::after_silence(std::size_t from) {
    for (std::size_t to = 0; to < side_.size(); ++to)
        lost_in_row_[{from, to}] = weather_.losses_in_row_max;
}

std::optional<Instant> Network::next() const {
    return in_flight_.empty() ? std::nullopt : std::optional(in_flight_.top().time);
}

std::optional<Delivery> Network::take(Instant now) {
    while (!in_flight_.empty() && in_flight_.top().time <= now) {
        Delivery delivery = in_flight_.top();
        in_flight_.pop();
        if (reaches(delivery.from, delivery.to))
            return delivery;
    }
    return std::nullopt;
}

}  // namespace headgate::sim
