// Engine: what headgate-dataplane does, apart from talking to its control plane: serves the table
// on the interfaces, follows links, routes and neighbours, and tells how it goes.
//
// *Control thread.* An interface that does not exist, or cannot be attached to, is retried; the
// others are served meanwhile.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/flow_cache_defaults.h"
#include "common/result.h"
#include "dataplane/attachment.h"
#include "dataplane/inquiries.h"
#include "dataplane/lease.h"
#include "dataplane/neighbours.h"
#include "dataplane/netlink.h"
#include "dataplane/table.h"
#include "dataplane/watch.h"
#include "dataplane/xdp_features.h"

namespace headgate::api {
class DataplaneState;
class DestinationStats;
}  // namespace headgate::api

namespace headgate::dataplane {

struct EngineOptions {
    std::vector<std::string> interfaces;
    XdpMode mode = XdpMode::automatic;
    std::uint32_t connections_max = 0;                        // of each worker
    std::uint32_t cached_flows = flow_cache_defaults::flows;  // likewise; 0: no flow cache
    // A directory of a BPF file system for what outlives the process (inheritance.h), which has a
    // directory for each interface; empty: nothing does.
    std::filesystem::path pins{};
};

class Engine {
public:
    // Attaches to the interfaces that are there. `table` is served from the start, if given.
    static Result<std::unique_ptr<Engine>> start(const EngineOptions& options,
                                                 std::optional<Table> table, Instant now);
    // Nothing is left on the interfaces, unless leave() was called.
    ~Engine();
    // Another process is to take over: established flows go on until it does.
    void leave() { leaves_ = true; }

    // Makes this the table, with its lease not expired. Fails, and keeps the one in use, when it
    // cannot be forwarded.
    Result<void> apply(Table table);
    [[nodiscard]] const Table& table() const { return table_; }
    // With expired, services that VRRP owns stop; see Lease.
    void set_lease_expired(bool expired);
    // True when any service of the table is active now.
    [[nodiscard]] bool any_active() const;

    [[nodiscard]] api::DataplaneState state() const;

    // What is asked of the workers, and what watches their packets.
    [[nodiscard]] Inquiries& inquiries() { return inquiries_; }
    [[nodiscard]] Watches& watches() { return watches_; }

    // Readable when the kernel has news; then call on_netlink().
    [[nodiscard]] int netlink_fd() const { return netlink_->fd(); }
    void on_netlink();
    // What is due by time. Returns when it wants to be called again.
    Instant run_timers(Instant now);

private:
    struct Served {
        std::string interface;
        std::unique_ptr<Attachment> attachment;  // null while it cannot be served
        std::string error;                       // why it is null
        LinkInfo refused;                        // the link that could not be attached to,
        Instant retry_at{};                      // and when it is tried again unchanged
    };

    Engine(const EngineOptions& options, std::unique_ptr<Netlink> netlink,
           std::shared_ptr<const Reinjector> reinjector);
    [[nodiscard]] std::vector<Attachment*> attachments() const;
    [[nodiscard]] std::filesystem::path pins_of(const std::string& interface) const;
    void remove_old_pins() const;
    void check_interfaces(Instant now);
    void check_interface(Served& served, Instant now);
    void set_error(Served& served, const Error& error);
    void look_up_routes();
    bool look_up_interfaces();
    void read_neighbours();
    void request_neighbours();
    void forget_neighbours();
    Result<void> use_table();
    Result<void> publish();
    void publish_or_log();
    void report_services(api::DataplaneState& state) const;
    void report_way(const DestinationConfig& destination, api::DestinationStats& stats) const;

    EngineOptions options_;
    std::unique_ptr<Netlink> netlink_;
    XdpFeatures xdp_features_;
    std::shared_ptr<const Reinjector> reinjector_;
    NeighbourTable neighbours_;
    std::vector<NeighbourTable::Request> requested_;  // entries that we have made the kernel keep
    std::vector<Served> served_;
    Inquiries inquiries_;
    Watches watches_;
    Table table_;
    bool has_table_ = false;
    bool lease_expired_ = false;
    bool leaves_ = false;
    bool links_changed_ = false;
    bool routes_changed_ = false;
    Instant next_follow_up_{};
    Instant next_second_{};
    Instant next_request_{};
};

}  // namespace headgate::dataplane
