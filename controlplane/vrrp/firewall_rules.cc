#include "controlplane/vrrp/firewall_rules.h"

#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/algorithm/string/join.hpp>

namespace headgate::vrrp {

namespace {

struct Refused {
    std::set<std::string> ipv4;
    std::set<std::string> ipv6;
    std::set<std::string> link_local;  // with their interfaces, since others may have the same
};

Refused refused_by(const config::Vrrp& vrrp) {
    Refused refused;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        if (instance.accept)
            continue;
        for (const config::VirtualAddress& vip : all_addresses(instance)) {
            const IpAddress& address = vip.prefix.address;
            if (address.is_v4())
                refused.ipv4.insert(address.to_string());
            else if (config::is_link_local(address))
                refused.link_local.insert(
                    fmt::format("{} . \"{}\"", address.to_string(), vip.interface));
            else
                refused.ipv6.insert(address.to_string());
        }
    }
    return refused;
}

std::string set_of(std::string_view name, std::string_view type,
                   const std::set<std::string>& elements) {
    if (elements.empty())
        return {};
    return fmt::format("set {} {{ type {}; elements = {{ {} }}; }}\n", name, type,
                       boost::algorithm::join(elements, ", "));
}

}  // namespace

std::string firewall_script(const std::string& table, const config::Vrrp& vrrp) {
    const Refused refused = refused_by(vrrp);
    if (refused.ipv4.empty() && refused.ipv6.empty() && refused.link_local.empty())
        return {};
    std::string script = firewall_removal(table) + fmt::format("table inet {} {{\n", table);
    script += set_of("ipv4", "ipv4_addr", refused.ipv4);
    script += set_of("ipv6", "ipv6_addr", refused.ipv6);
    script += set_of("link_local", "ipv6_addr . ifname", refused.link_local);
    const std::string_view drop = vrrp.firewall.has_counters ? "counter drop" : "drop";
    const auto add_chain = [&](std::string_view hook, std::string_view end, std::string_view name) {
        script += fmt::format("chain {0} {{\ntype filter hook {0} priority {1}; policy accept;\n",
                              hook, vrrp.firewall.priority);
        if (!refused.ipv4.empty())
            script += fmt::format("ip {} @ipv4 {}\n", end, drop);
        // Neighbours have to find the router behind an address that is only good to route by. ARP
        // is no IP, and never comes here.
        const auto add_ipv6 = [&](const std::string& match) {
            script += fmt::format(
                "{0} icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n{0} {1}\n",
                match, drop);
        };
        if (!refused.ipv6.empty())
            add_ipv6(fmt::format("ip6 {} @ipv6", end));
        if (!refused.link_local.empty())
            add_ipv6(fmt::format("ip6 {} . {} @link_local", end, name));
        script += "}\n";
    };
    add_chain("input", "daddr", "iifname");
    add_chain("output", "saddr", "oifname");
    return script + "}\n";
}

// Creating it first makes it no mistake to delete one that is not there.
std::string firewall_removal(const std::string& table) {
    return fmt::format("add table inet {0}\ndelete table inet {0}\n", table);
}

}  // namespace headgate::vrrp
