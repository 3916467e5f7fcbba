// getopt_long, not Boost.Program_options: that one reports errors by exceptions, which this process
// is built without.
#include "dataplane/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <getopt.h>

namespace headgate::dataplane {

namespace {

constexpr std::uint32_t connections_min = 1024;
constexpr std::uint32_t connections_limit = 1U << 28U;

Result<XdpMode> parse_mode(std::string_view text) {
    if (text == "auto")
        return XdpMode::automatic;
    if (text == "native")
        return XdpMode::native;
    if (text == "generic")
        return XdpMode::generic;
    return fail("--xdp-mode {}: write auto, native or generic", text);
}

// A number of `least` to `most`, the value of that option.
Result<std::uint32_t> parse_number(std::string_view option, std::string_view text,
                                   std::uint32_t least, std::uint32_t most) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
        return fail("--{} {}: write a number from {} to {}", option, text, least, most);
    return value;
}

enum Option : int {
    option_interface = 'i',
    option_socket = 's',
    option_table = 't',
    option_help = 'h',
    option_version = 'v',
    option_xdp_mode = 256,
    option_connections,
    option_flow_cache,
    option_pins,
    option_syslog,
    option_verbose,
};

constexpr std::array<option, 12> long_options{{
    {"interface", required_argument, nullptr, option_interface},
    {"socket", required_argument, nullptr, option_socket},
    {"table", required_argument, nullptr, option_table},
    {"xdp-mode", required_argument, nullptr, option_xdp_mode},
    {"connections", required_argument, nullptr, option_connections},
    {"flow-cache", required_argument, nullptr, option_flow_cache},
    {"pins", required_argument, nullptr, option_pins},
    {"syslog", no_argument, nullptr, option_syslog},
    {"verbose", no_argument, nullptr, option_verbose},
    {"help", no_argument, nullptr, option_help},
    {"version", no_argument, nullptr, option_version},
    {nullptr, 0, nullptr, 0},
}};

Result<void> take_option(int given, Options& options) {
    switch (given) {
        case option_interface:
            if (std::ranges::find(options.interfaces, optarg) != options.interfaces.end())
                return fail("--interface {} is given twice", optarg);
            options.interfaces.emplace_back(optarg);
            return {};
        case option_socket:
            options.socket = optarg;
            return {};
        case option_table:
            options.table = optarg;
            return {};
        case option_xdp_mode:
            return parse_mode(optarg).map([&](XdpMode mode) { options.xdp_mode = mode; });
        case option_connections:
            return parse_number("connections", optarg, connections_min, connections_limit)
                .map([&](std::uint32_t count) { options.connections_max = count; });
        case option_flow_cache:
            return parse_number("flow-cache", optarg, 0, flow_cache_defaults::flows_max)
                .map([&](std::uint32_t flows) { options.cached_flows = flows; });
        case option_pins:
            options.pins = optarg;
            return {};
        case option_syslog:
            options.syslog = true;
            return {};
        case option_verbose:
            options.verbose = true;
            return {};
        case option_help:
            options.help = true;
            return {};
        case option_version:
            options.version = true;
            return {};
        default:
            return fail("see headgate-dataplane --help");
    }
}

}  // namespace

const char* const usage =
    "usage: headgate-dataplane --interface IF [--interface IF2 ...] --socket PATH [options]\n"
    "\n"
    "Forwards the services of a ServiceTable on these interfaces with AF_XDP. headgated starts "
    "it;\n"
    "with --table it runs by itself.\n"
    "\n"
    "  -i, --interface IF     serve this interface; clients and real servers are on its segment\n"
    "  -s, --socket PATH      listen here for the control plane (PATH.lock is held meanwhile)\n"
    "  -t, --table FILE       serve this ServiceTable (JSON) from the start\n"
    "      --xdp-mode MODE    auto (default: native, else generic), native or generic\n"
    "      --connections N    connections that each worker can hold (default 1048576, 96 bytes\n"
    "                         each)\n"
    "      --flow-cache N     established flows of IPv4 that the XDP program forwards by itself,\n"
    "                         for each worker, and a quarter as many of IPv6 (default 1048576, 60\n"
    "                         bytes each; 0: none)\n"
    "      --pins DIR         a directory in a BPF file system (/sys/fs/bpf), where the XDP "
    "program\n"
    "                         and the flow cache stay when this process is killed: established\n"
    "                         flows go on, and the next process with the same DIR takes over\n"
    "      --syslog           log to syslog too\n"
    "      --verbose          log debug messages\n"
    "  -h, --help             print this text\n"
    "  -v, --version          print the version\n"
    "\n"
    "SIGTERM and SIGINT end it, with nothing left behind; SIGHUP ends it for another to take over\n"
    "(see --pins).\n";

Result<Options> parse_options(int argc, char** argv) {
    Options options;
    while (true) {
        const int given = ::getopt_long(argc, argv, "i:s:t:hv", long_options.data(), nullptr);
        if (given == -1)
            break;
        if (auto taken = take_option(given, options); !taken)
            return tl::unexpected(taken.error());
    }
    if (options.help || options.version)
        return options;
    if (optind < argc)
        return fail("{} is not an option; see headgate-dataplane --help", argv[optind]);
    if (options.interfaces.empty())
        return fail("no --interface is given; see headgate-dataplane --help");
    if (options.socket.empty())
        return fail("no --socket is given; see headgate-dataplane --help");
    return options;
}

}  // namespace headgate::dataplane
