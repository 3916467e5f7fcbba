#include "controlplane/cli/render_ipvsadm.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>

#include "common/api.pb.h"
#include "common/endpoint_text.h"
#include "common/net.h"

namespace headgate::cli {

namespace {

using Columns = IpvsadmArguments::Columns;

// Of "address:port" in a list, unless it is of IPv6.
constexpr std::size_t endpoint_width = 28;

bool is_v6(std::string_view address) {
    return address.find(':') != std::string_view::npos;
}

// Services by mark, family, protocol, address and port; servers by address and port.
auto order_of(const api::IpvsService& service) {
    const auto address = IpAddress::parse(service.address()).value_or(IpAddress());
    return std::tuple(service.fwmark(), is_v6(service.address()), service.protocol(), address,
                      service.port());
}

auto order_of(const api::IpvsDestination& destination) {
    const auto address = IpAddress::parse(destination.address()).value_or(IpAddress());
    return std::tuple(is_v6(destination.address()), address, destination.port());
}

template <typename Items>
auto sorted_or_not(const Items& items, bool sorted) {
    std::vector<const typename Items::value_type*> all;
    for (const auto& item : items)
        all.push_back(&item);
    if (sorted)
        std::ranges::stable_sort(all, {}, [](const auto* item) { return order_of(*item); });
    return all;
}

std::string number_text(std::uint64_t number, bool exact) {
    struct Unit {
        std::uint64_t below;
        std::uint64_t divisor;
        char letter;
    };
    constexpr std::uint64_t million = 1'000'000;
    constexpr std::uint64_t billion = 1'000 * million;
    constexpr std::uint64_t trillion = 1'000 * billion;
    constexpr Unit units[] = {{billion, 1'000, 'K'},
                              {100 * billion, million, 'M'},
                              {100 * trillion, billion, 'G'},
                              {UINT64_MAX, trillion, 'T'}};
    if (exact || number < 100 * million)
        return fmt::format(" {:>8}", number);
    const auto* const unit =
        std::ranges::find_if(units, [&](const Unit& each) { return number < each.below; });
    return fmt::format("{:>8}{}", number / unit->divisor, unit->letter);
}

std::string_view protocol_name(std::uint32_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return "UDP";
        default:
            return "SCTP";
    }
}

// "sh-fallback,sh-port"; schedulers without names for them have flag-1 to flag-3.
std::string flag_words(const api::IpvsService& service) {
    const std::string& scheduler = service.scheduler();
    const bool has_names = scheduler == "sh" || scheduler == "mh";
    const bool flags[] = {service.scheduler_flag_1(), service.scheduler_flag_2(),
                          service.scheduler_flag_3()};
    constexpr std::string_view names[] = {"-fallback", "-port"};
    std::string words;
    for (std::size_t flag = 0; flag < std::size(flags); ++flag) {
        if (!flags[flag])
            continue;
        words += words.empty() ? "" : ",";
        words += has_names && flag < std::size(names) ? fmt::format("{}{}", scheduler, names[flag])
                                                      : fmt::format("flag-{}", flag + 1);
    }
    return words;
}

// "255.255.255.0", "64"; empty: every client by itself.
std::string mask_words(const api::IpvsService& service) {
    const std::uint32_t length = service.persistence_prefix_length();
    const bool v6 = is_v6(service.address());
    if (length == (v6 ? 128U : 32U))
        return {};
    if (v6)
        return fmt::format("{}", length);
    constexpr std::uint64_t all = 0xffffffff;
    const auto mask = static_cast<std::uint32_t>(length == 0 ? 0 : all << (32U - length));
    return fmt::format("{}.{}.{}.{}", mask >> 24U, mask >> 16U & 0xffU, mask >> 8U & 0xffU,
                       mask & 0xffU);
}

std::string_view forward_word(const api::IpvsDestination& destination) {
    switch (destination.method()) {
        case api::NAT:
            return "Masq";
        case api::TUN:
            return "Tunnel";
        default:
            return "Route";
    }
}

std::string_view tunnel_word(api::TunnelType type) {
    switch (type) {
        case api::GUE:
            return "gue";
        case api::GRE:
            return "gre";
        default:
            return "ipip";
    }
}

// "gue:5555:-c", "gre:+c"
std::string tunnel_info(const api::IpvsDestination& destination) {
    if (destination.method() != api::TUN)
        return "n/a";
    const api::Tunnel& tunnel = destination.tunnel();
    std::string text(tunnel_word(tunnel.type()));
    if (tunnel.type() == api::IPIP)
        return text;
    if (tunnel.type() == api::GUE)
        text += fmt::format(":{}", tunnel.port());
    if (tunnel.remote_checksum())
        return text + ":rc";
    return text + (tunnel.checksum() ? ":+c" : ":-c");
}

// " --tun-type gue --tun-port 5555 --tun-nocsum"
std::string tunnel_options(const api::Tunnel& tunnel) {
    std::string text = fmt::format(" --tun-type {}", tunnel_word(tunnel.type()));
    if (tunnel.type() == api::IPIP)
        return text;
    if (tunnel.type() == api::GUE)
        text += fmt::format(" --tun-port {}", tunnel.port());
    if (tunnel.remote_checksum())
        return text + " --tun-remcsum";
    return text + (tunnel.checksum() ? " --tun-csum" : " --tun-nocsum");
}

class Renderer {
public:
    Renderer(const IpvsadmArguments& arguments, const IpvsadmNames& names)
        : arguments_(arguments), names_(names) {}

    [[nodiscard]] std::string title() const {
        constexpr const char* servers = "  -> RemoteAddress:Port\n";
        constexpr const char* services = "Prot LocalAddress:Port";
        switch (arguments_.columns) {
            case Columns::stats:
                return fmt::format("{:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{}", services, "Conns",
                                   "InPkts", "OutPkts", "InBytes", "OutBytes", servers);
            case Columns::rate:
                return fmt::format("{:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{}", services, "CPS",
                                   "InPPS", "OutPPS", "InBPS", "OutBPS", servers);
            case Columns::thresholds:
                return fmt::format("{:<33} {:<10} {:<10} {:<10} {:<10}\n{}", services, "Uthreshold",
                                   "Lthreshold", "ActiveConn", "InActConn", servers);
            case Columns::persistent_connections:
                return fmt::format("{:<33} {:<9} {:<11} {:<10} {:<10}\n{}", services, "Weight",
                                   "PersistConn", "ActiveConn", "InActConn", servers);
            case Columns::plain:
                break;
        }
        return fmt::format(
            "{} Scheduler Flags\n  -> RemoteAddress:Port           Forward {}Weight "
            "ActiveConn InActConn\n",
            services, arguments_.tunnels ? "TunnelInfo    " : "");
    }

    [[nodiscard]] std::string listed(const api::IpvsService& service) const {
        const std::string name =
            service.fwmark() != 0
                ? fmt::format("FWM  {}{}", service.fwmark(),
                              is_v6(service.address()) ? " IPv6" : "")
                : fmt::format("{:<4} {}", protocol_name(service.protocol()),
                              endpoint(service.address(), service.port(), service.protocol()));
        if (arguments_.columns == Columns::stats)
            return fmt::format("{:<33}{}\n", name, counter_columns(service.counters()));
        if (arguments_.columns == Columns::rate)
            return fmt::format("{:<33}{}\n", name, counter_columns(service.rates()));
        std::string text = fmt::format("{} {}", name, service.scheduler());
        if (const std::string flags = flag_words(service); !flags.empty())
            text += fmt::format(" ({})", flags);
        if (service.persistent()) {
            text += fmt::format(" persistent {}", service.persistence_timeout_s());
            if (const std::string mask = mask_words(service); !mask.empty())
                text += " mask " + mask;
            if (!service.persistence_engine().empty())
                text += " pe " + service.persistence_engine();
        }
        if (service.one_packet())
            text += " ops";
        return text + '\n';
    }

    [[nodiscard]] std::string listed(const api::IpvsService& service,
                                     const api::IpvsDestination& server) const {
        std::string name = endpoint(server.address(), server.port(), service.protocol());
        if (!is_v6(server.address()))
            name.resize(std::min(name.size(), endpoint_width));
        std::string text = fmt::format("  -> {:<28}", name);
        switch (arguments_.columns) {
            case Columns::stats:
                return text + counter_columns(server.counters()) + '\n';
            case Columns::rate:
                return text + counter_columns(server.rates()) + '\n';
            case Columns::thresholds:
                return text + fmt::format(" {:<10} {:<10} {:<10} {:<10}\n",
                                          server.upper_threshold(), server.lower_threshold(),
                                          server.active_connections(),
                                          server.inactive_connections());
            case Columns::persistent_connections:
                return text + fmt::format(" {:<9} {:<11} {:<10} {:<10}\n", server.weight(),
                                          server.persistent_connections(),
                                          server.active_connections(),
                                          server.inactive_connections());
            case Columns::plain:
                break;
        }
        text += fmt::format(" {:<7}", forward_word(server));
        if (arguments_.tunnels)
            text += fmt::format(" {:<13}", tunnel_info(server));
        return text + fmt::format(" {:<6} {:<10} {:<10}\n", server.weight(),
                                  server.active_connections(), server.inactive_connections());
    }

    [[nodiscard]] std::string saved(const api::IpvsService& service) const {
        std::string text = fmt::format("-A {} -s {}", option_of(service), service.scheduler());
        if (service.persistent()) {
            text += fmt::format(" -p {}", service.persistence_timeout_s());
            if (const std::string mask = mask_words(service); !mask.empty())
                text += " -M " + mask;
            if (!service.persistence_engine().empty())
                text += " --pe " + service.persistence_engine();
        }
        if (service.one_packet())
            text += " -o";
        if (const std::string flags = flag_words(service); !flags.empty())
            text += " -b " + flags;
        return text + '\n';
    }

    [[nodiscard]] std::string saved(const api::IpvsService& service,
                                    const api::IpvsDestination& server) const {
        const bool is_tunnel = server.method() == api::TUN;
        const char* const how = is_tunnel ? "-i" : server.method() == api::NAT ? "-m" : "-g";
        return fmt::format("-a {} -r {} {} -w {}{}\n", option_of(service),
                           endpoint(server.address(), server.port(), service.protocol()), how,
                           server.weight(), is_tunnel ? tunnel_options(server.tunnel()) : "");
    }

    [[nodiscard]] std::string endpoint(const std::string& address, std::uint32_t port,
                                       std::uint32_t protocol) const {
        if (arguments_.numeric)
            return endpoint_text(address, port);
        const std::string host = names_.host(address);
        const std::string name = port == 0 ? "" : names_.port(protocol, port);
        const bool in_brackets = is_v6(address);
        return fmt::format("{}{}{}:{}", in_brackets ? "[" : "", host.empty() ? address : host,
                           in_brackets ? "]" : "", name.empty() ? fmt::format("{}", port) : name);
    }

private:
    [[nodiscard]] std::string counter_columns(const api::IpvsCounters& counters) const {
        std::string text;
        for (const std::uint64_t number :
             {counters.connections(), counters.packets_in(), counters.packets_out(),
              counters.bytes_in(), counters.bytes_out()})
            text += number_text(number, arguments_.exact);
        return text;
    }

    // "-t 192.0.2.10:80", "-f 7 -6"
    [[nodiscard]] std::string option_of(const api::IpvsService& service) const {
        if (service.fwmark() != 0)
            return fmt::format("-f {}{}", service.fwmark(), is_v6(service.address()) ? " -6" : "");
        const std::string where = endpoint(service.address(), service.port(), service.protocol());
        switch (service.protocol()) {
            case IPPROTO_TCP:
                return "-t " + where;
            case IPPROTO_UDP:
                return "-u " + where;
            default:
                return "--sctp-service " + where;
        }
    }

    const IpvsadmArguments& arguments_;
    const IpvsadmNames& names_;
};

// The kernel's words for the states of Flow.
std::string_view state_word(const std::string& state) {
    if (state == "SYN")
        return "SYN_RECV";
    if (state == "FIN")
        return "FIN_WAIT";
    return state;
}

}  // namespace

std::string render_ipvsadm(const api::IpvsListing& listing, const IpvsadmArguments& arguments,
                           const IpvsadmNames& names) {
    const Renderer renderer(arguments, names);
    const bool saves = arguments.what == IpvsadmArguments::What::save;
    std::string text;
    if (!saves && !arguments.service)
        text = fmt::format("IP Virtual Server version {} (size={})\n", listing.version(),
                           listing.connection_buckets());
    if (!saves)
        text += renderer.title();
    for (const api::IpvsService* service : sorted_or_not(listing.services(), arguments.sorted)) {
        text += saves ? renderer.saved(*service) : renderer.listed(*service);
        for (const api::IpvsDestination* server :
             sorted_or_not(service->destinations(), arguments.sorted))
            text += saves ? renderer.saved(*service, *server) : renderer.listed(*service, *server);
    }
    return text;
}

std::string render_ipvsadm_timeouts(const api::IpvsListing& listing) {
    const api::ConnectionTimeouts& timeouts = listing.timeouts();
    return fmt::format("Timeout (tcp tcpfin udp): {} {} {}\n", timeouts.tcp_s(),
                       timeouts.tcp_fin_s(), timeouts.udp_s());
}

std::string render_ipvsadm_connections(const api::Flows& flows, const IpvsadmArguments& arguments,
                                       const IpvsadmNames& names) {
    const Renderer renderer(arguments, names);
    constexpr std::uint32_t minute = 60;
    std::string text = "IPVS connection entries\n";
    text += fmt::format("pro expire {:<11} {:<18} {:<18} {}\n", "state", "source", "virtual",
                        "destination");
    for (const api::Flow& flow : flows.flows()) {
        const auto protocol = static_cast<std::uint32_t>(flow.protocol());
        text += fmt::format(
            "{:<3} {:<6} {:<11} {:<18} {:<18} {}\n", protocol_name(protocol),
            fmt::format("{:02}:{:02}", flow.expires_s() / minute, flow.expires_s() % minute),
            state_word(flow.state()),
            renderer.endpoint(flow.client(), flow.client_port(), protocol),
            renderer.endpoint(flow.service_address(), flow.service_port(), protocol),
            renderer.endpoint(flow.destination(), flow.destination_port(), protocol));
    }
    return text;
}

bool select_service(const IpvsadmService& service, api::IpvsListing& listing) {
    api::IpvsListing selected = listing;
    selected.clear_services();
    for (const api::IpvsService& each : listing.services()) {
        const bool is_it =
            service.fwmark != 0
                ? each.fwmark() == service.fwmark && is_v6(each.address()) == service.is_ipv6
                : each.fwmark() == 0 && each.protocol() == service.protocol &&
                      each.address() == service.address && each.port() == service.port;
        if (is_it)
            *selected.add_services() = each;
    }
    listing = selected;
    return !listing.services().empty();
}

namespace {

void add_growth(const api::IpvsCounters& before, const api::IpvsCounters& now, double seconds,
                api::IpvsCounters& rates) {
    const auto sum = [seconds](std::uint64_t rate, std::uint64_t from, std::uint64_t to) {
        const std::uint64_t growth = to > from ? to - from : 0;
        return rate + static_cast<std::uint64_t>(static_cast<double>(growth) / seconds);
    };
    rates.set_connections(sum(rates.connections(), before.connections(), now.connections()));
    rates.set_packets_in(sum(rates.packets_in(), before.packets_in(), now.packets_in()));
    rates.set_packets_out(sum(rates.packets_out(), before.packets_out(), now.packets_out()));
    rates.set_bytes_in(sum(rates.bytes_in(), before.bytes_in(), now.bytes_in()));
    rates.set_bytes_out(sum(rates.bytes_out(), before.bytes_out(), now.bytes_out()));
}

// What was not there before has grown by nothing yet.
template <typename Item>
const Item& same_in(const google::protobuf::RepeatedPtrField<Item>& before, const Item& item) {
    const auto found = std::ranges::find_if(
        before, [&item](const Item& each) { return order_of(each) == order_of(item); });
    return found == before.end() ? item : *found;
}

}  // namespace

bool has_all_rates(const api::IpvsListing& listing) {
    return std::ranges::none_of(listing.services(), &api::IpvsService::has_unrated);
}

void complete_rates(const api::IpvsListing& before, double seconds, api::IpvsListing& now) {
    for (api::IpvsService& service : *now.mutable_services()) {
        const api::IpvsService& earlier = same_in(before.services(), service);
        add_growth(earlier.unrated(), service.unrated(), seconds, *service.mutable_rates());
        for (api::IpvsDestination& server : *service.mutable_destinations())
            add_growth(same_in(earlier.destinations(), server).unrated(), server.unrated(), seconds,
                       *server.mutable_rates());
    }
}

}  // namespace headgate::cli
