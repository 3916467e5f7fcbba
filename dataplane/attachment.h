// Attachment: one network interface while it is being served: the steering program on it, one
// socket and one worker per receive queue, and what they forward.
//
// Each attachment publishes its own snapshots, because a destination can be reached on the segment
// of one interface only: on the others it is a destination without a MAC address.
// *Control thread*; owns the worker threads.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "dataplane/core/publisher.h"
#include "dataplane/core/stats.h"
#include "dataplane/flow_destinations.h"
#include "dataplane/netlink.h"
#include "dataplane/port/afxdp.h"
#include "dataplane/port/steering.h"
#include "dataplane/worker.h"

namespace headgate::dataplane {

struct AttachmentOptions {
    std::string interface;
    LinkInfo link;
    XdpMode mode = XdpMode::automatic;
    std::uint32_t connections_max = 0;  // of each worker
    std::uint32_t cached_flows = 0;     // likewise; 0: no flow cache
    std::filesystem::path pins;         // see SteeringOptions
    std::shared_ptr<const Reinjector> reinjector;
};

// Traffic of an attachment since it was opened, summed over its workers.
struct AttachmentCounts {
    std::uint64_t rx_packets = 0;
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_packets = 0;  // by whatever interface
    std::uint64_t tx_dropped = 0;
    // Of those packets, by other interfaces than this; and what these did not take.
    std::uint64_t elsewhere_packets = 0;
    std::uint64_t egress_no_room = 0;
    std::uint64_t egress_down = 0;
    std::uint64_t egress_too_long = 0;
    std::uint64_t egress_failed = 0;
    std::uint64_t kernel_packets = 0;
    std::uint64_t kernel_over_limit = 0;
    std::uint64_t kernel_failed = 0;
    std::uint64_t cached_packets = 0;  // forwarded by the XDP program
    SocketDrops socket;
    SteerCounts steering{};
};

class Attachment {
public:
    // The interface steers nothing until apply(), but what it inherits goes on.
    static Result<std::unique_ptr<Attachment>> open(const AttachmentOptions& options);
    // Ends the workers. What is left to another process stays; without that, the program is
    // detached, and packets go to the kernel from then on.
    ~Attachment();
    // Nothing is left to another process. Then destroy it.
    void detach() { steering_->detach(); }
    Attachment(const Attachment&) = delete;
    Attachment& operator=(const Attachment&) = delete;

    // Swaps in what is forwarded. No packet of a service that stays is dropped or goes to the
    // kernel meanwhile. Fails, and changes nothing, when the core refuses the configuration.
    Result<void> apply(const ForwardingConfig& config);

    // Whether packets of services that find no worker, when this process has been killed, are for
    // the kernel's IPVS at once.
    void set_ipvs_stands_by(bool stands_by);

    // Once a second: frees what is no longer used, and tells the program that we live.
    void run_second(Instant now);

    // True when this link can no longer be served as it was opened.
    [[nodiscard]] bool outdated(const LinkInfo& link) const;

    [[nodiscard]] const LinkInfo& link() const { return link_; }
    void set_mac(const MacAddress& mac) { link_.mac = mac; }
    // "native copy", "generic copy" or "zero-copy"; and why it is not better.
    [[nodiscard]] const std::string& mode() const { return mode_; }
    [[nodiscard]] const std::string& mode_reason() const { return mode_reason_; }
    // Whether the program runs in the kernel's generic hook.
    [[nodiscard]] bool generic() const { return steering_->generic(); }
    [[nodiscard]] std::size_t workers() const { return workers_.size(); }
    // Requires: queue < workers().
    [[nodiscard]] const Worker& worker(std::size_t queue) const { return *workers_[queue]; }
    [[nodiscard]] AttachmentCounts counts() const;
    [[nodiscard]] ForwardingStats forwarding_stats() const;
    // Asks the workers, one question each in their order, or nothing; they write to `done`, an
    // eventfd, each when it has answered. Requires: those that were asked before are finished.
    void ask(std::span<CoreQuestion* const> questions, int done);
    [[nodiscard]] const std::string& interface() const { return interface_; }
    // Whether the program gives packets with this destination to the workers.
    [[nodiscard]] bool steers(const WideAddress& address, std::uint16_t port,
                              Protocol protocol) const;
    [[nodiscard]] std::uint64_t persistence_entries() const { return persistence_.size(); }
    [[nodiscard]] const Snapshot& latest() const { return publisher_.latest(); }

private:
    Attachment(const AttachmentOptions& options, std::uint32_t queues,
               std::unique_ptr<Steering> steering, const HashSeed& seed);
    void start_workers();
    void keep_alive(Instant now);
    Result<void> block_clients();
    Result<void> open_queue(const AttachmentOptions& options, std::uint32_t queue,
                            const HashSeed& seed);

    std::string interface_;
    LinkInfo link_;
    bool is_live_ = false;  // the first table has been applied
    bool ipvs_stands_by_ = false;
    std::uint32_t queues_;
    std::string mode_;
    std::string mode_reason_;
    std::unique_ptr<Steering> steering_;
    std::vector<SteeredService> steered_;  // what the program's map holds, sorted
    FlowDestinations flow_destinations_;
    std::uint64_t blocked_generation_ = 0;  // of the list that the program has
    PersistenceTable persistence_;
    Publisher publisher_;
    CorePeers peers_;
    std::vector<const AfxdpPort*> ports_;           // owned by the workers
    std::vector<std::unique_ptr<Worker>> workers_;  // last: they use all of the above
};

}  // namespace headgate::dataplane
