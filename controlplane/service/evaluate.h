// From configuration, check results and VRRP state to what is forwarded where: the state of each
// virtual server, and the ServiceTable for a backend. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/net.h"
#include "controlplane/config/model_services.h"
#include "controlplane/health/check_state.h"
#include "controlplane/service/placement.h"

namespace headgate::api {
class ServiceTable;
enum Protocol : int;
}  // namespace headgate::api

namespace headgate::config {
struct Config;
}

namespace headgate::service {

class Drains;

struct Inputs {
    // nullptr for a check that does not run; its servers then count as not yet checked.
    std::function<const health::CheckState*(const config::Check&)> find_check;
    // VIPs that are in the kernel because a VRRP instance is MASTER here.
    std::set<IpAddress> held_vips;
    config::EngineChoice engine = config::EngineChoice::automatic;
    Capabilities capabilities;  // of the bypass
    // Why the bypass forwards nothing at all right now; empty when it does.
    std::string backend_down_reason;
    // Why IPVS is to take over what the bypass cannot do now; empty: it is not to.
    std::string bypass_given_up;
    // Absent: there is no IPVS.
    std::optional<Capabilities> ipvs_capabilities;
    bool ipvs_is_up = false;       // the kernel has been asked, and answers
    std::string ipvs_down_reason;  // empty while the kernel answers
    bool ipvs_standby = false;     // IPVS is to have the services of the bypass, too
    // Services that the kernel refuses, and why.
    std::map<config::ServiceKey, std::string> ipvs_failures;
};

enum class State : std::uint8_t {
    up,        // all real servers are up
    degraded,  // some are
    down,      // none is, or nothing can forward for it
    standby,   // its VIP is not held here
};

std::string_view to_string(State state);

struct ServiceView {
    State state = State::down;
    // A VRRP instance of this configuration has its address among its virtual_ipaddress.
    bool vrrp_owned = false;
    bool active = true;      // may be forwarded here: false while a VRRP-owned VIP is not held
    bool in_bypass = false;  // is in the bypass's table
    bool in_ipvs = false;    // is in that of IPVS; both: the bypass has been given up meanwhile
    // Is in that of IPVS only for the time in which the bypass fails.
    bool stands_by = false;
    bool ipvs_ready = false;      // IPVS has it, whatever for
    std::string placement;        // see VirtualServerStatus in api.proto
    std::string standby;          // likewise
    std::vector<bool> server_up;  // parallel to real_servers
};

api::Protocol to_api(config::Protocol protocol);

// Parallel to config.virtual_servers.
std::vector<ServiceView> evaluate(const config::Config& config, const Inputs& inputs);

enum class Carrier : std::uint8_t { bypass, ipvs, any };

// The table of everything that `carrier` is to have, or one of them; real servers that are down are
// not in it, but those with inhibit_on_failure. Requires: `views` are of this configuration.
api::ServiceTable build_table(const config::Config& config, const std::vector<ServiceView>& views,
                              const Drains& drains, std::uint64_t generation,
                              Carrier carrier = Carrier::bypass);

}  // namespace headgate::service
