// `headgate trace PACKET`: from the API to questions to the cores, and back. Control thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "dataplane/core/packet_trace.h"
#include "dataplane/inquiries.h"
#include "dataplane/slot_names.h"

namespace headgate::api {
class InterfaceTrace;
class TraceRequest;
}  // namespace headgate::api

namespace headgate::dataplane {

// The packet of the request. Fails, in words, when there can be no such packet.
Result<Packet> load_trace_request(const api::TraceRequest& request);

// What is asked of one interface, and its answer.
class InterfaceTraces {
public:
    // `steered`: the XDP program gives packets of the service to the workers.
    InterfaceTraces(std::string interface, bool steered, const Snapshot& snapshot,
                    const Packet& packet, std::size_t workers);

    [[nodiscard]] const std::vector<std::unique_ptr<PacketTrace>>& traces() const {
        return traces_;
    }
    // Requires: all traces are finished. Fails when the table was changed meanwhile.
    Result<void> report(api::InterfaceTrace& answer) const;

private:
    std::string interface_;
    bool steered_;
    SlotNames names_;
    std::vector<std::unique_ptr<PacketTrace>> traces_;
};

class TraceInquiry final : public Inquiry {
public:
    explicit TraceInquiry(const Packet& packet) : packet_(packet) {}
    std::vector<CoreQuestion*> begin(const Attachment& attachment) override;
    void report(api::DataplaneReply& reply) override;

private:
    Packet packet_;
    std::vector<std::unique_ptr<InterfaceTraces>> interfaces_;
};

}  // namespace headgate::dataplane
