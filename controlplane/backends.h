// Backends: who forwards. Owns the bypass and IPVS, gives each of them its part of the virtual
// servers, and decides when IPVS takes over what the bypass cannot do. Main thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "common/api.pb.h"
#include "controlplane/config/model.h"
#include "controlplane/forwarding/bypass.h"
#include "controlplane/forwarding/ipvs/backend.h"
#include "controlplane/service/evaluate.h"

namespace headgate {

class Backends {
public:
    // `on_change` is called when virtual servers may be placed otherwise than before, not from
    // within a call. Requires: `context` outlives this.
    Backends(boost::asio::io_context& context, forwarding::Bypass::Options bypass,
             const std::filesystem::path& ipvs_owners_file, std::function<void()> on_change);

    void configure(const config::Config& config);

    // What decides who carries a virtual server.
    void fill(service::Inputs& inputs) const;

    // Each gets its table. `vips_known`: VRRP has said which addresses are held here. Until then
    // IPVS keeps what it has, since a headgated before may have left it at work.
    void apply(const config::Config& config, const std::vector<service::ServiceView>& views,
               const service::Drains& drains, bool vips_known);

    // What passes through: connections of both; the rest is the bypass's to tell.
    void ask(const api::DataplaneRequest& request,
             forwarding::ForwardingBackend::ReplyHandler handler);

    // What ipvsadm would list, with the counters of both.
    [[nodiscard]] api::IpvsListing listing(const config::Config& config,
                                           const std::vector<service::ServiceView>& views,
                                           const service::Drains& drains,
                                           const std::optional<api::DataplaneState>& of_bypass,
                                           const std::optional<api::DataplaneState>& of_ipvs) const;

    // The orderly end: nothing is forwarded any more, then `done`.
    void stop(std::function<void()> done);

    forwarding::Bypass& bypass() { return bypass_; }
    forwarding::ipvs::Backend& ipvs() { return ipvs_; }
    // With the reason why it is not even wanted, where that is something to complain of.
    [[nodiscard]] forwarding::Bypass::State bypass_state() const;

private:
    void watch();
    void look_at_bypass();
    void look_at_ports(const api::DataplaneState& state);
    void give_up(const std::string& reason);
    void take_back();

    std::function<void()> on_change_;
    forwarding::Bypass bypass_;
    forwarding::ipvs::Backend ipvs_;
    boost::asio::steady_timer timer_;
    forwarding::Engine engine_;
    config::EngineChoice choice_ = config::EngineChoice::automatic;
    config::IpvsStandby standby_ = config::IpvsStandby::automatic;
    std::uint64_t generation_;
    bool bypass_has_services_ = false;
    bool watching_ = false;
    std::uint64_t restarts_when_up_ = 0;
    std::string given_up_;  // why; empty: it is not
    int unattached_ = 0;    // how often in a row no port was attached
    std::optional<Instant> fine_since_;
};

}  // namespace headgate
