// Rows of the schema table: the top level, global_defs and dataplane.
#include <array>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::array xdp_modes{
    Choice{"auto", static_cast<int>(XdpMode::automatic), ""},
    Choice{"native", static_cast<int>(XdpMode::native), ""},
    Choice{"generic", static_cast<int>(XdpMode::generic), ""},
};

constexpr std::array engines{
    Choice{"auto", static_cast<int>(EngineChoice::automatic), ""},
    Choice{"af_xdp", static_cast<int>(EngineChoice::af_xdp), ""},
    Choice{"ipvs", static_cast<int>(EngineChoice::ipvs), ""},
};

constexpr std::array standbys{
    Choice{"auto", static_cast<int>(IpvsStandby::automatic), ""},
    Choice{"on", static_cast<int>(IpvsStandby::on), ""},
    Choice{"off", static_cast<int>(IpvsStandby::off), ""},
};

void add_interfaces(const Context& context, const Value& value) {
    for (const Word& word : value.words) {
        const auto name = read_interface(word, context.report, expectation(*value.row));
        if (name)
            context.drafts.dataplane.interfaces.emplace_back(*name);
    }
}

constexpr Keyword global_rows[] = {
    {
        .blocks = Blocks::every(),
        .name = "include",
        .argument = text("PATTERN", 4096),
        // Replaced by what it names before any handler runs; one that is still there has a block
        // or no file name, and was reported.
        .handler = accept_only,
        .doc = "Reads the files that the pattern names, in order, as if they stood here. `*`, `?`, "
               "`[...]` and `{a,b}` are understood; a relative pattern starts at the directory of "
               "the including file; no match is no error.",
        .repeats = true,
    },
    {
        .blocks = Block::root,
        .name = "global_defs",
        .argument = nothing().with_block(Block::global_defs),
        .handler =
            [](const Context& context, const Value& value) {
                read_body(context, *value.statement, Block::global_defs);
            },
        .doc = "What holds for the whole daemon.",
        .repeats = true,
    },
    {
        .blocks = Block::global_defs,
        .name = "router_id",
        .argument = text("NAME"),
        .default_text = "the host name",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.router_id = {std::string(value.text), value.where};
            },
        .doc = "Name of this router in status and logs.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_version",
        .argument = number(2, 3),
        .default_text = "2",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.vrrp_version = {static_cast<std::uint8_t>(value.number),
                                                      value.where};
            },
        .doc = "VRRP version of the instances that do not say `version`.",
    },
    {
        .blocks = Block::root,
        .name = "dataplane",
        .argument = nothing().with_block(Block::dataplane),
        .handler =
            [](const Context& context, const Value& value) {
                read_body(context, *value.statement, Block::dataplane);
            },
        .doc = "How packets of the virtual servers are received and sent.",
        .origin = Origin::headgate,
        .repeats = true,
    },
    {
        .blocks = Block::dataplane,
        .name = "interface",
        .argument = words("INTERFACE..."),
        .default_text = "the interfaces of the VRRP instances",
        .handler = add_interfaces,
        .doc = "Interfaces on which packets to the virtual servers arrive.",
        .origin = Origin::headgate,
        .repeats = true,
    },
    {
        .blocks = Block::dataplane,
        .name = "engine",
        .argument = one_of(engines),
        .default_text = "auto",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.engine = static_cast<EngineChoice>(value.number);
            },
        .doc = "What forwards: headgate-dataplane (`af_xdp`), the kernel's IPVS (`ipvs`), or, for "
               "each virtual server, the first of them that can (`auto`): IPVS carries those with "
               "`lb_kind NAT`, and all while headgate-dataplane does not come up. What is for "
               "headgate-dataplane alone, such as limits and lists of clients, is not done by "
               "IPVS.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "ipvs_standby",
        .argument = one_of(standbys),
        .default_text = "auto",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.ipvs_standby = static_cast<IpvsStandby>(value.number);
            },
        .doc = "Whether the kernel's IPVS has the virtual servers that headgate-dataplane forwards "
               "for, too. Then it takes over in the moment in which headgate-dataplane ends, and "
               "keeps the connections that it has got when headgate-dataplane is back. `auto`: "
               "with `engine auto`, if the kernel has IPVS; `on`: with `engine af_xdp`, too, and "
               "the status complains if it has not.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "xdp_mode",
        .argument = one_of(xdp_modes),
        .default_text = "auto",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.mode = static_cast<XdpMode>(value.number);
            },
        .doc = "Where the XDP program runs: in the driver (`native`), in the kernel's generic hook "
               "(`generic`), or in the best of the two that the interface has (`auto`).",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "flow_cache",
        .argument = number(0, flow_cache_defaults::flows_max),
        .default_text = "1048576",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.flow_cache.flows =
                    static_cast<std::uint32_t>(value.number);
            },
        .doc = "Established IPv4 connections of each worker that the XDP program forwards by "
               "itself, and a quarter as many of IPv6; about 60 bytes of memory for each. `0`: no "
               "flow cache. A change starts the dataplane anew.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "flow_cache_after",
        .argument = number(1, 255),
        .default_text = "4",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.flow_cache.admit_after =
                    static_cast<std::uint8_t>(value.number);
            },
        .doc = "After so many packets an established connection enters the flow cache.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "flow_cache_idle",
        .argument = number(1, flow_cache_defaults::idle_max_s),
        .default_text = "10",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dataplane.flow_cache.idle_s =
                    static_cast<std::uint32_t>(value.number);
            },
        .doc = "A connection that has been idle for so many seconds leaves the flow cache when "
               "another needs its place there.",
        .origin = Origin::headgate,
    },
};

}  // namespace

std::span<const Keyword> global_keywords() {
    return global_rows;
}

}  // namespace headgate::config
