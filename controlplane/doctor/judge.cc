#include "controlplane/doctor/judge.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace headgate::doctor {

namespace {

// A frame of one page less what XDP keeps before and behind it.
constexpr std::uint32_t mtu_of_one_page = 3498;
constexpr std::uint32_t ethernet_mtu = 1500;
constexpr std::uint64_t memlock_needed_bytes = 64ULL << 20U;
constexpr KernelVersion memcg_for_bpf{5, 11};  // before, maps counted as locked memory

using Findings = std::vector<Finding>;

struct Need {
    KernelVersion since;
    std::string_view what;
    std::string_view why;
};
constexpr Need needs[] = {
    {{5, 5}, "arrays that programs map", "workers and the XDP program share them"},
    {{5, 9}, "bpf_link for XDP", "a dataplane that dies takes its program along"},
    {{5, 18}, "live frames in test runs", "packets that are the kernel's after all go back by it"},
};

void judge_kernel(const Facts& facts, Findings& findings) {
    for (const Need& need : needs) {
        if (facts.kernel >= need.since)
            continue;
        findings.push_back(
            {Weight::error, "kernel",
             fmt::format("Linux {}.{} has no {} (since {}.{})", facts.kernel.major,
                         facts.kernel.minor, need.what, need.since.major, need.since.minor),
             std::string(need.why), "apt-get install linux-image-amd64 && reboot"});
    }
}

void judge_clock(const Facts& facts, Findings& findings) {
    constexpr std::array fast{"tsc", "kvm-clock", "hyperv_clocksource_tsc_page",
                              "arch_sys_counter"};
    const auto is_fast = [&](const std::string& name) {
        return std::ranges::find(fast, name) != fast.end();
    };
    if (facts.clock_source.empty() || is_fast(facts.clock_source))
        return;
    const auto better = std::ranges::find_if(facts.clock_sources, is_fast);
    findings.push_back(
        {Weight::warning, "clock", fmt::format("the clock source is {}", facts.clock_source),
         "to read it is a system call or slow I/O, for each burst of packets and each advert",
         better != facts.clock_sources.end()
             ? fmt::format("echo {} > /sys/devices/system/clocksource/clocksource0/"
                           "current_clocksource",
                           *better)
             : "add tsc=reliable to the kernel's command line, and reboot"});
}

void judge_memory(const Facts& facts, Findings& findings) {
    if (facts.huge_pages == "never")
        findings.push_back({Weight::warning, "memory", "there are no transparent huge pages",
                            "tables of connections then miss the TLB with nearly every packet",
                            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"});
    if (facts.may_lock_memory || !facts.memlock_bytes ||
        *facts.memlock_bytes >= memlock_needed_bytes)
        return;
    findings.push_back({facts.kernel < memcg_for_bpf ? Weight::error : Weight::warning, "memory",
                        fmt::format("only {} KiB may be locked", *facts.memlock_bytes >> 10U),
                        "packet memory of AF_XDP is locked, and so is that of the VRRP thread",
                        "ulimit -l unlimited   # a unit of systemd: LimitMEMLOCK=infinity"});
}

void judge_offloads(const Interface& interface, Findings& findings) {
    const auto joins = [&](std::string_view what, std::string_view option) {
        findings.push_back({Weight::error, interface.name, fmt::format("{} is on", what),
                            "packets that the card has joined are longer than a frame: XDP is "
                            "refused, or they cannot be forwarded",
                            fmt::format("ethtool -K {} {} off", interface.name, option)});
    };
    if (interface.lro == true)
        joins("large receive offload", "lro");
    if (interface.gro_hw == true)
        joins("GRO in hardware", "rx-gro-hw");
    if (interface.driver == "veth" && interface.tx_checksum == true)
        findings.push_back(
            {Weight::note, interface.name, "TX checksums are left to a card that is not there",
             "what is sent here carries no checksum; a peer that forwards it by XDP sends it so",
             fmt::format("ethtool -K {} tx off   # at both ends", interface.name)});
}

void judge_queues(const Interface& interface, std::uint32_t cpus, Findings& findings) {
    if (!interface.queues || !interface.queues_max || cpus == 0)
        return;
    const std::uint32_t useful = std::min(*interface.queues_max, cpus);
    if (*interface.queues == useful)
        return;
    findings.push_back({Weight::warning, interface.name,
                        fmt::format("{} receive queue{}, with {} CPUs", *interface.queues,
                                    *interface.queues == 1 ? "" : "s", cpus),
                        *interface.queues < useful
                            ? "each queue has one worker: CPUs stay idle"
                            : "each queue has one worker: workers share CPUs",
                        fmt::format("ethtool -L {} combined {}", interface.name, useful)});
}

void judge_xdp(const Interface& interface, Findings& findings) {
    if (!interface.xdp)
        return;
    const auto say = [&](Weight weight, std::string problem, std::string reason, std::string fix) {
        findings.push_back(
            {weight, interface.name, std::move(problem), std::move(reason), std::move(fix)});
    };
    if (!interface.xdp->native)
        say(Weight::warning, fmt::format("its driver ({}) has no XDP", interface.driver),
            "packets are copied once more, behind the driver (generic mode): a fraction of the "
            "speed",
            fmt::format("ethtool -i {}   # use another card", interface.name));
    else if (!interface.xdp->zero_copy)
        say(Weight::note, fmt::format("its driver ({}) has no zero-copy AF_XDP", interface.driver),
            "each packet to and from a worker is copied; the flow cache avoids it",
            "dataplane { flow_cache 65536 }   # in the configuration");
    if (interface.xdp->native && interface.mtu > mtu_of_one_page)
        say(Weight::warning, fmt::format("its MTU is {}", interface.mtu),
            "drivers refuse native XDP for frames that are longer than a page",
            fmt::format("ip link set dev {} mtu {}", interface.name, ethernet_mtu));
}

void judge_interface(const Interface& interface, std::uint32_t cpus, Findings& findings) {
    judge_offloads(interface, findings);
    judge_queues(interface, cpus, findings);
    judge_xdp(interface, findings);
    if (interface.rp_filter == 1 && !interface.has_ipv4)
        findings.push_back(
            {Weight::warning, interface.name, "strict rp_filter, and no IPv4 address",
             "the kernel drops adverts of peers that it has no route to by this interface",
             fmt::format("sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{}.rp_filter=2",
                         interface.name)});
    if (interface.mtu == ethernet_mtu)
        findings.push_back(
            {Weight::note, interface.name, "its MTU is 1500",
             "with lb_kind TUN a packet of full size is fragmented: the tunnel's headers have no "
             "room",
             fmt::format("ip link set dev {} mtu 1600   # and the switches in between",
                         interface.name)});
}

// A VIP on a real server must stay silent: else it answers for it instead of the director.
void judge_server(const RealServer& server, Findings& findings) {
    constexpr std::string_view arp =
        "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";
    constexpr std::string_view arp_reason =
        "it answers ARP requests for the VIP, and takes clients away from the director";
    if (!server.is_here) {
        findings.push_back({Weight::note, server.address,
                            "it is another machine, whose settings cannot be read from here",
                            std::string(arp_reason) + ", unless they are as here; with a tunnel "
                                                      "strict rp_filter drops what comes out of it",
                            "ip address add VIP/32 dev lo\n" + std::string(arp) +
                                "\nsysctl -w net.ipv4.conf.all.rp_filter=0   # lb_kind TUN"});
        return;
    }
    if ((server.arp_ignore && *server.arp_ignore < 1) ||
        (server.arp_announce && *server.arp_announce < 2))
        findings.push_back(
            {Weight::error, server.address,
             fmt::format("arp_ignore is {}, arp_announce is {}", server.arp_ignore.value_or(0),
                         server.arp_announce.value_or(0)),
             std::string(arp_reason), std::string(arp)});
    if (server.rp_filter == 1)
        findings.push_back({Weight::warning, server.address, "rp_filter is strict",
                            "with lb_kind TUN the kernel drops what comes out of the tunnel",
                            "sysctl -w net.ipv4.conf.all.rp_filter=2"});
}

}  // namespace

std::vector<Finding> judge(const Facts& facts) {
    Findings findings;
    if (facts.server) {
        judge_server(*facts.server, findings);
    } else {
        judge_kernel(facts, findings);
        judge_clock(facts, findings);
        judge_memory(facts, findings);
        for (const Interface& interface : facts.interfaces)
            judge_interface(interface, facts.cpus, findings);
    }
    std::ranges::stable_sort(findings, std::ranges::greater(), &Finding::weight);
    return findings;
}

}  // namespace headgate::doctor
