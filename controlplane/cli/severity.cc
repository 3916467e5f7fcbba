#include "controlplane/cli/severity.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/endpoint_text.h"

namespace headgate::cli {

namespace {

// Above it a worker is likely to lose packets in the next burst of traffic.
constexpr std::uint32_t saturated_permille = 900;

void add(std::vector<Finding>& found, Severity severity, std::string text) {
    found.push_back({severity, std::move(text)});
}

void look_at_vrrp(const api::VrrpStatus& instance, std::vector<Finding>& found) {
    if (instance.state() == "FAULT")
        add(found, Severity::critical,
            fmt::format("{} is in FAULT: {}", instance.name(), instance.reason()));
    if (instance.has_second_master())
        add(found, Severity::critical,
            fmt::format("SPLIT BRAIN: {} (priority {}) is MASTER of {}, too: it does not hear our "
                        "adverts, or does not accept them; see `headgate why {}`",
                        instance.second_master().address(), instance.second_master().priority(),
                        instance.name(), instance.name()));
    if (instance.has_hold())
        add(found, Severity::degraded,
            fmt::format("{} was told to step down and is held back{}{}; undo: headgate failover {} "
                        "--cancel",
                        instance.name(), instance.hold().reason().empty() ? "" : ": ",
                        instance.hold().reason(), instance.name()));
    if (!instance.warning().empty())
        add(found, Severity::degraded, fmt::format("{}: {}", instance.name(), instance.warning()));
    for (const api::VipStatus& vip : instance.vips()) {
        if (instance.state() == "MASTER" && !vip.present())
            add(found, Severity::critical,
                fmt::format("{} is MASTER, but {} is not on {}", instance.name(), vip.address(),
                            vip.interface()));
    }
}

void look_at_service(const api::VirtualServerStatus& service, std::vector<Finding>& found) {
    if (service.state() == "down")
        add(found, Severity::critical,
            service.placement().starts_with("none")
                ? fmt::format("{} is not forwarded: {}", service.name(),
                              service.placement().substr(service.placement().find(' ') + 1))
                : fmt::format("{} is down: no real server is up", service.name()));
    for (const api::RealServerStatus& server : service.real_servers()) {
        const std::string name = endpoint_text(server.address(), server.port());
        if (server.state() == "down") {
            std::string why;
            for (const api::CheckStatus& check : server.checks()) {
                if (check.known() && !check.up())
                    why = fmt::format(": {} {}", check.code(), check.detail());
            }
            add(found, Severity::degraded,
                fmt::format("{} of {} is down{}", name, service.name(), why));
        } else if (server.has_stats() && !server.stats().resolved()) {
            add(found, Severity::degraded,
                fmt::format("{} of {} gets nothing: its MAC address is unknown ({})", name,
                            service.name(), server.stats().unresolved_reason()));
        }
    }
}

}  // namespace

std::vector<Finding> findings(const api::Status& status) {
    std::vector<Finding> found;
    for (const api::VrrpStatus& instance : status.vrrp())
        look_at_vrrp(instance, found);
    if (status.dataplane_wanted() && !status.dataplane_up())
        add(found, status.ipvs().up() ? Severity::degraded : Severity::critical,
            "the dataplane is not up: " + status.dataplane_error());
    else if (!status.dataplane_error().empty())
        add(found, Severity::degraded,
            "the dataplane keeps an older table: " + status.dataplane_error());
    for (const api::PortState& port : status.dataplane().ports()) {
        if (port.mode() == "not attached")
            add(found, Severity::critical,
                fmt::format("nothing is forwarded on {}: {}", port.interface(),
                            port.mode_reason()));
    }
    for (const api::WorkerState& worker : status.dataplane().worker_states()) {
        if (worker.busy_permille() >= saturated_permille)
            add(found, Severity::degraded,
                fmt::format("the worker of {}, queue {}, has hardly any time left: busy {}%",
                            worker.interface(), worker.queue(), worker.busy_permille() / 10));
    }
    if (!status.ipvs().warning().empty())
        add(found, Severity::degraded, status.ipvs().warning());
    for (const api::IpvsSyncDaemon& daemon : status.ipvs().sync_daemons()) {
        if (!daemon.running())
            add(found, Severity::degraded,
                fmt::format("the {} sync daemon does not run: {}", daemon.role(), daemon.error()));
    }
    for (const api::VirtualServerStatus& service : status.virtual_servers()) {
        look_at_service(service, found);
        if (status.ipvs().standby_required() && service.standby().starts_with("none"))
            add(found, Severity::degraded,
                fmt::format("IPVS does not stand by for {}: {}", service.name(),
                            service.standby().substr(service.standby().find(' ') + 1)));
    }
    if (!status.config_error().empty())
        add(found, Severity::degraded,
            "the last reload was refused, the configuration before it runs:\n" +
                status.config_error());
    std::ranges::stable_sort(found, std::greater<>{}, &Finding::severity);
    return found;
}

Severity worst(const std::vector<Finding>& findings) {
    Severity severity = Severity::ok;
    for (const Finding& finding : findings)
        severity = std::max(severity, finding.severity);
    return severity;
}

}  // namespace headgate::cli
