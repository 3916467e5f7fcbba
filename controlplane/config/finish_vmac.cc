// See finish.h: the interfaces that are made for instances.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

constexpr std::size_t name_max = 15;  // IFNAMSIZ with its final zero
constexpr std::string_view default_prefix = "vrrp";

// RFC 5798 7.3.
MacAddress virtual_mac(Family family, std::uint8_t vrid) {
    const std::uint8_t kind = family == Family::ipv4 ? 1 : 2;
    return {{0x00, 0x00, 0x5e, 0x00, kind, vrid}};
}

std::string prefix_of(const GlobalDraft& global) {
    return value_or(global.vmac_prefix, std::string(default_prefix));
}

// `wanted`, or what it becomes with a number behind it.
std::string first_free(const std::string& wanted, const std::set<std::string>& taken) {
    std::string name = wanted;
    for (int number = 1; taken.contains(name); ++number) {
        const std::string suffix = fmt::format(".{}", number);
        name = wanted.substr(0, name_max - suffix.size()) + suffix;
    }
    return name;
}

std::string name_of(std::string_view prefix, Family family, std::uint8_t vrid) {
    return fmt::format("{}{}.{}", prefix, family == Family::ipv4 ? "" : "6", vrid);
}

// The interface of the network that an address is in.
const std::string& base_of(const VirtualAddress& address, const VrrpInstance& instance) {
    return address.interface == address_interface(instance) ? base_interface(instance)
                                                            : address.interface;
}

// Where the adverts of the instance are, and of its family.
bool is_at_home(const VirtualAddress& address, const VrrpInstance& instance) {
    return base_of(address, instance) == base_interface(instance) &&
           address.prefix.address.family() == instance.transport.family;
}

// Puts an address onto the interface with the MAC address of the virtual router that is for the
// network and the family of the address.
void place(VirtualAddress& address, const std::string& prefix, VrrpInstance& instance) {
    if (instance.vmac && is_at_home(address, instance)) {
        address.interface = instance.vmac->name;
        return;
    }
    const Family family = address.prefix.address.family();
    const std::string base = base_of(address, instance);
    const MacAddress mac = virtual_mac(family, instance.vrid);
    std::vector<Vmac>& vmacs = instance.address_vmacs;
    auto found = std::ranges::find_if(
        vmacs, [&](const Vmac& vmac) { return vmac.base == base && vmac.mac == mac; });
    if (found == vmacs.end()) {
        const std::string wanted = name_of(prefix, family, instance.vrid);
        // The first of all has a number, too, as the plain name is for `use_vmac`.
        std::set<std::string> taken{wanted};
        for (const Vmac& vmac : all_vmacs(instance))
            taken.insert(vmac.name);
        found = vmacs.insert(vmacs.end(),
                             Vmac{.name = first_free(wanted, taken), .base = base, .mac = mac});
    }
    address.interface = found->name;
}

template <typename Visit>
void for_each_address(VrrpInstance& instance, Visit visit) {
    std::ranges::for_each(instance.virtual_addresses, visit);
    std::ranges::for_each(instance.excluded_addresses, visit);
}

// The name of the interface that `keyword` makes. Absent: it cannot be made, and that is reported.
std::optional<std::string> link_name(std::string_view keyword, const Span& where,
                                     const std::string& wanted, const GlobalDraft& global,
                                     const VrrpInstance& instance, Report& report) {
    constexpr std::string_view consequence = "no interface of its own is used now";
    if (instance.interface.empty()) {
        report.error(where, fmt::format("`{}` needs an interface to be made on", keyword),
                     fmt::format("write `interface NAME`; {}", consequence));
        return std::nullopt;
    }
    std::string name = wanted.empty()
                           ? name_of(prefix_of(global), instance.transport.family, instance.vrid)
                           : wanted;
    if (name.size() > name_max) {
        report.error(where, fmt::format("{} is too long for an interface", quote(name)),
                     fmt::format("write `{} NAME` with at most {} characters; {}", keyword,
                                 name_max, consequence));
        return std::nullopt;
    }
    return name;
}

// Whether an ipvlan of this family may have it, or does without. Reports what is wrong.
bool check_address(const IpvlanDraft& draft, Family family, Report& report) {
    constexpr std::string_view hint =
        "write an address for this router alone behind `use_ipvlan`; no interface of its own is "
        "used now";
    if (!draft.address) {
        if (family == Family::ipv4)
            report.error(*draft.where, "over IPv4 an ipvlan needs an address of its own",
                         std::string(hint));
        return family != Family::ipv4;
    }
    const IpAddress& address = draft.address->value.address;
    if (address.family() == family && !address.is_multicast() && !address.is_unspecified())
        return true;
    report.error(draft.address->where, "the adverts of this instance cannot come from here",
                 std::string(hint));
    return false;
}

// What is made of an instance's own that others might have the name of.
std::string* own_name(VrrpInstance& instance) {
    if (instance.ipvlan)
        return &instance.ipvlan->name;
    return instance.vmac ? &instance.vmac->name : nullptr;
}

bool has_vmac_on(const VrrpInstance& instance, const std::string& base) {
    return std::ranges::any_of(all_vmacs(instance),
                               [&](const Vmac& vmac) { return vmac.base == base; });
}

bool has_ipvlan_on(const VrrpInstance& instance, const std::string& base) {
    return instance.ipvlan && instance.ipvlan->base == base;
}

}  // namespace

void finish_vmac(const VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                 Report& report) {
    const VmacDraft& wanted = draft.vmac;
    if (!wanted.where) {
        if (value_or(wanted.send_from_base, false))
            report.warning(wanted.send_from_base->where, "`vmac_xmit_base` has no effect here",
                           "write `use_vmac`, or remove it");
        return;
    }
    const auto name = link_name("use_vmac", *wanted.where, wanted.name, global, instance, report);
    if (!name)
        return;
    Vmac& vmac = instance.vmac.emplace();
    const Family family = instance.transport.family;
    vmac.base = instance.interface;
    vmac.name = *name;
    vmac.mac = wanted.mac.value_or(virtual_mac(family, instance.vrid));
    if (wanted.mac_ends_in_vrid)
        vmac.mac.bytes.back() = instance.vrid;
    if (wanted.mac && is_strict(draft, global)) {
        report.error(wanted.mac_where, "strict mode does not allow a MAC address of your own",
                     "remove it; that of the virtual router is used now");
        vmac.mac = virtual_mac(family, instance.vrid);
    }
    vmac.send_from_base = value_or(wanted.send_from_base, false);
    if (instance.transport.unicast && !vmac.send_from_base) {
        report.warning(*wanted.where, "unicast adverts come from the interface itself",
                       "write `vmac_xmit_base` beside `use_vmac`, which is used now");
        vmac.send_from_base = true;
    }
}

void finish_ipvlan(const VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                   Report& report) {
    const IpvlanDraft& wanted = draft.ipvlan;
    if (!wanted.where)
        return;
    if (instance.vmac) {
        report.error(*wanted.where, "an instance has one interface of its own",
                     "remove this line or `use_vmac`, which is used now");
        return;
    }
    const auto name = link_name("use_ipvlan", *wanted.where, wanted.name, global, instance, report);
    if (!name || !check_address(wanted, instance.transport.family, report))
        return;
    Ipvlan& ipvlan = instance.ipvlan.emplace();
    ipvlan.name = *name;
    ipvlan.base = std::exchange(instance.interface, *name);
    ipvlan.mode = value_or(wanted.mode, ipvlan.mode);
    if (!wanted.address)
        return;
    ipvlan.address = wanted.address->value;
    if (!instance.transport.source)
        instance.transport.source = ipvlan.address->address;
}

void fit_to_ipvlans(const std::vector<VrrpInstance>& earlier, const Span& where,
                    VrrpInstance& instance, Report& report) {
    const auto report_both = [&](const std::string& base) {
        report.error(where, fmt::format("{} has a `use_vmac` and a `use_ipvlan`", quote(base)),
                     "the kernel can have one of the two on an interface: use it for all; an "
                     "instance whose own cannot be made is in FAULT");
    };
    if (instance.ipvlan && has_vmac_on(instance, instance.ipvlan->base))
        report_both(instance.ipvlan->base);
    for (const VrrpInstance& other : earlier) {
        if (instance.ipvlan && has_vmac_on(other, instance.ipvlan->base))
            report_both(instance.ipvlan->base);
        if (other.ipvlan && has_vmac_on(instance, other.ipvlan->base))
            report_both(other.ipvlan->base);
        if (!instance.ipvlan || !has_ipvlan_on(other, instance.ipvlan->base) ||
            other.ipvlan->mode == instance.ipvlan->mode)
            continue;
        report.error(where,
                     fmt::format("the ipvlan of vrrp_instance {} on {} has another mode",
                                 quote(other.name), quote(other.ipvlan->base)),
                     "write the same behind both `use_ipvlan`: that of the other is used now");
        instance.ipvlan->mode = other.ipvlan->mode;
    }
}

// keepalived leaves those of the other family on the interface below.
void set_interface(VirtualAddress& address, const VrrpInstance& instance) {
    const std::string& base = base_interface(instance);
    if (!address.interface.empty() && address.interface != base)
        return;
    const bool is_of_family = address.prefix.address.family() == instance.transport.family;
    address.interface = is_of_family ? address_interface(instance) : base;
}

void finish_address_vmacs(const VrrpDraft& draft, const GlobalDraft& global,
                          VrrpInstance& instance) {
    const std::string prefix = value_or(global.vmac_address_prefix, prefix_of(global));
    const bool everywhere = value_or(draft.vmac.for_addresses, false);
    for_each_address(instance, [&](VirtualAddress& address) {
        if (address.on_vmac || (everywhere && !is_at_home(address, instance)))
            place(address, prefix, instance);
    });
}

void tell_links_apart(std::vector<VrrpInstance>& instances) {
    std::set<std::string> taken;
    for (VrrpInstance& instance : instances) {
        std::map<std::string, std::string> names;  // new ones by old ones
        const auto settle = [&](std::string& own) {
            std::string name = first_free(own, taken);
            taken.insert(name);
            names.emplace(std::exchange(own, name), name);
        };
        if (std::string* const own = own_name(instance))
            settle(*own);
        if (instance.ipvlan)
            instance.interface = instance.ipvlan->name;
        for (Vmac& vmac : instance.address_vmacs)
            settle(vmac.name);
        for_each_address(instance, [&](VirtualAddress& address) {
            if (const auto renamed = names.find(address.interface); renamed != names.end())
                address.interface = renamed->second;
        });
    }
}

}  // namespace headgate::config
