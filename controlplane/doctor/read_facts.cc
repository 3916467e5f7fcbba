#include "controlplane/doctor/read_facts.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <thread>
#include <vector>

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/net.h"
#include "controlplane/doctor/ethtool.h"
#include "controlplane/doctor/xdp_features.h"
#include "controlplane/netlink/monitor.h"

namespace headgate::doctor {

namespace {

constexpr char clock_directory[] = "/sys/devices/system/clocksource/clocksource0/";

std::string read_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    return {std::istream_iterator<std::string>(stream), {}};
}

std::optional<int> read_setting(const std::string& interface, const std::string& name) {
    const std::string text = read_line("/proc/sys/net/ipv4/conf/" + interface + "/" + name);
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

KernelVersion read_kernel() {
    utsname names{};
    uname(&names);
    KernelVersion version;
    char dot = 0;
    std::istringstream(names.release) >> version.major >> dot >> version.minor;
    return version;
}

// "always [madvise] never"
std::string read_huge_pages() {
    for (const std::string& word :
         words_of(read_line("/sys/kernel/mm/transparent_hugepage/enabled"))) {
        if (word.starts_with('['))
            return word.substr(1, word.size() - 2);
    }
    return {};
}

bool may_lock_memory() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[2]{};
    return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & 1U << CAP_IPC_LOCK) != 0;
}

void read_machine(Facts& facts) {
    facts.kernel = read_kernel();
    facts.cpus = std::thread::hardware_concurrency();
    facts.clock_source = read_line(std::string(clock_directory) + "current_clocksource");
    facts.clock_sources =
        words_of(read_line(std::string(clock_directory) + "available_clocksource"));
    facts.huge_pages = read_huge_pages();
    facts.may_lock_memory = may_lock_memory();
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        facts.memlock_bytes = limit.rlim_cur;
}

Interface read_interface(const netlink::Interface& known, const Ethtool& ethtool,
                         const std::map<int, XdpFeatures>& xdp) {
    Interface interface;
    interface.name = known.name;
    interface.mtu = known.mtu;
    interface.driver = ethtool.driver(known.name);
    if (const auto queues = ethtool.queues(known.name)) {
        interface.queues = queues->now;
        interface.queues_max = queues->max;
    }
    interface.lro = ethtool.feature(known.name, "rx-lro");
    interface.gro_hw = ethtool.feature(known.name, "rx-gro-hw");
    for (const char* name : {"tx-checksum-ip-generic", "tx-checksum-ipv4"})
        interface.tx_checksum =
            interface.tx_checksum.value_or(false) || ethtool.feature(known.name, name) == true;
    if (const auto found = xdp.find(known.index); found != xdp.end())
        interface.xdp = found->second;
    const auto own = read_setting(known.name, "rp_filter");
    const auto all = read_setting("all", "rp_filter");
    if (own && all)
        interface.rp_filter = std::max(*own, *all);
    return interface;
}

}  // namespace

Result<Facts> read_facts(const std::string& interface) {
    Facts facts;
    read_machine(facts);
    const auto ethtool = Ethtool::open();
    if (!ethtool)
        return tl::unexpected(ethtool.error());
    const auto monitor = netlink::Monitor::open();
    if (!monitor)
        return tl::unexpected(monitor.error());
    const auto xdp = read_xdp_features();
    for (const auto& [index, known] : monitor->table().all()) {
        if (interface.empty() ? !known.up || known.name == "lo" : known.name != interface)
            continue;
        Interface& read = facts.interfaces.emplace_back(read_interface(known, *ethtool, xdp));
        read.has_ipv4 = monitor->table().primary_address(index, {}).has_value();
    }
    if (!interface.empty() && facts.interfaces.empty())
        return fail("there is no interface {}", interface);
    return facts;
}

Result<Facts> read_server_facts(const std::string& address) {
    const auto parsed = IpAddress::parse(address);
    if (!parsed)
        return tl::unexpected(parsed.error());
    const auto monitor = netlink::Monitor::open();
    if (!monitor)
        return tl::unexpected(monitor.error());
    Facts facts;
    RealServer& server = facts.server.emplace();
    server.address = parsed->to_string();
    server.is_here = monitor->table().holder(*parsed) != nullptr;
    if (server.is_here) {
        server.arp_ignore = read_setting("all", "arp_ignore");
        server.arp_announce = read_setting("all", "arp_announce");
        server.rp_filter = read_setting("all", "rp_filter");
    }
    return facts;
}

}  // namespace headgate::doctor
