#include "controlplane/vrrp/announcer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

std::optional<Instant> after(Instant now, std::chrono::seconds delay) {
    if (delay == std::chrono::seconds::zero())
        return std::nullopt;
    return now + delay;
}

bool take(std::optional<Instant>& due, Instant now) {
    if (!due || now < *due)
        return false;
    due.reset();
    return true;
}

}  // namespace

Announcer::Announcer(const config::VrrpInstance& config, AnnounceQueue& queue, Link& link)
    : owner_(config.name),
      interface_(config.interface),
      settings_(config.announcing),
      queue_(queue),
      link_(link) {}

Announcer::~Announcer() {
    queue_.drop(this);
}

void Announcer::reconfigure(Instant now, const config::VrrpInstance& config) {
    interface_ = config.interface;
    if (std::exchange(settings_, config.announcing) != config.announcing && master_)
        start_intervals(now);
}

void Announcer::begin(Instant now, const Addresses& addresses) {
    master_ = true;
    start_intervals(now);
    second_block_ = after(now, settings_.delay);
    send(now, addresses, settings_.repeat);
}

void Announcer::answer_weaker_master(Instant now, const Addresses& addresses) {
    if (settings_.lower_priority_repeat == 0)
        return;
    second_answer_ = after(now, settings_.lower_priority_delay);
    send(now, addresses, settings_.lower_priority_repeat);
}

void Announcer::announce_again(Instant now, const Addresses& addresses) {
    send(now, addresses, settings_.repeat);
}

void Announcer::end() {
    master_ = false;
    second_block_.reset();
    second_answer_.reset();
    next_refresh_.reset();
    next_extra_.reset();
    queue_.drop(this);
}

void Announcer::on_deadline(Instant now, const Addresses& addresses) {
    if (take(second_block_, now))
        send(now, addresses, settings_.repeat);
    if (take(second_answer_, now))
        send(now, addresses, settings_.lower_priority_repeat);
    if (take(next_refresh_, now)) {
        next_refresh_ = after(now, settings_.refresh);
        send(now, addresses, settings_.refresh_repeat);
    }
    if (take(next_extra_, now)) {
        next_extra_ = after(now, settings_.extra_interval);
        send(now, one_per_extra_interface(addresses), 1);
    }
}

std::optional<Instant> Announcer::deadline() const {
    return earliest({second_block_, second_answer_, next_refresh_, next_extra_});
}

void Announcer::send(Instant now, const Addresses& addresses, std::uint32_t rounds) {
    for (const config::VirtualAddress& address : addresses)
        log::debug(
            "({}) Sending/queueing {} on {} for {}", owner_,
            address.prefix.address.is_v4() ? "gratuitous ARPs" : "unsolicited Neighbour Adverts",
            address.interface, address.prefix.address.to_string());
    queue_.push(now, this, link_, addresses, rounds);
}

void Announcer::start_intervals(Instant now) {
    next_refresh_ = after(now, settings_.refresh);
    next_extra_ = after(now, settings_.extra_interval);
}

// A switch learns where an interface is from any frame: one of its addresses will do.
Announcer::Addresses Announcer::one_per_extra_interface(const Addresses& addresses) const {
    std::set<std::string_view> seen{interface_};
    Addresses chosen;
    for (const config::VirtualAddress& address : addresses) {
        if (!settings_.extra_everywhere && link_.base_of(address.interface).empty())
            continue;
        if (seen.insert(address.interface).second)
            chosen.push_back(address);
    }
    return chosen;
}

}  // namespace headgate::vrrp
