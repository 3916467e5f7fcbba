// One scheduler after the other.
#include "tests/unit/core/scheduler_model.h"

#include <algorithm>
#include <numeric>

#include "dataplane/core/ipvs_hash.h"

namespace headgate::dataplane {
namespace {

bool has_weights(Scheduler scheduler) {
    return scheduler != Scheduler::rr && scheduler != Scheduler::lc && scheduler != Scheduler::dh;
}

// As the kernel reads an address: a number, of IPv6 the four numbers folded by exclusive or.
std::uint32_t fold(const IpAddress& address) {
    std::uint32_t folded = 0;
    for (std::size_t at = 0; at < address.bytes().size(); at += 4) {
        std::uint32_t number = 0;
        for (std::size_t byte = 0; byte < 4; ++byte)
            number = number * 256 + address.bytes()[at + byte];
        folded ^= number;
    }
    return folded;
}

}  // namespace

SchedulerModel::SchedulerModel(const ServiceConfig& service) : service_(service) {
    for (const DestinationConfig& destination : service.destinations) {
        servers_.push_back({.config = destination});
        if (!has_weights(service.scheduler) && destination.weight > 0)
            servers_.back().config.weight = 1;
    }
    build_buckets();
}

void SchedulerModel::count(std::size_t number, int active, int inactive) {
    ModelServer& server = servers_[number];
    server.active += static_cast<std::uint64_t>(active);
    server.inactive += static_cast<std::uint64_t>(inactive);
    const std::uint64_t upper = server.config.connections_upper;
    const std::uint64_t lower = server.config.connections_lower;
    const std::uint64_t total = server.active + server.inactive;
    if (upper > 0 && total >= upper)
        server.overloaded = true;
    else if (lower > 0 ? total < lower
                       : static_cast<double>(total) < 0.75 * static_cast<double>(upper))
        server.overloaded = false;
}

std::optional<std::size_t> SchedulerModel::pick(const Endpoint& client, Tick now) {
    switch (service_.scheduler) {
        case Scheduler::rr:
            return round_robin(false);
        case Scheduler::wrr:
            return round_robin(true);
        case Scheduler::lc:
        case Scheduler::wlc:
            return least_loaded(false);
        case Scheduler::sed:
            return shortest_delay();
        case Scheduler::nq:
            for (std::size_t number = 0; number < servers_.size(); ++number)
                if (servers_[number].takes_connections() && servers_[number].active == 0)
                    return number;
            return shortest_delay();
        case Scheduler::fo:
            return heaviest(false);
        case Scheduler::ovf:
            return heaviest(true);
        case Scheduler::sh:
        case Scheduler::dh:
        case Scheduler::mh:
            return hashed(client);
        case Scheduler::lblc:
            return local(now);
        case Scheduler::lblcr:
            return local_set(now);
        case Scheduler::twos:
            break;
    }
    return std::nullopt;
}

std::optional<std::size_t> SchedulerModel::round_robin(bool weighted) {
    if (std::ranges::none_of(servers_, &ModelServer::takes_connections))
        return std::nullopt;
    if (!weighted) {
        do {
            last_ = started_ ? (last_ + 1) % servers_.size() : 0;
            started_ = true;
        } while (!servers_[last_].takes_connections());
        return last_;
    }
    // Servers over their thresholds keep their turns in the round; nobody takes them.
    const auto takes_part = [](const ModelServer& server) {
        return server.config.weight > 0 && !server.config.inhibited && server.config.mac;
    };
    std::int64_t round = 0;
    for (const ModelServer& server : servers_)
        round += takes_part(server) ? server.config.weight : 0;
    for (;;) {
        std::optional<std::size_t> richest;
        for (std::size_t number = 0; number < servers_.size(); ++number) {
            if (!takes_part(servers_[number]))
                continue;
            servers_[number].credit += servers_[number].config.weight;
            if (!richest || servers_[number].credit > servers_[*richest].credit)
                richest = number;
        }
        servers_[*richest].credit -= round;
        if (servers_[*richest].takes_connections())
            return richest;
    }
}

double SchedulerModel::load(const ModelServer& server) const {
    return static_cast<double>(256 * server.active + server.inactive) /
           static_cast<double>(server.config.weight);
}

std::optional<std::size_t> SchedulerModel::least_loaded(bool only_local) {
    std::optional<std::size_t> best;
    for (std::size_t number = 0; number < servers_.size(); ++number) {
        const ModelServer& server = servers_[number];
        if (!server.takes_connections() || (only_local && !server.local))
            continue;
        if (!best || load(server) < load(servers_[*best]))
            best = number;
    }
    return best;
}

std::optional<std::size_t> SchedulerModel::shortest_delay() {
    const auto delay = [](const ModelServer& server) {
        return static_cast<double>(server.active + 1) / static_cast<double>(server.config.weight);
    };
    std::optional<std::size_t> best;
    for (std::size_t number = 0; number < servers_.size(); ++number)
        if (servers_[number].takes_connections() &&
            (!best || delay(servers_[number]) < delay(servers_[*best])))
            best = number;
    return best;
}

std::optional<std::size_t> SchedulerModel::heaviest(bool overflow) {
    std::optional<std::size_t> best;
    for (std::size_t number = 0; number < servers_.size(); ++number) {
        const ModelServer& server = servers_[number];
        if (!server.takes_connections() || (overflow && server.active > server.config.weight))
            continue;
        if (!best || server.config.weight > servers_[*best].config.weight)
            best = number;
    }
    return best;
}

// ---- hashing ----

void SchedulerModel::build_buckets() {
    if (servers_.empty())
        return;
    if (service_.scheduler == Scheduler::mh)
        return fill_maglev();
    // From the last server to the first, over and over.
    for (std::size_t turn = 0; buckets_.size() < 256; ++turn) {
        const std::size_t number = servers_.size() - 1 - turn % servers_.size();
        for (std::uint32_t run = 0; run < std::max(servers_[number].config.weight, 1U); ++run)
            buckets_.push_back(number);
    }
    buckets_.resize(256);
}

void SchedulerModel::fill_maglev() {
    constexpr std::uint32_t size = 4093;
    std::uint32_t divisor = 0;
    for (const ModelServer& server : servers_)
        divisor = std::gcd(divisor, server.config.weight);
    if (divisor == 0)
        return;
    // The places that a server would like to have, the dearest first.
    std::vector<std::vector<std::size_t>> wishes;
    for (const ModelServer& server : servers_) {
        const std::uint32_t value =
            fold(server.config.endpoint.address) + server.config.endpoint.port;
        const std::uint64_t first = sip_hash(value, {2654435761U, 2654435761U}) % size;
        const std::uint64_t step = sip_hash(value, {2654446892U, 2654446892U}) % (size - 1) + 1;
        std::vector<std::size_t>& list = wishes.emplace_back();
        for (std::uint64_t number = 0; number < size; ++number)
            list.push_back((first + number * step) % size);
    }
    constexpr std::size_t nobody = 1000;
    buckets_.assign(size, nobody);
    std::size_t taken = 0;
    for (std::size_t turn = 0; taken < size; ++turn) {
        const std::size_t number = servers_.size() - 1 - turn % servers_.size();
        for (std::uint32_t run = 0; run < servers_[number].config.weight / divisor; ++run) {
            const auto wish = std::ranges::find_if(
                wishes[number], [this](std::size_t place) { return buckets_[place] == nobody; });
            if (wish == wishes[number].end())
                return;
            buckets_[*wish] = number;
            ++taken;
        }
    }
}

std::optional<std::size_t> SchedulerModel::hashed(const Endpoint& client) {
    const bool maglev = service_.scheduler == Scheduler::mh;
    const IpAddress& address =
        service_.scheduler == Scheduler::dh ? service_.endpoint.address : client.address;
    const std::uint32_t value = fold(address) + (service_.hash_port ? client.port : 0);
    const auto size = static_cast<std::uint32_t>(buckets_.size());
    if (size == 0)
        return std::nullopt;
    const auto bucket = [&](std::uint32_t offset) {
        if (maglev)
            return sip_hash(value + offset, {2654435761U, 2654435761U}) % size;
        return ((value * 0x61c88647U) / (1U << 24U) + offset) % size;
    };
    const std::uint32_t first = bucket(0);
    if (servers_[buckets_[first]].takes_connections())
        return buckets_[first];
    for (std::uint32_t offset = 0; service_.hash_fallback && offset < size; ++offset) {
        const std::size_t number = buckets_[bucket((first + offset) % size)];
        if (servers_[number].takes_connections())
            return number;
    }
    return std::nullopt;
}

// ---- locality ----

bool SchedulerModel::should_move(const ModelServer& server) const {
    const auto is_idle = [](const ModelServer& other) {
        return other.active * 2 < other.config.weight && !other.config.inhibited &&
               other.config.mac;
    };
    return server.active > server.config.weight && std::ranges::any_of(servers_, is_idle);
}

std::optional<std::size_t> SchedulerModel::local(Tick now) {
    for (std::size_t number = 0; number < servers_.size(); ++number)
        if (servers_[number].local && !should_move(servers_[number]))
            return number;
    const auto next = least_loaded(false);
    if (!next)
        return std::nullopt;
    for (ModelServer& server : servers_)
        server.local.reset();
    servers_[*next].local = now;
    return next;
}

std::optional<std::size_t> SchedulerModel::local_set(Tick now) {
    const auto least = least_loaded(true);
    std::optional<std::size_t> most;
    std::size_t members = 0;
    Tick changed = 0;
    for (std::size_t number = 0; number < servers_.size(); ++number) {
        if (!servers_[number].local)
            continue;
        ++members;
        changed = std::max(changed, *servers_[number].local);
        if (!most || load(servers_[number]) > load(servers_[*most]))
            most = number;
    }
    if (members > 1 && now > changed + 24 * 3600) {
        servers_[*most].local.reset();
        for (ModelServer& server : servers_)
            if (server.local)
                server.local = now;
    }
    if (least && !should_move(servers_[*least]))
        return least;
    const auto next = least_loaded(false);
    if (next)
        servers_[*next].local = now;
    return next;
}

}  // namespace headgate::dataplane
