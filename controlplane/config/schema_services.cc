// Rows of the schema table: virtual_server and real_server, and the timing keywords that their
// checks share with them.
#include <array>
#include <bit>

#include <fmt/format.h>

#include "controlplane/config/forwarding_words.h"
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::chrono::seconds persistence_default{360};

constexpr std::array schedulers{
    Choice{"rr", static_cast<int>(Scheduler::rr), ""},
    Choice{"wrr", static_cast<int>(Scheduler::wrr), ""},
    Choice{"lc", static_cast<int>(Scheduler::lc), ""},
    Choice{"wlc", static_cast<int>(Scheduler::wlc), ""},
    Choice{"lblc", static_cast<int>(Scheduler::lblc), ""},
    Choice{"lblcr", static_cast<int>(Scheduler::lblcr), ""},
    Choice{"sh", static_cast<int>(Scheduler::sh), ""},
    Choice{"mh", static_cast<int>(Scheduler::mh), ""},
    Choice{"dh", static_cast<int>(Scheduler::dh), ""},
    Choice{"fo", static_cast<int>(Scheduler::fo), ""},
    Choice{"ovf", static_cast<int>(Scheduler::ovf), ""},
    Choice{"sed", static_cast<int>(Scheduler::sed), ""},
    Choice{"nq", static_cast<int>(Scheduler::nq), ""},
    Choice{"twos", static_cast<int>(Scheduler::twos), ""},
};

constexpr std::array protocols{
    Choice{"TCP", static_cast<int>(Protocol::tcp), ""},
    Choice{"UDP", static_cast<int>(Protocol::udp), ""},
    Choice{"SCTP", static_cast<int>(Protocol::sctp), ""},
};

constexpr int other_is_mark = 1;
constexpr int other_is_group = 2;
constexpr std::array other_targets{
    Choice{.name = "fwmark", .value = other_is_mark, .before_number = true},
    Choice{.name = "group", .value = other_is_group},
};

constexpr std::array families{
    Choice{"inet", static_cast<int>(Family::ipv4), ""},
    Choice{"inet6", static_cast<int>(Family::ipv6), ""},
};

// The only one that there is in the kernel.
constexpr std::array persistence_engines{Choice{"sip", 0, ""}};

// The words behind virtual_server or real_server, as one place.
Span place_of_arguments(const Value& value) {
    return value.words.empty() ? value.where : join(value.where, value.words.back().span);
}

void read_virtual_server(const Context& context, const Value& value) {
    ServerDraft draft;
    draft.endpoint = value.endpoint;
    draft.where = value.statement->keyword().span;
    draft.endpoint_where = place_of_arguments(value);
    draft.fwmark = value.mark;
    if (value.number == other_is_group)
        draft.group = {std::string(value.text), draft.endpoint_where};
    Context inner = context;
    inner.server = &draft;
    inner.timing = &draft.timing;
    inner.virtual_host = &draft.virtual_host;
    draft.mentions = read_body(inner, *value.statement, Block::virtual_server);
    if (value.valid)
        context.drafts.servers.push_back(std::move(draft));
}

void read_real_server(const Context& context, const Value& value) {
    RealServerDraft draft;
    draft.endpoint = value.endpoint;
    draft.where = value.statement->keyword().span;
    draft.endpoint_where = place_of_arguments(value);
    Context inner = context;
    inner.real_server = &draft;
    inner.timing = &draft.timing;
    inner.virtual_host = &draft.virtual_host;
    read_body(inner, *value.statement, Block::real_server);
    if (value.valid)
        context.server->real_servers.push_back(std::move(draft));
}

void set_scheduler(const Context& context, const Value& value) {
    context.server->scheduler = {static_cast<Scheduler>(value.number), value.where};
}

void set_method(const Context& context, const Value& value) {
    if (const auto forwarding = read_forwarding(value, context.report))
        context.server->forwarding = {*forwarding, value.where};
}

void set_own_method(const Context& context, const Value& value) {
    if (const auto forwarding = read_forwarding(value, context.report))
        context.real_server->forwarding = {*forwarding, value.where};
}

void set_persistence(const Context& context, const Value& value) {
    context.server->persistence_timeout = {
        value.present ? std::chrono::seconds(value.number) : persistence_default, value.where};
}

// A netmask or a prefix length; of an IPv6 service a length. Setting it turns persistence on, as in
// keepalived. Of a group or a mark the family is known later: see finish_services.cc.
void set_granularity(const Context& context, const Value& value) {
    const ServerDraft& server = *context.server;
    const bool any_family = server.group || server.fwmark != 0;
    const bool is_v4 = any_family || server.endpoint.address.is_v4();
    const std::string_view hint =
        is_v4 ? "write a netmask such as 255.255.255.0, or a length from 1 to 32; single clients "
                "(32) are told apart"
              : "write a length from 1 to 128; single clients (128) are told apart";
    constexpr std::uint8_t length_max = 128;
    const Word& word = value.words.front();
    std::optional<std::int64_t> length;
    const auto mask = IpAddress::parse(word.text);
    const bool is_netmask = mask && mask->is_v4() && is_v4;
    if (is_netmask) {
        const std::uint32_t bits = mask->as_v4().host();
        const int ones = std::countl_one(bits);
        if (ones > 0 && std::popcount(bits) == ones)
            length = ones;
        else
            context.report.error(word.span, quote(word.text) + " is not a netmask",
                                 std::string(hint));
    } else {
        length = read_number(word, 1, any_family ? length_max : server.endpoint.address.bits(),
                             context.report, std::string(hint));
    }
    if (length)
        context.server->granularity = {{static_cast<std::uint8_t>(*length), is_netmask}, word.span};
}

void set_retry(const Context& context, const Value& value) {
    context.timing->retry = {static_cast<std::uint32_t>(value.number), value.where};
}

constexpr Blocks with_timing =
    Block::virtual_server | Block::real_server | Block::tcp_check | Block::http_get;
constexpr Blocks with_virtual_host =
    Block::virtual_server | Block::real_server | Block::http_get | Block::url;

constexpr Keyword service_rows[] = {
    {
        .blocks = Block::root,
        .name = "virtual_server",
        .argument = endpoint(other_targets, "IP PORT | fwmark MARK | group NAME")
                        .with_block(Block::virtual_server),
        .handler = read_virtual_server,
        .doc = "A service: connections to this address and port are shared among real servers; "
               "without a port, those to every port that has no service of its own. When the "
               "address is a virtual_ipaddress, it is served while that is here. With `fwmark`: "
               "what the firewall gives this mark, of any protocol and port, by the kernel's IPVS "
               "alone; having no address, it is always served, so only mark what comes to an "
               "address that is here. The ports of its real servers are those that are checked.",
        .repeats = true,
    },
    {
        .blocks = Block::virtual_server,
        .name = "ip_family",
        .argument = one_of(families),
        .default_text = "that of its address, or of its real servers",
        .handler =
            [](const Context& context, const Value& value) {
                context.server->family = {static_cast<Family>(value.number), value.where};
            },
        .doc = "Of a `virtual_server fwmark`: the packets of which family it is for. Without it, "
               "that of the real servers; IPv4 when all are behind tunnels and differ.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "lb_algo",
        .argument = one_of(schedulers),
        .default_text = "wlc",
        .handler = set_scheduler,
        .doc =
            "How new connections are shared. rr, wrr: in turn (w: by weight). lc, wlc: fewest "
            "connections. sed, nq: shortest expected delay (nq: an idle server first). sh, mh: by "
            "the client's address (mh: few clients move when a server comes or goes). dh: by the "
            "virtual server's address. fo: the heaviest; ovf: the heaviest that has not more "
            "connections than its weight. lblc, lblcr: one server, or a set of them, until it is "
            "overloaded. twos: the less loaded of two drawn by weight.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "lvs_sched",
        .argument = one_of(schedulers),
        .default_text = "wlc",
        .handler = set_scheduler,
        .doc = "The same as `lb_algo`.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "lb_kind",
        .argument = words(forwarding_form),
        .default_text = "NAT",
        .handler = set_method,
        .doc = "How packets reach the real servers. NAT: with the real server's address and port, "
               "by the "
               "kernel's IPVS alone; the answers have to come back through the director. DR: with "
               "the destination MAC address changed, "
               "so that the real server, which has the address on lo, answers the client directly. "
               "TUN: in a tunnel, to real servers of any family behind any number of routers, "
               "which take the packet out and answer directly, too: in IP (ipip, the default), "
               "with UDP (gue), or in GRE. csum: with a checksum over all of it, of gue and gre.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "lvs_method",
        .argument = words(forwarding_form),
        .default_text = "NAT",
        .handler = set_method,
        .doc = "The same as `lb_kind`.",
    },
    {
        .blocks = Block::real_server,
        .name = "lvs_method",
        .argument = words(forwarding_form),
        .default_text = "that of the virtual_server",
        .handler = set_own_method,
        .doc = "How packets reach this real server: see `lb_kind`.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "protocol",
        .argument = one_of_in_any_case(protocols),
        .default_text = "UDP",
        .handler =
            [](const Context& context, const Value& value) {
                context.server->protocol = {static_cast<Protocol>(value.number), value.where};
            },
        .doc = "The transport protocol. Leaving it out is an error.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "persistence_timeout",
        .argument = number(1, timer_seconds_max).or_nothing(),
        .handler = set_persistence,
        .doc = "A client stays on its real server until it has been away for so many seconds; 360 "
               "when no number is given. Without it every connection is scheduled anew.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "persistence_granularity",
        .argument = words("NETMASK | LENGTH"),
        .default_text = "32; IPv6: 128",
        .handler = set_granularity,
        .doc = "Clients that differ only outside this mask count as one. Turns persistence on.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "persistence_engine",
        .argument = one_of(persistence_engines),
        .handler =
            [](const Context& context, const Value& value) {
                context.server->persistence_engine = {std::string(value.words[0].text),
                                                      value.where};
            },
        .doc = "With persistence and `protocol UDP`: what is kept together is not a client but a "
               "call, by its SIP Call-ID. By the kernel's IPVS alone.",
    },
    {
        .blocks = with_virtual_host,
        .name = "virtualhost",
        .argument = text("NAME"),
        .default_text = "that of the surrounding block, or the address and port that are checked",
        .handler = [](const Context& context,
                      const Value& value) { *context.virtual_host = std::string(value.text); },
        .doc = "What HTTP checks send in their Host header.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "alpha",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.server->alpha = value.flag; },
        .doc = "Real servers start as down, until their checks have passed.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "weight",
        .argument = number(1, limits::weight_max),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.server->weight = static_cast<std::uint32_t>(value.number);
            },
        .doc = "Weight of the real servers that do not say it.",
    },
    {
        .blocks = Block::virtual_server,
        .name = "real_server",
        .argument = endpoint().with_block(Block::real_server),
        .handler = read_real_server,
        .doc = "One of the servers that do the work. It is in rotation while all its checks pass; "
               "without checks it always is.",
        .repeats = true,
        .required = true,
    },
    {
        .blocks = Block::real_server,
        .name = "weight",
        .argument = number(0, limits::weight_max),
        .default_text = "that of the virtual_server",
        .handler =
            [](const Context& context, const Value& value) {
                context.real_server->weight = static_cast<std::uint32_t>(value.number);
            },
        .doc = "Its share of new connections; 0: none.",
    },
    {
        .blocks = with_timing,
        .name = "delay_loop",
        .argument = seconds(0.001, timer_seconds_max),
        .default_text = "60",
        .handler =
            [](const Context& context, const Value& value) {
                context.timing->delay_loop = {value.duration, value.where};
            },
        .doc = "Seconds between two checks of a server. The innermost block that says it decides.",
    },
    {
        .blocks = with_timing,
        .name = "connect_timeout",
        .argument = seconds(0.001, timer_seconds_max),
        .default_text = "5",
        .handler =
            [](const Context& context, const Value& value) {
                context.timing->connect_timeout = {value.duration, value.where};
            },
        .doc = "Seconds that a check waits for the connection, and again for the answer.",
    },
    {
        .blocks = Block::virtual_server | Block::real_server,
        .name = "retry",
        .argument = number(1, UINT32_MAX),
        .default_text = "1",
        .handler = set_retry,
        .doc = "Failures in a row that are forgiven before a server is down.",
    },
    {
        .blocks = Block::tcp_check | Block::http_get,
        .name = "retry",
        .argument = number(0, UINT32_MAX),
        .default_text = "that of the real_server",
        .handler = set_retry,
        .doc = "Failures in a row that are forgiven before the server is down.",
    },
    {
        .blocks = Block::http_get,
        .name = "nb_get_retry",
        .argument = number(0, UINT32_MAX),
        .default_text = "that of the real_server",
        .handler = set_retry,
        .doc = "The old name of `retry`.",
    },
    {
        .blocks = with_timing,
        .name = "delay_before_retry",
        .argument = seconds(0, timer_seconds_max),
        .default_text = "1; 3 in HTTP_GET",
        .handler =
            [](const Context& context, const Value& value) {
                context.timing->delay_before_retry = {value.duration, value.where};
            },
        .doc = "Seconds from a failed check to the next try.",
    },
};

}  // namespace

std::span<const Keyword> service_keywords() {
    return service_rows;
}

}  // namespace headgate::config
