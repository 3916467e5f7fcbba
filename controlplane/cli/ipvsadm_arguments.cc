#include "controlplane/cli/ipvsadm_arguments.h"

#include <array>
#include <charconv>

#include <netinet/in.h>
#include <boost/program_options.hpp>

#include "common/net.h"

namespace headgate::cli {

namespace po = boost::program_options;

namespace {

po::options_description ipvsadm_options() {
    po::options_description options;
    auto add = options.add_options();
    add("list,L", "");
    add("the-same,l", "");
    add("save,S", "");
    add("numeric,n", "");
    add("connection,c", "");
    add("ipv6,6", "");
    for (const char* name : {"stats", "rate", "exact", "thresholds", "persistent-conn", "tun-info",
                             "timeout", "sort", "nosort"})
        add(name, "");
    add("tcp-service,t", po::value<std::string>());
    add("udp-service,u", po::value<std::string>());
    add("sctp-service", po::value<std::string>());
    add("fwmark-service,f", po::value<std::string>());
    return options;
}

std::optional<std::uint32_t> number_in(std::string_view text) {
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

// "192.0.2.10:80", "[2001:db8::10]:80", "192.0.2.10"
Result<IpvsadmService> read_address(const std::string& text, std::uint32_t protocol) {
    const auto wrong = [&text] {
        return fail("{} is no service: write 192.0.2.10:80 or [2001:db8::10]:80", text);
    };
    IpvsadmService service{.protocol = protocol};
    std::string_view address = text;
    const std::size_t colon = text.rfind(':');
    const bool has_port = colon != std::string::npos && (text[0] != '[' || text[colon - 1] == ']');
    if (has_port) {
        const auto port = number_in(address.substr(colon + 1));
        if (!port || *port > UINT16_MAX)
            return wrong();
        service.port = *port;
        address = address.substr(0, colon);
    }
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    const auto parsed = IpAddress::parse(address);
    if (!parsed)
        return wrong();
    service.address = parsed->to_string();
    return service;
}

Result<std::optional<IpvsadmService>> read_service(const po::variables_map& values) {
    struct Kind {
        const char* option;
        std::uint32_t protocol;
    };
    constexpr std::array kinds{Kind{"tcp-service", IPPROTO_TCP}, Kind{"udp-service", IPPROTO_UDP},
                               Kind{"sctp-service", IPPROTO_SCTP}, Kind{"fwmark-service", 0}};
    std::optional<IpvsadmService> found;
    for (const Kind& kind : kinds) {
        if (!values.contains(kind.option))
            continue;
        if (found)
            return fail("one service at most, please");
        const auto& text = values[kind.option].as<std::string>();
        if (kind.protocol != 0) {
            const auto service = read_address(text, kind.protocol);
            if (!service)
                return tl::unexpected(service.error());
            found = *service;
            continue;
        }
        const auto mark = number_in(text);
        if (!mark || *mark == 0)
            return fail("{} is no firewall mark: write a number from 1 on", text);
        found = IpvsadmService{.fwmark = *mark, .is_ipv6 = values.contains("ipv6")};
    }
    return found;
}

// The first of them that is asked for, as with ipvsadm.
IpvsadmArguments::Columns columns_in(const po::variables_map& values) {
    using Columns = IpvsadmArguments::Columns;
    if (values.contains("stats"))
        return Columns::stats;
    if (values.contains("rate"))
        return Columns::rate;
    if (values.contains("thresholds"))
        return Columns::thresholds;
    if (values.contains("persistent-conn"))
        return Columns::persistent_connections;
    return Columns::plain;
}

// What goes with the list alone.
Result<void> check_combination(const po::variables_map& values, IpvsadmArguments::What what) {
    using What = IpvsadmArguments::What;
    if (values.contains("save") && (values.contains("list") || values.contains("the-same")))
        return fail("-L or -S, not both");
    if (what == What::list)
        return {};
    for (const char* option : {"tcp-service", "udp-service", "sctp-service", "fwmark-service",
                               "stats", "rate", "thresholds", "tun-info"}) {
        if (values.contains(option))
            return fail("--{} goes with a list of services only", option);
    }
    if (what == What::save && (values.contains("connection") || values.contains("timeout")))
        return fail("-c and --timeout go with -L only");
    return {};
}

}  // namespace

Result<IpvsadmArguments> parse_ipvsadm_arguments(const std::vector<std::string>& words) {
    po::variables_map values;
    try {
        po::store(
            po::command_line_parser(words)
                .options(ipvsadm_options())
                .positional({})
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .run(),
            values);
    } catch (const po::unknown_option& error) {
        return fail(
            "ipvsadm {} is not for here: this lists (-L, -S); services are those of the "
            "configuration, which `headgate reload` reads again",
            error.get_option_name());
    } catch (const po::error& error) {
        return fail("{}", error.what());
    }
    IpvsadmArguments arguments;
    if (values.contains("save"))
        arguments.what = IpvsadmArguments::What::save;
    else if (values.contains("connection"))
        arguments.what = IpvsadmArguments::What::connections;
    else if (values.contains("timeout"))
        arguments.what = IpvsadmArguments::What::timeouts;
    if (auto fits = check_combination(values, arguments.what); !fits)
        return tl::unexpected(fits.error());
    auto service = read_service(values);
    if (!service)
        return tl::unexpected(service.error());
    arguments.service = std::move(*service);
    arguments.columns = columns_in(values);
    arguments.numeric = values.contains("numeric");
    arguments.exact = values.contains("exact");
    arguments.sorted = !values.contains("nosort");
    arguments.tunnels = values.contains("tun-info");
    return arguments;
}

}  // namespace headgate::cli
