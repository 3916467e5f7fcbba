// See explain.h: virtual servers.
#include <algorithm>

#include <fmt/format.h>

#include "common/endpoint_text.h"
#include "controlplane/explain/explain.h"
#include "controlplane/explain/words.h"

namespace headgate::explain {

namespace {

std::string check_words(const api::CheckStatus& check) {
    if (!check.known())
        return fmt::format("{} on {} has no result yet", check.type(), check.target());
    return fmt::format("{} on {} {}: {} {}", check.type(), check.target(),
                       check.up() ? "passes" : "fails", check.code(), check.detail());
}

void explain_server(const api::RealServerStatus& server, std::int64_t now_unix_ms, api::Why& why) {
    const std::string name = endpoint_text(server.address(), server.port());
    std::string fact = fmt::format("{} is {}", name, server.state());
    if (server.since_unix_ms() != 0)
        fact += fmt::format(" since {}", time_words(now_unix_ms - server.since_unix_ms()));
    fact += fmt::format(", weight {}", server.effective_weight());
    if (server.effective_weight() != server.weight())
        fact += fmt::format(" (configured: {})", server.weight());
    if (server.checks().empty())
        fact += "; it has no check";
    for (const api::CheckStatus& check : server.checks())
        fact += "; " + check_words(check);
    const api::DestinationStats& stats = server.stats();
    if (!stats.interface().empty())
        fact += "; its packets leave by " + stats.interface();
    if (!stats.uncached_reason().empty())
        fact += ", none of them by the flow cache: " + stats.uncached_reason();
    why.add_facts(fact);

    if (server.has_stats() && !server.stats().resolved() && server.state() == "up")
        why.add_problems(fmt::format(
            "{} gets nothing: its MAC address is unknown ({}); it must answer ARP on the interface "
            "that the packets go out on",
            name, server.stats().unresolved_reason()));
    for (const api::CheckStatus& check : server.checks()) {
        if (check.known() && check.up() && check.failures() > 0) {
            api::Consequence& next = *why.add_next();
            next.set_condition(
                fmt::format("if {} on {} fails {} more time(s)", check.type(), check.target(),
                            check.retries() + 1 - std::min(check.failures(), check.retries())));
            next.set_consequence(fmt::format("{} is taken out", name));
        }
    }
}

std::string summary_of(const api::VirtualServerStatus& server, std::size_t num_up) {
    const std::string& name = server.name();
    if (server.placement().starts_with("none"))
        return fmt::format("{} is not forwarded: {}", name,
                           server.placement().substr(server.placement().find(' ') + 1));
    if (server.state() == "standby")
        return fmt::format(
            "{} is in standby: the VRRP instance with its address is not MASTER "
            "here, so its packets go to the master",
            name);
    if (server.state() == "down")
        return fmt::format("{} is down: none of its {} real servers is up", name,
                           server.real_servers_size());
    return fmt::format("{} is {}: {} of {} real servers are up, forwarded by {}", name,
                       server.state(), num_up, server.real_servers_size(), server.placement());
}

}  // namespace

api::Why explain_virtual_server(const api::VirtualServerStatus& server, std::int64_t now_unix_ms) {
    api::Why why;
    why.set_object(server.name());
    why.set_kind("virtual_server");
    why.set_state(server.state());
    *why.mutable_virtual_server() = server;
    const auto num_up = std::ranges::count_if(
        server.real_servers(), [](const auto& real) { return real.state() == "up"; });
    why.set_summary(summary_of(server, static_cast<std::size_t>(num_up)));
    for (const api::RealServerStatus& real : server.real_servers())
        explain_server(real, now_unix_ms, why);
    if (server.state() == "up" || server.state() == "degraded") {
        api::Consequence& next = *why.add_next();
        next.set_condition("if its real servers all fail");
        next.set_consequence("down: its packets are not forwarded any more");
    }
    return why;
}

}  // namespace headgate::explain
