// See finish.h: virtual servers, real servers and their checks.
#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"
#include "controlplane/config/model_names.h"
#include "controlplane/config/server_group.h"

namespace headgate::config {
namespace {

using std::chrono::seconds;

constexpr seconds delay_loop_default{60};
constexpr seconds connect_timeout_default{5};
constexpr std::uint32_t retry_default = 1;
constexpr seconds delay_before_retry_default{1};
constexpr seconds delay_before_retry_http_default{3};
constexpr seconds persistence_default{360};

// Of the packets that a mark selects: what is said, else that of the real servers. A tunnel may
// lead into the other family, so servers without one decide before those with one.
Family family_of_mark(const ServerDraft& draft) {
    if (draft.family)
        return draft.family->value;
    std::optional<Family> tunnelled;
    bool differ = false;
    for (const RealServerDraft& real : draft.real_servers) {
        const Family family = real.endpoint.address.family();
        const Forwarding own = value_or(real.forwarding, value_or(draft.forwarding, Forwarding{}));
        if (own.method != ForwardingMethod::tun)
            return family;
        differ = differ || tunnelled.value_or(family) != family;
        tunnelled = family;
    }
    return differ ? Family::ipv4 : tunnelled.value_or(Family::ipv4);
}

IpAddress unspecified(Family family) {
    return family == Family::ipv4 ? IpAddress{} : IpAddress::v6({});
}

// The setting of the innermost block that has one.
template <typename T>
T inherited(Setting<T> TimingDraft::*keyword, const CheckDraft& check, const RealServerDraft& real,
            const ServerDraft& server, const T& fallback) {
    for (const TimingDraft* timing : {&check.timing, &real.timing, &server.timing}) {
        if (timing->*keyword)
            return (timing->*keyword)->value;
    }
    return fallback;
}

std::string virtual_host(const UrlDraft& url, const CheckDraft& check, const RealServerDraft& real,
                         const ServerDraft& server) {
    for (const auto* name :
         {&url.virtual_host, &check.virtual_host, &real.virtual_host, &server.virtual_host}) {
        if (*name)
            return **name;
    }
    return {};
}

Check finish_check(const CheckDraft& draft, const Endpoint& server_endpoint,
                   const RealServerDraft& real, const ServerDraft& server) {
    const bool is_http = draft.kind == CheckKind::http;
    Check check;
    check.timing.delay_loop =
        inherited<Duration>(&TimingDraft::delay_loop, draft, real, server, delay_loop_default);
    check.timing.connect_timeout = inherited<Duration>(&TimingDraft::connect_timeout, draft, real,
                                                       server, connect_timeout_default);
    check.timing.retry =
        inherited<std::uint32_t>(&TimingDraft::retry, draft, real, server, retry_default);
    check.timing.delay_before_retry =
        inherited<Duration>(&TimingDraft::delay_before_retry, draft, real, server,
                            is_http ? delay_before_retry_http_default : delay_before_retry_default);
    const Endpoint target{draft.connect_address.value_or(server_endpoint.address),
                          draft.connect_port.value_or(server_endpoint.port)};
    if (!is_http) {
        check.kind = TcpCheck{target};
        return check;
    }
    HttpCheck http{target, {}};
    for (const UrlDraft& url : draft.urls) {
        HttpUrl finished;
        finished.path = url.path.value_or(finished.path);
        if (!url.statuses.empty())
            finished.statuses = url.statuses;
        finished.virtual_host = virtual_host(url, draft, real, server);
        http.urls.push_back(std::move(finished));
    }
    check.kind = std::move(http);
    return check;
}

class ServerFinisher {
public:
    ServerFinisher(ServerDraft draft, Report& report) : draft_(std::move(draft)), report_(report) {}

    // Absent: the virtual server is left out.
    std::optional<VirtualServer> run() {
        server_.endpoint = draft_.endpoint;
        server_.fwmark = draft_.fwmark;
        if (is_marked())
            server_.endpoint = {unspecified(family_of_mark(draft_)), 0};
        check_said_family();
        server_.location = draft_.where.location();
        server_.alpha = draft_.alpha;
        set_protocol();
        set_forwarding();
        set_scheduler_flags();
        set_one_packet();
        set_persistence();
        server_.drain_timeout = draft_.drain_timeout;
        server_.expire_quiescent = draft_.expire_quiescent;
        for (const RealServerDraft& real : draft_.real_servers)
            add_real_server(real);
        if (server_.real_servers.empty())
            return std::nullopt;  // reported with its real servers, or with their absence
        return std::move(server_);
    }

private:
    // Whether nothing was said about a keyword, so that its absence is to be reported.
    [[nodiscard]] bool is_unsaid(std::string_view keyword) const {
        return !draft_.mentions.contains(keyword);
    }

    [[nodiscard]] bool is_marked() const { return draft_.fwmark != 0; }

    void check_said_family() {
        if (!draft_.family || draft_.family->value == server_.endpoint.address.family())
            return;
        report_.error(draft_.family->where, "`ip_family` is not that of the address",
                      "remove it; the address decides, and it is ignored now");
    }

    // A mark is for packets of every protocol.
    void set_protocol() {
        if (is_marked()) {
            server_.protocol = Protocol::udp;
            return;
        }
        server_.protocol = value_or(draft_.protocol, Protocol::udp);
        if (is_unsaid("protocol"))
            report_.error(draft_.where, "this virtual_server has no `protocol`; UDP is assumed",
                          "write `protocol TCP` or `protocol UDP`");
    }

    void set_forwarding() {
        server_.scheduler = value_or(draft_.scheduler, server_.scheduler);
        server_.method = value_or(draft_.forwarding, Forwarding{}).method;
        const bool no_scheduler = is_unsaid("lb_algo") && is_unsaid("lvs_sched");
        const bool no_method = is_unsaid("lb_kind") && is_unsaid("lvs_method");
        if (no_scheduler)
            report_.warning(draft_.where,
                            "this virtual_server has no `lb_algo`; the default (wlc) is used",
                            "write `lb_algo wlc`, or another one");
        if (no_method)
            report_.warning(draft_.where,
                            "this virtual_server has no `lb_kind`; the default (NAT) is used",
                            "write `lb_kind NAT`, or another one");
    }

    // keepalived wants `lb_algo` before them; here the order does not matter.
    void set_scheduler_flags() {
        for (const auto& [flag, where] : draft_.scheduler_flags) {
            if (flag.scheduler.value_or(server_.scheduler) == server_.scheduler)
                server_.*flag.flag = true;
            else
                report_.error(
                    where,
                    fmt::format("`{}` is for another `lb_algo` than this virtual_server "
                                "has",
                                flag.keyword),
                    "remove it, or write `lb_algo sh` or `lb_algo mh`; it is ignored now");
        }
    }

    void set_one_packet() {
        if (!draft_.one_packet)
            return;
        server_.one_packet = server_.protocol == Protocol::udp;  // or marked
        if (!server_.one_packet)
            report_.error(draft_.one_packet->where, "`ops` is for `protocol UDP` only",
                          "remove it; it is ignored now");
    }

    void set_thresholds(const RealServerDraft& draft, RealServer& real) {
        real.upper_threshold = draft.upper_threshold;
        real.lower_threshold = value_or(draft.lower_threshold, real.lower_threshold);
        if (real.lower_threshold <= real.upper_threshold)
            return;
        report_.error(draft.lower_threshold->where, "`lthreshold` is larger than `uthreshold`",
                      "write a number that is not; three quarters of `uthreshold` is used now");
        real.lower_threshold = 0;
    }

    void set_persistence() {
        const bool has_granularity = draft_.granularity.has_value();
        const std::uint8_t bits = server_.endpoint.address.bits();
        server_.persistence_timeout = value_or(draft_.persistence_timeout,
                                               has_granularity ? persistence_default : seconds(0));
        set_persistence_engine();
        server_.persistence_prefix_length = bits;
        if (!has_granularity)
            return;
        const GranularityDraft& granularity = draft_.granularity->value;
        if (granularity.prefix_length <= bits &&
            !(granularity.is_netmask && !server_.endpoint.address.is_v4()))
            server_.persistence_prefix_length = granularity.prefix_length;
        else
            report_.error(draft_.granularity->where,
                          "this granularity is not one of the family of the virtual_server",
                          fmt::format("write a length from 1 to {}; single clients ({}) are told "
                                      "apart now",
                                      bits, bits));
    }

    void set_persistence_engine() {
        if (!draft_.persistence_engine)
            return;
        // Without a port there is persistence in any case: see `every port` in ipvs/table.cc.
        const bool any_port = !is_marked() && server_.endpoint.port == 0;
        if (server_.persistence_timeout.count() > 0 || any_port)
            server_.persistence_engine = draft_.persistence_engine->value;
        else
            report_.warning(draft_.persistence_engine->where,
                            "`persistence_engine` without persistence does nothing",
                            "write `persistence_timeout SECONDS`, too");
    }

    void add_real_server(const RealServerDraft& draft) {
        RealServer real;
        real.endpoint = draft.endpoint;
        real.location = draft.where.location();
        real.forwarding = value_or(draft.forwarding, value_or(draft_.forwarding, Forwarding{}));
        real.weight = draft.weight.value_or(draft_.weight.value_or(real.weight));
        real.inhibit_on_failure = draft.inhibit_on_failure.value_or(draft_.inhibit_on_failure);
        set_thresholds(draft, real);
        if (!check_family(draft, real) || !set_port(draft, real))
            return;
        const auto same =
            std::ranges::find(server_.real_servers, real.endpoint, &RealServer::endpoint);
        if (same != server_.real_servers.end()) {
            report_.error(draft.endpoint_where,
                          fmt::format("real_server {} is in this virtual_server already",
                                      real.endpoint.to_string()),
                          fmt::format("it is on {} too; remove this one, it is left out now",
                                      line_of(same->location, draft.endpoint_where)));
            return;
        }
        // Behind a mark a server may have its port for its checks alone.
        const Endpoint& checked = is_marked() ? draft.endpoint : real.endpoint;
        for (const CheckDraft& check : draft.checks)
            add_check(check, draft, checked, real);
        server_.real_servers.push_back(std::move(real));
    }

    // Only a tunnel carries packets of one family in those of the other.
    bool check_family(const RealServerDraft& draft, const RealServer& real) {
        const bool is_v4 = real.endpoint.address.is_v4();
        if (is_v4 == server_.endpoint.address.is_v4() ||
            real.forwarding.method == ForwardingMethod::tun)
            return true;
        report_.error(draft.endpoint_where,
                      fmt::format("an {} real server cannot serve an {} virtual server",
                                  is_v4 ? "IPv4" : "IPv6", is_v4 ? "IPv6" : "IPv4"),
                      fmt::format("write its {} address, or `lvs_method TUN`; this real_server is "
                                  "left out",
                                  is_v4 ? "IPv6" : "IPv4"));
        return false;
    }

    void add_check(const CheckDraft& check, const RealServerDraft& draft, const Endpoint& checked,
                   RealServer& real) {
        if (checked.port == 0 && check.connect_port.value_or(0) == 0) {
            report_.error(check.where, "this check has no port, for its real_server has none",
                          "write `connect_port PORT`; it is left out");
            return;
        }
        real.checks.push_back(finish_check(check, checked, draft, draft_));
    }

    // Only NAT changes the port of a packet: otherwise the real server sees that of the virtual
    // server. False: the real server has no port.
    bool set_port(const RealServerDraft& draft, RealServer& real) {
        Endpoint& endpoint = real.endpoint;
        const std::uint16_t port = server_.endpoint.port;
        // keepalived's way: what a mark selects keeps its port, unless NAT changes it.
        if (is_marked() && real.forwarding.method != ForwardingMethod::nat)
            endpoint.port = 0;
        if (is_marked() || endpoint.port == port)
            return true;
        if (real.forwarding.method == ForwardingMethod::nat) {
            if (endpoint.port == 0)
                report_.error(draft.endpoint_where, "this real_server has no port",
                              fmt::format("write `real_server {} {}`; it is left out",
                                          endpoint.address.to_string(), port));
            return endpoint.port != 0;
        }
        const std::string_view problem =
            endpoint.port == 0 ? "this real_server has no port"
                               : "without NAT, the port of a real_server is that of the "
                                 "virtual_server";
        const std::string right = port == 0 ? "" : fmt::format(" {}", port);
        report_.error(draft.endpoint_where, std::string(problem),
                      fmt::format("write `real_server {}{}`; that is used now",
                                  endpoint.address.to_string(), right));
        endpoint.port = port;
        return true;
    }

    ServerDraft draft_;
    Report& report_;
    VirtualServer server_;
};

// All virtual servers of a draft, each with the place of its address.
std::vector<Located<VirtualServer>> expand(ServerDraft draft,
                                           const std::vector<ServerGroupDraft>& groups,
                                           Report& report) {
    std::vector<Located<VirtualServer>> servers;
    const Span where = draft.endpoint_where;
    if (!draft.group) {
        if (auto server = ServerFinisher(std::move(draft), report).run())
            servers.push_back({std::move(*server), where});
        return servers;
    }
    const auto group = std::ranges::find(groups, draft.group->value, &ServerGroupDraft::name);
    if (group == groups.end()) {
        report.error(where,
                     fmt::format("there is no virtual_server_group {}", quote(draft.group->value)),
                     "name one of this configuration; this virtual_server is left out");
        return servers;
    }
    Report said;  // what is wrong with the block is said once, for the first address
    for (const GroupMember& member : members_of(*group, report)) {
        ServerDraft one = draft;
        one.endpoint = member.endpoint;
        one.fwmark = member.fwmark;
        if (member.family)
            one.family = {*member.family, where};
        auto server = ServerFinisher(std::move(one), servers.empty() ? report : said).run();
        if (!server)
            break;
        server->group = group->name;
        servers.push_back({std::move(*server), where});
    }
    return servers;
}

}  // namespace

std::vector<VirtualServer> finish_servers(std::vector<ServerDraft> drafts,
                                          const std::vector<ServerGroupDraft>& groups,
                                          Report& report) {
    std::vector<VirtualServer> servers;
    std::map<ServiceKey, Span> places;
    for (ServerDraft& draft : drafts) {
        for (auto& [server, where] : expand(std::move(draft), groups, report)) {
            const auto [first, is_new] = places.emplace(server.key(), where);
            if (!is_new) {
                report.error(
                    where,
                    fmt::format("virtual_server {} is there already",
                                server.fwmark != 0 ? name_of(server) : server.endpoint.to_string()),
                    fmt::format("it is on {} too; put all real servers into one, this "
                                "one is left out now",
                                line_of(first->second.location(), where)));
                continue;
            }
            servers.push_back(std::move(server));
        }
    }
    return servers;
}

}  // namespace headgate::config
