// See finish.h: virtual servers and what is to forward them.
#include <algorithm>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

bool is_marked(const VirtualServer& server) {
    return server.fwmark != 0;
}

// Every interface on which packets to the virtual servers could arrive is unknown.
void check_interfaces(const Config& config, const Drafts& drafts, Report& report) {
    const bool all_marked = std::ranges::all_of(config.virtual_servers, is_marked);
    if (!config.dataplane.interfaces.empty() || !drafts.instances.empty() || all_marked)
        return;
    const std::string problem = "no interface is known on which packets to virtual servers arrive";
    const Span& where = drafts.servers.front().where;
    if (config.dataplane.engine == EngineChoice::af_xdp)
        report.error(where, problem, "add `dataplane { interface eth0 }` with the right name");
    else
        report.warning(where, problem + ", so they are left to the kernel's IPVS",
                       "add `dataplane { interface eth0 }` with the right name, or `dataplane { "
                       "engine ipvs }`");
}

constexpr const char* not_forwarded =
    "write `engine auto`, with which IPVS carries it; until then the virtual server is not "
    "forwarded";

// What else IPVS alone carries.
void refuse_marks_and_engines(const Config& config, const Drafts& drafts, Report& report) {
    for (const ServerDraft& server : drafts.servers) {
        if (server.persistence_engine)
            report.error(server.persistence_engine->where,
                         "`persistence_engine` is not carried by `engine af_xdp`", not_forwarded);
        const auto is_marked_here = [&server](const VirtualServer& each) {
            return is_marked(each) && each.location == server.where.location();
        };
        if (std::ranges::any_of(config.virtual_servers, is_marked_here))
            report.error(server.endpoint_where, "a firewall mark is not carried by `engine af_xdp`",
                         not_forwarded);
    }
}

void refuse_nat(const Setting<Forwarding>& forwarding, Report& report) {
    if (forwarding && forwarding->value.method == ForwardingMethod::nat)
        report.error(forwarding->where, "NAT is not carried by `engine af_xdp`",
                     "write DR or TUN, or `engine auto`, with which IPVS carries it; until then "
                     "the virtual server is not forwarded");
}

}  // namespace

void check_engine(const Config& config, const Drafts& drafts, Report& report) {
    if (config.virtual_servers.empty() || config.dataplane.engine == EngineChoice::ipvs)
        return;
    check_interfaces(config, drafts, report);
    if (config.dataplane.engine != EngineChoice::af_xdp)
        return;
    refuse_marks_and_engines(config, drafts, report);
    for (const ServerDraft& server : drafts.servers) {
        refuse_nat(server.forwarding, report);
        for (const RealServerDraft& real : server.real_servers)
            refuse_nat(real.forwarding, report);
    }
}

}  // namespace headgate::config
