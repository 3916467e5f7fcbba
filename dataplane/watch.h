// Watches: `headgate trace --live` and `headgate capture`: puts a watch into every core, collects
// what it sees, and takes it out again. *Control thread.*
//
// The client asks for what is new, again and again; so nothing here waits for a client, and what it
// does not fetch in time finds no room in the rings.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "dataplane/core/packet_watch.h"
#include "dataplane/flows.h"
#include "dataplane/inquiries.h"
#include "dataplane/slot_names.h"

namespace headgate::api {
class Watched;
class WatchRequest;
}  // namespace headgate::api

namespace headgate::dataplane {

struct WatchQuestion {
    FlowsQuestion flow;
    PacketFilter filter;  // but for `flow`
    std::uint32_t bytes_max = 0;
};

// Fails, in words, when the request does not say what can be watched.
Result<WatchQuestion> load_watch_request(const api::WatchRequest& request);

// The watches of one interface.
class InterfaceWatch {
public:
    InterfaceWatch(std::string interface, const Snapshot& snapshot, const WatchQuestion& question,
                   const FlowFilter& flow, std::size_t workers);

    [[nodiscard]] const std::string& interface() const { return interface_; }
    [[nodiscard]] const std::vector<std::unique_ptr<PacketWatch>>& watches() const {
        return watches_;
    }
    // What later snapshots have.
    void learn(const Snapshot& snapshot) { names_.add(snapshot); }
    // Adds what was seen, up to `bytes` of it; takes off what it has added.
    void collect(api::Watched& watched, std::size_t& bytes);

private:
    std::string interface_;
    SlotNames names_;
    std::vector<std::unique_ptr<PacketWatch>> watches_;
};

class Watches {
public:
    using Handler = Inquiries::Handler;

    // Both outlive it.
    Watches(Inquiries& inquiries, std::function<std::vector<Attachment*>()> attachments)
        : inquiries_(inquiries), attachments_(std::move(attachments)) {}

    // `handler` is called now or later.
    void handle(const api::WatchRequest& request, Instant now, const Handler& handler);
    // Ends a watch that nobody has asked about for `silence_max`.
    void expire(Instant now);
    static constexpr std::chrono::seconds silence_max{5};

private:
    class Begin;
    class End;

    void begin(const api::WatchRequest& request, Instant now, const Handler& handler);
    void end(const Handler& handler);
    api::Watched collect();

    Inquiries& inquiries_;
    std::function<std::vector<Attachment*>()> attachments_;
    std::uint64_t latest_ = 0;  // the number of the latest watch
    bool is_watching_ = false;  // from the request that begins it until it has ended
    bool is_ending_ = false;
    Instant asked_{};
    std::vector<std::unique_ptr<InterfaceWatch>> interfaces_;
};

}  // namespace headgate::dataplane
