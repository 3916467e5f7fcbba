// Rows of the schema table: what keepalived hands to IPVS as flags and limits of virtual servers
// and real servers, and how long connections last.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/server_group.h"

namespace headgate::config {
namespace {

template <bool VirtualServer::*flag>
void add_flag(const Context& context, const Value& value, std::optional<Scheduler> scheduler) {
    context.server->scheduler_flags.push_back({{value.row->name, scheduler, flag}, value.where});
}

template <bool VirtualServer::*flag, Scheduler scheduler>
void set_hash_flag(const Context& context, const Value& value) {
    add_flag<flag>(context, value, scheduler);
}

template <bool VirtualServer::*flag>
void set_any_flag(const Context& context, const Value& value) {
    add_flag<flag>(context, value, std::nullopt);
}

constexpr auto port = &VirtualServer::hash_port;
constexpr auto fallback = &VirtualServer::hash_fallback;

void read_server_group(const Context& context, const Value& value) {
    ServerGroupDraft group{.name = std::string(value.text),
                           .entries = read_group_entries(*value.statement, context.report)};
    auto& groups = context.drafts.server_groups;
    if (std::ranges::find(groups, group.name, &ServerGroupDraft::name) != groups.end())
        context.report.error(
            value.where, fmt::format("virtual_server_group {} is there already", quote(value.text)),
            "give it another name; this one is left out now");
    else if (value.valid)
        groups.push_back(std::move(group));
}

// Pairs of a protocol's state and its seconds.
void set_timeouts(const Context& context, const Value& value) {
    ConnectionTimeouts& timeouts = context.drafts.global.connection_timeouts;
    struct State {
        std::string_view name;
        std::chrono::seconds* timeout;
    };
    const std::array states{State{"tcp", &timeouts.tcp}, State{"tcpfin", &timeouts.tcp_fin},
                            State{"udp", &timeouts.udp}};
    const std::string form = expectation(*value.row);
    for (std::size_t at = 0; at < value.words.size(); at += 2) {
        const Word& name = value.words[at];
        const auto state = std::ranges::find(states, name.text, &State::name);
        if (state == states.end())
            return context.report.error(name.span, quote(name.text) + " is not tcp, tcpfin or udp",
                                        form);
        if (at + 1 == value.words.size())
            return context.report.error(name.span, quote(name.text) + " needs a number of seconds",
                                        form);
        if (const auto number =
                read_number(value.words[at + 1], 1, timer_seconds_max, context.report, form))
            *state->timeout = std::chrono::seconds(*number);
    }
}

void set_flush_on_stop(const Context& context, const Value& value) {
    if (value.present && value.text != "VS")
        return context.report.error(value.where, quote(value.text) + " is not VS",
                                    "write `VS`, or nothing; it is ignored now");
    context.drafts.ipvs.flush_on_stop = !value.present;
}

constexpr Keyword lvs_rows[] = {
    {
        .blocks = Block::root,
        .name = "virtual_server_group",
        .argument = text("NAME").with_block(Block::entries),
        .handler = read_server_group,
        .doc = "Addresses and marks that one `virtual_server group NAME` is for, one a line: `IP "
               "PORT`, "
               "`192.0.2.10-19 PORT`, `IP-IP PORT` or `NETWORK/LENGTH PORT`; or marks, as `fwmark "
               "MARK [inet | inet6]`. With persistence, a client gets the same real server on all "
               "addresses.",
        .repeats = true,
    },
    {
        .blocks = Block::virtual_server,
        .name = "sh-port",
        .argument = nothing(),
        .handler = set_hash_flag<port, Scheduler::sh>,
        .doc = "`lb_algo sh`: the client's port counts, too.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "sh-fallback",
        .argument = nothing(),
        .handler = set_hash_flag<fallback, Scheduler::sh>,
        .doc = "`lb_algo sh`: clients of a server that takes no connections get another one. "
               "Without it they are turned away.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "mh-port",
        .argument = nothing(),
        .handler = set_hash_flag<port, Scheduler::mh>,
        .doc = "As `sh-port`, for `lb_algo mh`.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "mh-fallback",
        .argument = nothing(),
        .handler = set_hash_flag<fallback, Scheduler::mh>,
        .doc = "As `sh-fallback`, for `lb_algo mh`.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "flag-1",
        .argument = nothing(),
        .handler = set_any_flag<fallback>,
        .doc = "The same as `sh-fallback` or `mh-fallback`; to other schedulers it means nothing.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "flag-2",
        .argument = nothing(),
        .handler = set_any_flag<port>,
        .doc = "The same as `sh-port` or `mh-port`; to other schedulers it means nothing.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "flag-3",
        .argument = nothing(),
        .handler = set_any_flag<&VirtualServer::flag_3>,
        .doc = "The third flag of an IPVS scheduler. It means nothing to any that the kernel has.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "ops",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& value) {
                context.server->one_packet = {true, value.where};
            },
        .doc = "One-packet scheduling, for `protocol UDP`: every packet is scheduled by itself, no "
               "connection is kept.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "inhibit_on_failure",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.server->inhibit_on_failure = value.flag; },
        .doc = "A real server that is down keeps its connections and its place; it gets no new "
               "ones. For the real servers that do not say it.",
    },
    {
        .blocks = Block::real_server,
        .name = "inhibit_on_failure",
        .argument = flag(),
        .default_text = "that of the virtual_server",
        .handler = [](const Context& context,
                      const Value& value) { context.real_server->inhibit_on_failure = value.flag; },
        .doc = "While it is down it keeps its connections and its place; it gets no new ones.",
    },
    {
        .blocks = Block::real_server,
        .name = "uthreshold",
        .argument = number(0, UINT32_MAX),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                context.real_server->upper_threshold = static_cast<std::uint32_t>(value.number);
            },
        .doc = "With so many connections it gets no new ones; 0: no limit.",
    },
    {
        .blocks = Block::real_server,
        .name = "lthreshold",
        .argument = number(0, UINT32_MAX),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                context.real_server->lower_threshold = {static_cast<std::uint32_t>(value.number),
                                                        value.where};
            },
        .doc = "After `uthreshold` it gets new ones again when it has fewer than this; 0: than "
               "three quarters of `uthreshold`.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "drain_timeout",
        .argument = number(0, timer_seconds_max),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                context.server->drain_timeout = std::chrono::seconds(value.number);
            },
        .doc = "Seconds for which a real server that a reload takes out of the block keeps its "
               "connections; it gets no new ones. 0: they end at once.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::virtual_server,
        .name = "expire_quiescent_template",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.server->expire_quiescent = value.flag; },
        .doc = "With persistence: the clients of a real server of weight 0, or one that is "
               "inhibited, get another one for new connections. The same as IPVS's sysctl.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::global_defs,
        .name = "lvs_flush",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.drafts.ipvs.flush_at_start = value.flag; },
        .doc = "When the kernel's IPVS is first used, all its services go, whoever has made them. "
               "Without it, those of a headgated before go on, and those of others stay.",
    },
    {
        .blocks = Block::global_defs,
        .name = "lvs_flush_on_stop",
        .argument = text("VS").or_nothing(),
        .handler = set_flush_on_stop,
        .doc = "At the end all services of the kernel's IPVS go, whoever has made them. With `VS`, "
               "or without the keyword: those of headgated.",
    },
    {
        .blocks = Block::global_defs,
        .name = "lvs_flush_onstop",
        .argument = text("VS").or_nothing(),
        .handler = set_flush_on_stop,
        .doc = "The same as `lvs_flush_on_stop`.",
    },
    {
        .blocks = Block::global_defs,
        .name = "lvs_timeouts",
        .argument = words("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]"),
        .default_text = "900, 120 and 300 seconds",
        .handler = set_timeouts,
        .doc = "How long connections without a packet last: TCP, TCP that the client has closed, "
               "and UDP. SCTP always has the defaults of TCP.",
    },
};

}  // namespace

std::span<const Keyword> lvs_keywords() {
    return lvs_rows;
}

}  // namespace headgate::config
