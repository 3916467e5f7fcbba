#include "controlplane/vrrp/announce_queue.h"

#include <algorithm>
#include <string_view>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

// What may be sent in one go without a limit: well below a millisecond.
constexpr int frames_per_turn_max = 128;

void send(Link& link, const config::VirtualAddress& address) {
    log::debug("Sending {} on {} for {}",
               address.prefix.address.is_v4() ? "gratuitous ARP" : "unsolicited Neighbour Advert",
               address.interface, address.prefix.address.to_string());
    if (const auto sent = link.announce(address); !sent)
        log::debug("{}", sent.error().message);
}

}  // namespace

AnnounceQueue::AnnounceQueue() : lanes_(1) {}

void AnnounceQueue::set_limits(Instant now, const config::AnnounceLimits& limits) {
    if (limits == limits_)
        return;
    limits_ = limits;
    lane_by_name_.clear();
    Lanes previous = std::exchange(lanes_, Lanes(1));
    for (const Lane& lane : previous) {
        for (const Job& job : lane.jobs) {
            for (const Entry& entry : job.entries)
                enqueue(lanes_[lane_of(entry.address, *job.link)], job.owner, *job.link, entry);
        }
    }
    // Which lane sent last is not known any more: all of them wait once.
    for (Lane& lane : lanes_)
        lane.ready_at = now + lane.interval;
}

void AnnounceQueue::push(Instant now, Owner owner, Link& link,
                         std::span<const config::VirtualAddress> addresses, std::uint32_t rounds) {
    if (rounds == 0)
        return;
    for (const config::VirtualAddress& address : addresses)
        enqueue(lanes_[lane_of(address, link)], owner, link, {address, rounds});
    run(now);
}

void AnnounceQueue::drop(Owner owner) {
    for (Lane& lane : lanes_)
        lane.jobs.remove_if([owner](const Job& job) { return job.owner == owner; });
}

void AnnounceQueue::retain(Owner owner, const std::vector<config::VirtualAddress>& addresses) {
    for (Lane& lane : lanes_) {
        const auto job = std::ranges::find(lane.jobs, owner, &Job::owner);
        if (job == lane.jobs.end())
            continue;
        for (std::size_t index = job->entries.size(); index-- > 0;) {
            if (std::ranges::find(addresses, job->entries[index].address) != addresses.end())
                continue;
            job->entries.erase(job->entries.begin() + static_cast<std::ptrdiff_t>(index));
            if (index < job->next)
                --job->next;
        }
        if (job->next == job->entries.size())
            end_round(lane, job);
    }
}

void AnnounceQueue::run(Instant now) {
    // The lanes with a limit first: what they send is to be spaced from `now`.
    for (Lane& lane : lanes_) {
        if (lane.interval == Duration::zero() || lane.jobs.empty() || now < lane.ready_at)
            continue;
        lane.ready_at = now + lane.interval;
        send_next(lane);
    }
    Lane& unlimited = lanes_.front();
    for (int count = 0; count < frames_per_turn_max && !unlimited.jobs.empty(); ++count)
        send_next(unlimited);
    unlimited.ready_at = now;
}

std::optional<Instant> AnnounceQueue::deadline() const {
    std::optional<Instant> due;
    for (const Lane& lane : lanes_) {
        if (!lane.jobs.empty())
            due = earliest({due, lane.ready_at});
    }
    return due;
}

std::size_t AnnounceQueue::lane_of(const config::VirtualAddress& address, const Link& link) {
    const Family family = address.prefix.address.family();
    const auto interval = [family](const config::AnnounceLimit& limit) {
        return family == Family::ipv4 ? limit.garp : limit.na;
    };
    std::string_view interface = link.base_of(address.interface);
    if (interface.empty())
        interface = address.interface;
    const auto group = std::ranges::find_if(limits_.groups, [&](const auto& candidate) {
        return std::ranges::find(candidate.interfaces, interface) != candidate.interfaces.end();
    });
    const bool is_grouped = group != limits_.groups.end();
    const Duration wanted = interval(is_grouped ? group->limit : limits_.others);
    if (wanted == Duration::zero())
        return 0;
    // A group goes by the name of its first interface.
    const std::string name(is_grouped ? group->interfaces.front() : interface);
    const auto [lane, is_new] = lane_by_name_.emplace(std::pair(name, family), lanes_.size());
    if (is_new)
        lanes_.push_back({.interval = wanted, .ready_at = {}, .jobs = {}});
    return lane->second;
}

void AnnounceQueue::enqueue(Lane& lane, Owner owner, Link& link, const Entry& entry) {
    auto job = std::ranges::find(lane.jobs, owner, &Job::owner);
    if (job == lane.jobs.end())
        job = lane.jobs.insert(job, {.owner = owner, .link = &link, .entries = {}, .next = 0});
    const auto known = std::ranges::find(job->entries, entry.address, &Entry::address);
    if (known == job->entries.end())
        job->entries.push_back(entry);
    else
        known->rounds = std::max(known->rounds, entry.rounds);
}

// Requires: a job. From `next` on every entry has rounds left; only those before it may have had
// their last.
void AnnounceQueue::send_next(Lane& lane) {
    const auto job = lane.jobs.begin();
    Entry& entry = job->entries[job->next++];
    --entry.rounds;
    send(*job->link, entry.address);
    if (job->next == job->entries.size())
        end_round(lane, job);
}

// The next round of the job comes after those of the others.
void AnnounceQueue::end_round(Lane& lane, std::list<Job>::iterator job) {
    job->next = 0;
    std::erase_if(job->entries, [](const Entry& entry) { return entry.rounds == 0; });
    if (job->entries.empty())
        lane.jobs.erase(job);
    else
        lane.jobs.splice(lane.jobs.end(), lane.jobs, job);
}

}  // namespace headgate::vrrp
