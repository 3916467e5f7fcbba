// SchedulerModel: which server IPVS's schedulers pick, written as plainly as possible: a list of
// servers with their counts, searched from front to back for every connection. No tables but those
// that the schedulers are defined by, no slots, no sharing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

struct ModelServer {
    DestinationConfig config;
    std::uint64_t active = 0;
    std::uint64_t inactive = 0;
    bool overloaded = false;
    std::int64_t credit = 0;      // of smooth weighted round robin
    std::optional<Tick> local{};  // since when it is in the set of lblc or lblcr

    [[nodiscard]] bool takes_connections() const {
        return config.weight > 0 && !config.inhibited && config.mac && !overloaded;
    }
};

class SchedulerModel {
public:
    explicit SchedulerModel(const ServiceConfig& service);

    // The index of the server for a new connection of `client`; nothing: nobody takes it.
    // Requires: not twos, which draws.
    std::optional<std::size_t> pick(const Endpoint& client, Tick now);

    // A connection of that server began, ended, or changed between active and inactive.
    void count(std::size_t server, int active, int inactive);

    [[nodiscard]] const std::vector<ModelServer>& servers() const { return servers_; }

private:
    [[nodiscard]] double load(const ModelServer& server) const;
    std::optional<std::size_t> round_robin(bool weighted);
    std::optional<std::size_t> least_loaded(bool only_local);
    std::optional<std::size_t> shortest_delay();
    std::optional<std::size_t> heaviest(bool overflow);
    std::optional<std::size_t> hashed(const Endpoint& client);
    [[nodiscard]] bool should_move(const ModelServer& server) const;
    std::optional<std::size_t> local(Tick now);
    std::optional<std::size_t> local_set(Tick now);
    void build_buckets();
    void fill_maglev();

    ServiceConfig service_;
    std::vector<ModelServer> servers_;
    std::size_t last_ = 0;  // rr: the server that had the last turn
    bool started_ = false;
    std::vector<std::size_t> buckets_;  // sh, dh, mh
};

}  // namespace headgate::dataplane
