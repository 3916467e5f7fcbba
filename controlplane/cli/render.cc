#include "controlplane/cli/render.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "common/endpoint_text.h"
#include "controlplane/cli/render_vrrp.h"
#include "controlplane/cli/severity.h"
#include "controlplane/cli/text_table.h"

namespace headgate::cli {

namespace {

// Of the last transitions, as many as one glance takes in.
constexpr std::size_t transitions_shown_max = 5;

std::string since(std::int64_t then_unix_ms, const RenderOptions& options) {
    return then_unix_ms == 0 ? "-" : duration_words(options.now_unix_ms - then_unix_ms);
}

std::string headline(const api::Status& status, Severity severity, const RenderOptions& options) {
    static constexpr std::array words{"OK", "DEGRADED", "CRITICAL"};
    static constexpr std::array paints{Paint::good, Paint::warn, Paint::bad};
    const auto index = static_cast<std::size_t>(severity);
    std::string line =
        fmt::format("{} {}  headgated {} up {}  config {} {}", status.router_id(),
                    painted(words[index], paints[index], options.colour), status.version(),
                    since(status.started_unix_ms(), options), status.config_file(),
                    status.config_error().empty() ? "ok" : "refused at the last reload");
    return line + '\n';
}

std::string vip_words(const api::VrrpStatus& instance) {
    std::string words;
    for (const api::VipStatus& vip : instance.vips()) {
        words += words.empty() ? "" : ", ";
        words += vip.address();
        if (instance.state() == "MASTER" && !vip.present())
            words += " (missing)";
    }
    return words.empty() ? "-" : words;
}

std::string render_vrrp(const api::Status& status, const RenderOptions& options) {
    if (status.vrrp().empty())
        return {};
    TextTable table;
    table.add({"VRRP", "STATE", "SINCE", "PRIORITY", "MASTER", "INTERFACE", "VRID", "VIPS", "WHY"});
    for (const api::VrrpStatus& instance : status.vrrp()) {
        table.add({instance.name(),
                   {instance.state(), paint_of(instance.state())},
                   since(instance.last_transition_unix_ms(), options),
                   priority_words(instance),
                   master_words(instance),
                   instance.interface(),
                   fmt::format("{}", instance.virtual_router_id()),
                   vip_words(instance),
                   instance.reason()});
    }
    std::string text = "\n" + table.render("", options.colour);
    for (const std::string& more :
         {render_sync_groups(status, options), render_trackers(status, options)})
        text += more.empty() ? "" : "\n" + more;
    const std::string transitions = render_transitions(status, transitions_shown_max, options);
    if (!transitions.empty())
        text += "\nLast transitions\n" + transitions;
    return text;
}

std::string check_words(const api::RealServerStatus& server) {
    std::string words;
    for (const api::CheckStatus& check : server.checks()) {
        words += words.empty() ? "" : "; ";
        if (check.code().empty()) {
            words += check.type() + " waiting";
            continue;
        }
        words += fmt::format("{} {}", check.code(), check.detail());
        if (check.code().ends_with("OK"))
            words += fmt::format(" in {} ms", check.duration_ms());
        if (check.failures() > 0)
            words += fmt::format(" ({}/{})", std::min(check.failures(), check.retries() + 1),
                                 check.retries() + 1);
    }
    return words.empty() ? "no check" : words;
}

void add_real_server(const api::RealServerStatus& server, const RenderOptions& options,
                     TextTable& table) {
    const api::DestinationStats& stats = server.stats();
    const std::string checks = check_words(server);
    std::string note = server.method() + (checks.empty() ? "" : ", ") + checks;
    if (server.has_stats() && !stats.resolved())
        note += fmt::format("; no MAC address: {}", stats.unresolved_reason());
    if (!stats.interface().empty())
        note += "; by " + stats.interface();
    if (!stats.uncached_reason().empty())
        note += fmt::format("; not by the flow cache: {}", stats.uncached_reason());
    if (stats.overloaded())
        note += "; over its threshold";
    table.add({"  " + endpoint_text(server.address(), server.port()),
               {server.state(), paint_of(server.state())},
               since(server.since_unix_ms(), options),
               server.effective_weight() == server.weight()
                   ? fmt::format("{}", server.weight())
                   : fmt::format("{}/{}", server.effective_weight(), server.weight()),
               count_words(stats.connections()),
               fmt::format("{}/{}", count_words(stats.active_connections()),
                           count_words(stats.inactive_connections())),
               count_words(stats.packets()),
               note});
}

// "on IPVS: lb_kind NAT is not supported"
std::string placement_words(const std::string& placement) {
    constexpr std::string_view ipvs = "ipvs";
    return placement.starts_with(ipvs) ? "on IPVS" + placement.substr(ipvs.size()) : placement;
}

std::string standby_words(const api::VirtualServerStatus& service) {
    if (service.standby() != "ipvs")
        return {};
    if (service.standby_connections() == 0)
        return ", IPVS stands by";
    return fmt::format(", IPVS stands by and had {} connections",
                       count_words(service.standby_connections()));
}

std::string render_services(const api::Status& status, const RenderOptions& options) {
    if (status.virtual_servers().empty())
        return {};
    TextTable table;
    table.add({"VIRTUAL SERVER", "STATE", "SINCE", "WEIGHT", "CONNS", "ACT/INACT", "PACKETS",
               "CHECK / PLACEMENT"});
    for (const api::VirtualServerStatus& service : status.virtual_servers()) {
        std::string note = fmt::format("{} {}", service.method(), service.scheduler());
        if (service.persistence_timeout_s() > 0)
            note += fmt::format(" persistent {} s", service.persistence_timeout_s());
        table.add({service.name(),
                   {service.state(), paint_of(service.state())},
                   "",
                   "",
                   count_words(service.connections()),
                   "",
                   count_words(service.packets()),
                   note + ", " + placement_words(service.placement()) + standby_words(service)});
        for (const api::RealServerStatus& server : service.real_servers())
            add_real_server(server, options, table);
    }
    return "\n" + table.render("", options.colour);
}

// The bound that so many of a hundred turns of the loop keep to.
std::string within_words(const api::WorkerState& worker, std::uint64_t percent) {
    std::uint64_t all = 0;
    for (const api::WorkerState::Bucket& bucket : worker.bursts())
        all += bucket.bursts();
    std::uint64_t seen = 0;
    for (const api::WorkerState::Bucket& bucket : worker.bursts()) {
        seen += bucket.bursts();
        if (seen > 0 && seen * 100 >= all * percent)
            return bucket.up_to_us() < 0 ? "more" : fmt::format("{} us", bucket.up_to_us());
    }
    return "-";
}

std::string worker_line(const api::WorkerState& worker) {
    std::string text =
        fmt::format("\n  {}/{}: busy {:.1f}%, bursts take {} (99% {})", worker.interface(),
                    worker.queue(), static_cast<double>(worker.busy_permille()) / 10,
                    within_words(worker, 50), within_words(worker, 99));
    if (worker.new_connection_rate() > 0)
        text += fmt::format(", remembers up to {} new connections/s",
                            count_words(worker.new_connection_rate()));
    if (worker.cached_flow_capacity() > 0)
        text += fmt::format(", {} of {} flows in the cache", count_words(worker.cached_flows()),
                            count_words(worker.cached_flow_capacity()));
    return text;
}

std::string render_dataplane(const api::Status& status) {
    if (!status.dataplane_wanted() || !status.has_dataplane())
        return {};
    const api::DataplaneState& dataplane = status.dataplane();
    std::string text =
        fmt::format("\nDataplane  pid {}  {} worker(s)  flows {}/{}  restarts {}", dataplane.pid(),
                    dataplane.workers(), count_words(dataplane.flows()),
                    count_words(dataplane.flow_capacity()), status.dataplane_restarts());
    for (const api::PortState& port : dataplane.ports()) {
        text += fmt::format("\n  {}: {}, {} queue(s), rx {} tx {} to kernel {}", port.interface(),
                            port.mode(), port.queues(), count_words(port.rx_packets()),
                            count_words(port.tx_packets()), count_words(port.kernel_packets()));
        if (port.elsewhere_packets() > 0)
            text += fmt::format(", of tx by other interfaces {}",
                                count_words(port.elsewhere_packets()));
        if (port.cached_packets() > 0)
            text += fmt::format(", by the flow cache {} ({:.1f}% of what was forwarded)",
                                count_words(port.cached_packets()),
                                100.0 * static_cast<double>(port.cached_packets()) /
                                    static_cast<double>(port.cached_packets() + port.tx_packets()));
        if (!port.mode_reason().empty())
            text += fmt::format(" ({})", port.mode_reason());
    }
    for (const api::WorkerState& worker : dataplane.worker_states())
        text += worker_line(worker);
    std::string reasons;
    for (const api::NamedCount& reason : dataplane.reasons()) {
        if (reason.count() > 0)
            reasons += fmt::format("{}{} {}", reasons.empty() ? "" : ", ", reason.name(),
                                   count_words(reason.count()));
    }
    if (!reasons.empty())
        text += "\n  not forwarded: " + reasons;
    return text + '\n';
}

std::string render_ipvs(const api::Status& status) {
    const api::IpvsStatus& ipvs = status.ipvs();
    if (!ipvs.up() && ipvs.sync_daemons().empty())
        return {};
    const std::string version = ipvs.up() ? ipvs.version() + " of the kernel  " : "";
    std::string text = fmt::format("\nIPVS  {}changes of others put back {}\n", version,
                                   count_words(ipvs.repairs()));
    for (const api::IpvsSyncDaemon& daemon : ipvs.sync_daemons())
        text +=
            fmt::format("  {} sync daemon on {}, id {}: {}\n", daemon.role(), daemon.interface(),
                        daemon.id(), daemon.running() ? "runs" : "does not run: " + daemon.error());
    return text;
}

}  // namespace

Paint paint_of(const std::string& state) {
    if (state == "up" || state == "MASTER" || state == "BACKUP")
        return Paint::good;
    if (state == "degraded" || state == "INIT")
        return Paint::warn;
    if (state == "down" || state == "FAULT")
        return Paint::bad;
    return Paint::plain;
}

std::string priority_words(const api::VrrpStatus& instance) {
    if (instance.base_priority() == 0 || instance.base_priority() == instance.priority())
        return fmt::format("{}", instance.priority());
    return fmt::format("{}/{}", instance.priority(), instance.base_priority());
}

std::string master_words(const api::VrrpStatus& instance) {
    if (instance.master_address().empty())
        return "-";
    return fmt::format("{} ({})", instance.master_address(), instance.master_priority());
}

std::string duration_words(std::int64_t milliseconds) {
    const std::int64_t seconds = std::max<std::int64_t>(0, milliseconds / 1000);
    if (seconds < 60)
        return fmt::format("{}s", seconds);
    if (seconds < 3600)
        return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86400)
        return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string count_words(std::uint64_t count) {
    if (count < 100000)
        return fmt::format("{}", count);
    auto value = static_cast<double>(count);
    for (const char* unit : {"k", "M", "G"}) {
        value /= 1000;
        if (value < 999.95)
            return fmt::format("{:.1f}{}", value, unit);
    }
    return fmt::format("{:.1f}T", value / 1000);
}

std::string render_status(const api::Status& status, const RenderOptions& options) {
    const std::vector<Finding> found = findings(status);
    std::string text = headline(status, worst(found), options);
    text += render_vrrp(status, options);
    text += render_services(status, options);
    text += render_dataplane(status);
    text += render_ipvs(status);
    if (!found.empty())
        text += '\n';
    for (const Finding& finding : found) {
        const Paint paint = finding.severity == Severity::critical ? Paint::bad : Paint::warn;
        text += painted("!", paint, options.colour) + ' ' + finding.text + '\n';
    }
    return text;
}

}  // namespace headgate::cli
