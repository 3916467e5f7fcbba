// See support.h.
#include "tests/unit/config/support.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace headgate::config {
namespace {

std::string describe(const VrrpInstance& instance) {
    std::string text = fmt::format(
        "instance {} state {} interface {} vrid {} priority {} version {} advert {} auth {} "
        "preempt {} lease {}\n",
        instance.name, static_cast<int>(instance.initial_state), instance.interface, instance.vrid,
        instance.priority, instance.version, instance.advert_interval.count(),
        instance.auth_pass.value_or("-"), instance.preempt, instance.vip_lease.count());
    const Announcing& announcing = instance.announcing;
    text +=
        fmt::format("  announcing {} {} refresh {} {} lower {} {} extra {} {}\n", announcing.repeat,
                    announcing.delay.count(), announcing.refresh.count(), announcing.refresh_repeat,
                    announcing.lower_priority_repeat, announcing.lower_priority_delay.count(),
                    announcing.extra_interval.count(), announcing.extra_everywhere);
    for (const VirtualAddress& address : instance.virtual_addresses) {
        text += fmt::format(
            "  {} dev {} label {} brd {} scope {}\n", address.prefix.to_string(), address.interface,
            address.label, address.broadcast ? address.broadcast->to_string() : "-", address.scope);
    }
    text += instance.track_primary ? "" : "  primary not tracked\n";
    for (const TrackerUse& use : instance.trackers)
        text += fmt::format("  tracks {} {} weight {}{}\n", static_cast<int>(use.tracker.kind),
                            use.tracker.name, use.weight, use.reverse ? " reverse" : "");
    return text;
}

std::string describe(const Check& check) {
    const CheckTiming& timing = check.timing;
    std::string text = fmt::format("    timing {} {} {} {}\n", timing.delay_loop.count(),
                                   timing.connect_timeout.count(), timing.retry,
                                   timing.delay_before_retry.count());
    if (const auto* const tcp = std::get_if<TcpCheck>(&check.kind))
        return text + fmt::format("    tcp {}\n", tcp->target.to_string());
    const auto& http = std::get<HttpCheck>(check.kind);
    text += fmt::format("    http {}\n", http.target.to_string());
    for (const HttpUrl& url : http.urls) {
        text += fmt::format("      {} host {}", url.path, url.virtual_host);
        for (const StatusRange& range : url.statuses)
            text += fmt::format(" {}-{}", range.first, range.last);
        text += "\n";
    }
    return text;
}

std::string describe(const VirtualServer& server) {
    std::string text = fmt::format(
        "server {} mark {} protocol {} scheduler {} method {} persistence {}/{} {} alpha {}\n",
        server.endpoint.to_string(), server.fwmark, static_cast<int>(server.protocol),
        static_cast<int>(server.scheduler), static_cast<int>(server.method),
        server.persistence_timeout.count(), server.persistence_prefix_length,
        server.persistence_engine, server.alpha);
    text += fmt::format("  flags {} {} {} {} {} drain {}\n", server.hash_port, server.hash_fallback,
                        server.flag_3, server.one_packet, server.expire_quiescent,
                        server.drain_timeout.count());
    for (const RealServer& real : server.real_servers) {
        const Forwarding& way = real.forwarding;
        text += fmt::format("  method {} {} {} {}\n", static_cast<int>(way.method),
                            static_cast<int>(way.type), way.port, static_cast<int>(way.checksum));
        text += fmt::format("  real {} weight {} limits {} {} inhibit {}\n",
                            real.endpoint.to_string(), real.weight, real.upper_threshold,
                            real.lower_threshold, real.inhibit_on_failure);
        for (const Check& check : real.checks)
            text += describe(check);
    }
    return text;
}

}  // namespace

std::string describe(const Trackers& trackers) {
    const ScriptRules& rules = trackers.script_rules;
    std::string text = fmt::format("scripts user {} group {} {}{}{}\n", rules.user, rules.group,
                                   rules.security, rules.keep_symlinks, rules.supplementary_groups);
    for (const TrackScript& script : trackers.scripts)
        text +=
            fmt::format("script {} [{}] user {} group {} every {} within {} rise {} fall {} {}\n",
                        script.name, fmt::join(script.command.words, "|"), script.command.user,
                        script.command.group, script.interval.count(), script.timeout.count(),
                        script.rise, script.fall, script.init_fail);
    for (const TrackFile& file : trackers.files)
        text += fmt::format("file {} {} initially {} {}\n", file.name, file.path,
                            file.initial_value ? fmt::format("{}", *file.initial_value) : "-",
                            file.overwrite);
    for (const TrackProcess& process : trackers.processes)
        text += fmt::format("process {} {} [{}] {} match {} full {} quorum {}-{} delays {} {}\n",
                            process.name, process.program, fmt::join(process.parameters, "|"),
                            process.compare_parameters, static_cast<int>(process.match),
                            process.full_command, process.quorum, process.quorum_max,
                            process.fork_delay.count(), process.terminate_delay.count());
    return text;
}

Config load_fine(const std::string& text) {
    const LoadResult result = load_text(text);
    EXPECT_EQ(result.exit_code, exit_fine) << text << render_report(result.diagnostics);
    return result.config.value_or(Config{});
}

std::string describe(const Config& config) {
    std::string text = fmt::format("router_id {}\nxdp_mode {}\n", config.router_id,
                                   static_cast<int>(config.dataplane.mode));
    text += fmt::format("engine {} flush {} {}\n", static_cast<int>(config.dataplane.engine),
                        config.ipvs.flush_at_start, config.ipvs.flush_on_stop);
    for (const std::string& interface : config.dataplane.interfaces)
        text += fmt::format("dataplane interface {}\n", interface);
    const FlowCache& cache = config.dataplane.flow_cache;
    text += fmt::format("flow cache {} after {} idle {}\n", cache.flows, cache.admit_after,
                        cache.idle_s);
    const Protection& protection = config.dataplane.protection;
    text += protection.connection_rate ? fmt::format("rate {}\n", *protection.connection_rate)
                                       : "no rate\n";
    text += fmt::format("source {} of {} {} fragments {} icmp {} {}\n", protection.source_rate,
                        protection.source_prefix_length_v4, protection.source_prefix_length_v6,
                        protection.fragment_rate, protection.icmp_error_rate,
                        protection.icmp_answer_rate);
    for (const Prefix& prefix : protection.blocked)
        text += fmt::format("block {}\n", prefix.to_string());
    for (const Prefix& prefix : protection.allowed)
        text += fmt::format("allow {}\n", prefix.to_string());
    for (const BfdInstance& bfd : config.bfd_instances)
        text += fmt::format(
            "bfd {} {} {} rx {} tx {} idle {} x {} passive {} multihop {} ttl {} {} for {} {}\n",
            bfd.name, bfd.neighbor.to_string(), bfd.source ? bfd.source->to_string() : "",
            bfd.min_rx.count(), bfd.min_tx.count(), bfd.idle_tx.count(), bfd.multiplier,
            bfd.passive, bfd.multihop, bfd.ttl, bfd.ttl_min.value_or(0), bfd.for_vrrp,
            bfd.for_checkers);
    text += describe(config.trackers);
    for (const InterfaceDelay& delay : config.vrrp.interface_delays)
        text +=
            fmt::format("delay {} {} {}\n", delay.interface, delay.down.count(), delay.up.count());
    for (const VrrpInstance& instance : config.vrrp.instances)
        text += describe(instance);
    for (const VirtualServer& server : config.virtual_servers)
        text += describe(server);
    return text;
}

}  // namespace headgate::config
