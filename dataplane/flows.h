// Questions about connections: from the API to scans of the workers' tables, and back. Control
// thread. Pure, but that the scans are filled in by the workers meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/flow_scan.h"
#include "dataplane/core/snapshot.h"

namespace headgate::api {
class Flows;
class FlowsRequest;
}  // namespace headgate::api

namespace headgate::dataplane {

struct FlowsQuestion {
    std::optional<Prefix> client;
    std::optional<std::pair<Endpoint, Protocol>> service;
    std::optional<IpAddress> destination;
    std::uint32_t limit = 0;
    bool end = false;
};

// Fails, in words, when the request does not say what can be asked.
Result<FlowsQuestion> load_flows_request(const api::FlowsRequest& request);

// What is asked of one interface, and its answer.
class InterfaceFlows {
public:
    // One scan for each worker of the interface; none when nothing of `snapshot` can match.
    InterfaceFlows(std::string interface, const Snapshot& snapshot, const FlowsQuestion& question,
                   std::size_t workers);

    [[nodiscard]] const std::vector<std::unique_ptr<FlowScan>>& scans() const { return scans_; }
    [[nodiscard]] bool finished() const;
    // Adds what was found, up to `limit` flows in all. Requires: finished().
    void report(std::uint32_t limit, api::Flows& flows) const;

private:
    struct Service {
        Endpoint endpoint;
        Protocol protocol = Protocol::tcp;
    };

    std::string interface_;
    bool end_;
    std::map<std::uint32_t, Service> services_;       // by generation
    std::map<std::uint32_t, Endpoint> destinations_;  // likewise
    std::vector<std::unique_ptr<FlowScan>> scans_;
};

}  // namespace headgate::dataplane
