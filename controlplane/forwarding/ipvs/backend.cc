#include "controlplane/forwarding/ipvs/backend.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "common/api.pb.h"
#include "common/clock.h"
#include "controlplane/forwarding/ipvs/connections.h"
#include "controlplane/forwarding/ipvs/owners_file.h"
#include "controlplane/forwarding/ipvs/reconciler.h"
#include "controlplane/forwarding/ipvs/sync_keeper.h"

namespace headgate::forwarding::ipvs {

namespace asio = boost::asio;

namespace {

// What somebody else changes is put back within a second, the time that it takes included.
constexpr Duration check_interval = std::chrono::milliseconds(800);
// However long a list takes, the main thread has most of its time for other things.
constexpr int check_share = 10;
// For how long a kernel without IPVS is not asked again, when nothing depends on it.
constexpr Duration standby_interval_max = std::chrono::seconds(60);

void fill_rates(const Counters& from, api::IpvsCounters& to) {
    to.set_connections(from.connections);
    to.set_packets_in(from.packets);
    to.set_packets_out(from.packets_out);
    to.set_bytes_in(from.bytes);
    to.set_bytes_out(from.bytes_out);
}

api::DataplaneState state_of(const std::vector<ListedService>& services, std::uint64_t generation) {
    api::DataplaneState state;
    state.set_generation(generation);
    std::uint64_t flows = 0;
    for (const ListedService& listed : services) {
        api::ServiceStats& service = *state.add_services();
        const ServiceKey& key = listed.service.key;
        service.set_address(key.endpoint.address.to_string());
        service.set_port(key.endpoint.port);
        service.set_protocol(static_cast<api::Protocol>(key.protocol));
        service.set_fwmark(key.fwmark);
        service.set_connections(listed.counters.connections);
        service.set_packets(listed.counters.packets);
        service.set_bytes(listed.counters.bytes);
        service.set_packets_out(listed.counters.packets_out);
        service.set_bytes_out(listed.counters.bytes_out);
        fill_rates(listed.rates, *service.mutable_rates());
        for (std::size_t index = 0; index < listed.destinations.size(); ++index) {
            const Destination& from = listed.service.destinations[index];
            const ListedService::DestinationState& now = listed.destinations[index];
            api::DestinationStats& destination = *service.add_destinations();
            destination.set_address(from.endpoint.address.to_string());
            destination.set_port(from.endpoint.port);
            destination.set_resolved(true);  // the kernel does that when it sends
            destination.set_connections(now.counters.connections);
            destination.set_packets(now.counters.packets);
            destination.set_bytes(now.counters.bytes);
            destination.set_packets_out(now.counters.packets_out);
            destination.set_bytes_out(now.counters.bytes_out);
            fill_rates(now.rates, *destination.mutable_rates());
            destination.set_persistent_connections(now.persistent_connections);
            destination.set_active_connections(now.active_connections);
            destination.set_inactive_connections(now.inactive_connections);
            flows += now.active_connections + now.inactive_connections;
        }
    }
    state.set_flows(flows);
    return state;
}

}  // namespace

class Backend::Impl {
public:
    Impl(asio::io_context& context, std::unique_ptr<Kernel> kernel,
         const std::filesystem::path& owners_file, std::function<void()> on_change)
        : context_(context),
          timer_(context),
          kernel_(std::move(kernel)),
          owners_(owners_file),
          owned_(owners_.load()),
          reconciler_(*kernel_, owned_.services,
                      [this](const auto& ours) {
                          owned_.services = ours;
                          owners_.save(owned_);
                      }),
          sync_(*kernel_, owned_.sync_roles,
                [this](const auto& ours) {
                    owned_.sync_roles = ours;
                    owners_.save(owned_);
                }),
          on_change_(std::move(on_change)) {}

    void configure(const config::IpvsPolicy& policy) { policy_ = policy; }

    void apply(const api::ServiceTable& table) {
        if (stopped_)
            return;
        generation_ = table.generation();
        wanted_ = !table.services().empty();
        const State before = state();
        patience_ = check_interval;
        Table wanted = table_of(table);
        if (!wanted.ours.empty())
            wanted.sysctls.insert(policy_.sysctls.begin(), policy_.sysctls.end());
        reconciler_.apply(std::move(wanted), policy_.flush_at_start);
        tell_since(before);
        check_if_needed();
    }

    void keep_synced(bool is_master) {
        if (stopped_)
            return;
        const auto& asked = policy_.sync_daemon;
        sync_.apply(asked ? sync_daemons_of(*asked, is_master) : std::vector<SyncDaemon>{});
        check_if_needed();
    }

    void stop() {
        timer_.cancel();
        checking_ = false;
        stopped_ = true;
        sync_.stop();
        reconciler_.stop(policy_.flush_on_stop);
    }

    [[nodiscard]] State state() const {
        State state{.wanted = wanted_,
                    .up = wanted_ && reconciler_.is_up(),
                    .error = wanted_ ? reconciler_.error() : "",
                    .failures = reconciler_.failures(),
                    .repairs = reconciler_.repairs() + sync_.repairs(),
                    .settings_error = reconciler_.settings_error(),
                    .version = {},
                    .connection_buckets = 0,
                    .sync = {}};
        if (const std::string trouble = sync_.trouble_of_others(); !trouble.empty())
            state.settings_error += (state.settings_error.empty() ? "" : "; ") + trouble;
        for (const SyncDaemon& daemon : sync_.wanted())
            state.sync.push_back({daemon, sync_.error_of(daemon.role)});
        if (const auto info = reconciler_.info()) {
            state.connection_buckets = info->connection_buckets;
            state.version = fmt::format("{}.{}.{}", info->version >> 16U & 0xffU,
                                        info->version >> 8U & 0xffU, info->version & 0xffU);
        }
        return state;
    }

    [[nodiscard]] Result<api::DataplaneState> stats() const {
        const auto listed = reconciler_.list();
        if (!listed)
            return tl::unexpected(listed.error());
        return state_of(*listed, generation_);
    }

    // The kernel can have millions of connections, which nothing else is to wait for.
    void ask(const api::DataplaneRequest& request, ReplyHandler handler) {
        if (!request.has_flows() || request.flows().end())
            return handler(
                fail("the kernel's IPVS does not show its packets, nor end connections"));
        if (!reader_)
            reader_.emplace(1);
        asio::post(*reader_, [this, flows = request.flows(), handler = std::move(handler)] {
            std::ifstream file(connections_file);
            Result<api::DataplaneReply> reply = api::DataplaneReply();
            if (auto connections = connections_in(file, flows))
                *reply->mutable_flows() = std::move(*connections);
            else
                reply = tl::unexpected(connections.error());
            asio::post(context_, [handler, reply = std::move(reply)] { handler(reply); });
        });
    }

private:
    [[nodiscard]] bool is_needed() const { return reconciler_.is_needed() || sync_.is_needed(); }

    void check_if_needed() {
        if (is_needed() && !std::exchange(checking_, true))
            check_after(check_interval);
    }

    void check_after(Duration interval) {
        timer_.expires_after(interval);
        timer_.async_wait([this](boost::system::error_code error) {
            if (!error)
                check();
        });
    }

    void check() {
        const Instant start = std::chrono::steady_clock::now();
        const State before = state();
        reconciler_.check();
        sync_.check();
        tell_since(before);
        const Duration took = std::chrono::steady_clock::now() - start;
        const bool may_wait =
            reconciler_.is_standby() && !reconciler_.is_up() && !sync_.is_needed();
        patience_ = may_wait ? std::min(2 * patience_, standby_interval_max) : check_interval;
        checking_ = is_needed();
        if (checking_)
            check_after(std::max(patience_ - took, took * check_share));
    }

    void tell_since(const State& before) {
        const State now = state();
        if (now.up != before.up || now.error != before.error || now.failures != before.failures)
            asio::post(context_, [tell = on_change_] { tell(); });
    }

    asio::io_context& context_;
    asio::steady_timer timer_;
    std::unique_ptr<Kernel> kernel_;
    OwnersFile owners_;
    Owned owned_;
    Reconciler reconciler_;
    SyncKeeper sync_;
    std::function<void()> on_change_;
    config::IpvsPolicy policy_;
    std::uint64_t generation_ = 0;
    bool wanted_ = false;
    bool checking_ = false;
    bool stopped_ = false;  // what was on its way then must not start anything again
    Duration patience_ = check_interval;
    std::optional<asio::thread_pool> reader_;  // of the kernel's connections, once asked for
};

Backend::Backend(asio::io_context& context, std::unique_ptr<Kernel> kernel,
                 const std::filesystem::path& owners_file, std::function<void()> on_change)
    : impl_(std::make_unique<Impl>(context, std::move(kernel), owners_file, std::move(on_change))) {
}

Backend::~Backend() = default;

void Backend::configure(const config::IpvsPolicy& policy) {
    impl_->configure(policy);
}

void Backend::keep_synced(bool is_master) {
    impl_->keep_synced(is_master);
}

void Backend::stop() {
    impl_->stop();
}

Backend::State Backend::state() const {
    return impl_->state();
}

service::Capabilities Backend::capabilities() const {
    using config::Scheduler;
    return {.methods = {config::ForwardingMethod::nat, config::ForwardingMethod::dr,
                        config::ForwardingMethod::tun},
            .schedulers = {Scheduler::rr, Scheduler::wrr, Scheduler::lc, Scheduler::wlc,
                           Scheduler::lblc, Scheduler::lblcr, Scheduler::sh, Scheduler::mh,
                           Scheduler::dh, Scheduler::fo, Scheduler::ovf, Scheduler::sed,
                           Scheduler::nq, Scheduler::twos},
            .protocols = {config::Protocol::tcp, config::Protocol::udp, config::Protocol::sctp},
            .firewall_marks = true,
            .persistence_engines = true};
}

void Backend::apply(api::ServiceTable table) {
    impl_->apply(table);
}

void Backend::stats(StatsHandler handler) {
    handler(impl_->stats());
}

void Backend::ask(const api::DataplaneRequest& request, ReplyHandler handler) {
    impl_->ask(request, std::move(handler));
}

}  // namespace headgate::forwarding::ipvs
