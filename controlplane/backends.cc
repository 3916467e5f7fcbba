#include "controlplane/backends.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>

#include "common/limits.h"
#include "common/log.h"
#include "controlplane/forwarding/ipvs/listing.h"
#include "controlplane/forwarding/ipvs/netlink_kernel.h"

namespace headgate {

namespace {

constexpr const char* no_interface =
    "no interface to forward on: name one in dataplane { interface ... }";

constexpr Duration watch_interval = std::chrono::milliseconds(300);
// A dataplane that has ended once may have been killed; one that ends again will end again.
constexpr std::uint64_t restarts_max = 2;
constexpr int unattached_max = 3;
// Until the bypass is trusted again: connections that IPVS has do not survive the way back.
constexpr Duration fine_time_min = std::chrono::seconds(5);

std::uint64_t unix_ms() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::system_clock::now().time_since_epoch())
                                          .count());
}

// Where one does not answer, the other does.
Result<api::DataplaneReply> both(Result<api::DataplaneReply> of_bypass,
                                 const Result<api::DataplaneReply>& of_ipvs, std::uint32_t limit) {
    if (!of_ipvs)
        return of_bypass;
    if (!of_bypass || !of_bypass->error().empty())
        return of_ipvs;
    api::Flows& flows = *of_bypass->mutable_flows();
    flows.set_matched(flows.matched() + of_ipvs->flows().matched());
    for (const api::Flow& flow : of_ipvs->flows().flows()) {
        if (std::cmp_less(flows.flows_size(), limit))
            *flows.add_flows() = flow;
    }
    return of_bypass;
}

}  // namespace

Backends::Backends(boost::asio::io_context& context, forwarding::Bypass::Options bypass,
                   const std::filesystem::path& ipvs_owners_file, std::function<void()> on_change)
    : on_change_(std::move(on_change)),
      bypass_(context, std::move(bypass)),
      ipvs_(context, std::make_unique<forwarding::ipvs::NetlinkKernel>(), ipvs_owners_file,
            [this] { on_change_(); }),
      timer_(context),
      // Grows over restarts too, so that an adopted dataplane never sees it go back.
      generation_(unix_ms()) {}

void Backends::configure(const config::Config& config) {
    engine_ = forwarding::engine_of(config);
    choice_ = config.dataplane.engine;
    standby_ = config.dataplane.ipvs_standby;
    ipvs_.configure(config.ipvs);
    if (engine_.interfaces.empty())
        given_up_ = no_interface;
    else if (given_up_ == no_interface)
        given_up_.clear();
}

void Backends::fill(service::Inputs& inputs) const {
    inputs.engine = choice_;
    inputs.capabilities = bypass_.capabilities();
    if (const auto state = bypass_.state(); !state.up)
        inputs.backend_down_reason = state.wanted ? state.error : no_interface;
    if (choice_ == config::EngineChoice::automatic)
        inputs.bypass_given_up = given_up_;
    inputs.ipvs_capabilities = ipvs_.capabilities();
    const auto ipvs = ipvs_.state();
    inputs.ipvs_is_up = ipvs.up;
    inputs.ipvs_down_reason = ipvs.error;
    inputs.ipvs_standby =
        standby_ == config::IpvsStandby::on ||
        (standby_ == config::IpvsStandby::automatic && choice_ == config::EngineChoice::automatic);
    for (const auto& [key, reason] : ipvs.failures) {
        for (const auto protocol :
             {config::Protocol::tcp, config::Protocol::udp, config::Protocol::sctp}) {
            if (key.fwmark != 0 || service::to_api(protocol) == key.protocol)
                inputs.ipvs_failures[{key.endpoint, protocol, key.fwmark}] = reason;
        }
    }
}

void Backends::apply(const config::Config& config, const std::vector<service::ServiceView>& views,
                     const service::Drains& drains, bool vips_known) {
    bypass_has_services_ = std::ranges::any_of(views, &service::ServiceView::in_bypass);
    if (!config.virtual_servers.empty())
        bypass_.apply(service::build_table(config, views, drains, ++generation_));
    bypass_.want(bypass_has_services_ ? engine_ : forwarding::Engine{});
    if (vips_known)
        ipvs_.apply(
            service::build_table(config, views, drains, ++generation_, service::Carrier::ipvs));
    watch();
}

void Backends::ask(const api::DataplaneRequest& request,
                   forwarding::ForwardingBackend::ReplyHandler handler) {
    if (!request.has_flows() || request.flows().end() || !ipvs_.state().up)
        return bypass_.ask(request, std::move(handler));
    ipvs_.ask(request, [this, request, handler = std::move(handler)](auto of_ipvs) {
        if (!bypass_.state().wanted)
            return handler(std::move(of_ipvs));
        bypass_.ask(request, [request, handler, of_ipvs = std::move(of_ipvs)](auto of_bypass) {
            handler(both(std::move(of_bypass), of_ipvs,
                         std::min(request.flows().limit(), limits::flows_listed_max)));
        });
    });
}

api::IpvsListing Backends::listing(const config::Config& config,
                                   const std::vector<service::ServiceView>& views,
                                   const service::Drains& drains,
                                   const std::optional<api::DataplaneState>& of_bypass,
                                   const std::optional<api::DataplaneState>& of_ipvs) const {
    // What its interface has been since 2.6.28.
    constexpr const char* version_otherwise = "1.2.1";
    const api::ServiceTable table =
        service::build_table(config, views, drains, generation_, service::Carrier::any);
    api::IpvsListing listing =
        forwarding::ipvs::listing_of(forwarding::ipvs::table_of(table), {&of_bypass, &of_ipvs});
    const forwarding::ipvs::Backend::State ipvs = ipvs_.state();
    listing.set_version(ipvs.version.empty() ? version_otherwise : ipvs.version);
    listing.set_connection_buckets(ipvs.connection_buckets);
    if (ipvs.connection_buckets == 0 && of_bypass)
        listing.set_connection_buckets(static_cast<std::uint32_t>(of_bypass->flow_capacity()));
    return listing;
}

void Backends::stop(std::function<void()> done) {
    timer_.cancel();
    watching_ = true;  // no more
    ipvs_.stop();
    bypass_.stop(std::move(done));
}

forwarding::Bypass::State Backends::bypass_state() const {
    forwarding::Bypass::State state = bypass_.state();
    if (!state.wanted && bypass_has_services_ && !ipvs_.state().up) {
        state.wanted = true;
        state.error = no_interface;
    }
    return state;
}

void Backends::watch() {
    if (choice_ != config::EngineChoice::automatic || !bypass_has_services_ ||
        std::exchange(watching_, true))
        return;
    timer_.expires_after(watch_interval);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error)
            return;
        watching_ = false;
        look_at_bypass();
        watch();
    });
}

void Backends::look_at_bypass() {
    const forwarding::Bypass::State state = bypass_.state();
    if (!state.wanted)
        return;
    if (!state.up) {
        fine_since_.reset();
        if (state.restarts >= restarts_when_up_ + restarts_max)
            give_up(state.last_failure);
        return;
    }
    restarts_when_up_ = state.restarts;
    bypass_.stats([this](const Result<api::DataplaneState>& seen) {
        if (seen)
            look_at_ports(*seen);
    });
}

// It is up, and of use when it has its program on one interface at least.
void Backends::look_at_ports(const api::DataplaneState& state) {
    const auto is_attached = [](const api::PortState& port) {
        return port.mode() != "not attached";
    };
    if (state.ports().empty() || std::ranges::any_of(state.ports(), is_attached)) {
        unattached_ = 0;
        take_back();
        return;
    }
    fine_since_.reset();
    if (++unattached_ >= unattached_max)
        give_up(fmt::format("{}: {}", state.ports(0).interface(), state.ports(0).mode_reason()));
}

// The first reason stays: that of the next try says the same of another process.
void Backends::give_up(const std::string& reason) {
    if (!given_up_.empty())
        return;
    log::warn("headgate-dataplane does not come up, IPVS takes over what it can: {}", reason);
    given_up_ = reason;
    on_change_();
}

void Backends::take_back() {
    if (given_up_.empty() || given_up_ == no_interface)
        return;
    const Instant now = std::chrono::steady_clock::now();
    if (now - fine_since_.value_or(now) < fine_time_min) {
        fine_since_ = fine_since_.value_or(now);
        return;
    }
    log::info("headgate-dataplane is up again and has its virtual servers back");
    fine_since_.reset();
    given_up_.clear();
    on_change_();
}

}  // namespace headgate
