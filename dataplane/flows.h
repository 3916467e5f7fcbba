// Questions about connections: from the API to scans of the workers' tables, and back. Control
// thread. Pure, but that the scans are filled in by the workers meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/flow_scan.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/inquiries.h"
#include "dataplane/slot_names.h"

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

// Nothing: no connection of `snapshot` can match.
std::optional<FlowFilter> flow_filter(const Snapshot& snapshot, const FlowsQuestion& question);

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
    std::string interface_;
    bool end_;
    SlotNames names_;
    std::vector<std::unique_ptr<FlowScan>> scans_;
};

class FlowsInquiry final : public Inquiry {
public:
    explicit FlowsInquiry(FlowsQuestion question) : question_(std::move(question)) {}
    std::vector<CoreQuestion*> begin(const Attachment& attachment) override;
    void report(api::DataplaneReply& reply) override;

private:
    FlowsQuestion question_;
    std::vector<std::unique_ptr<InterfaceFlows>> interfaces_;
};

}  // namespace headgate::dataplane
