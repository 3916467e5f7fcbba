// See finish.h: the interfaces of virtual MAC addresses.
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
    const std::optional<Vmac>& own = instance.vmac;
    return own && address.interface == own->name ? own->base : address.interface;
}

// Where the adverts of the instance are, and of its family.
bool is_at_home(const VirtualAddress& address, const VrrpInstance& instance) {
    return base_of(address, instance) == instance.interface &&
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
    if (instance.interface.empty()) {
        report.error(*wanted.where, "`use_vmac` needs an interface to be made on",
                     "write `interface NAME`; no MAC address of its own is used now");
        return;
    }
    Vmac& vmac = instance.vmac.emplace();
    const Family family = instance.transport.family;
    vmac.base = instance.interface;
    vmac.name =
        wanted.name.empty() ? name_of(prefix_of(global), family, instance.vrid) : wanted.name;
    if (vmac.name.size() > name_max) {
        report.error(*wanted.where,
                     fmt::format("{} is too long for an interface", quote(vmac.name)),
                     "write `use_vmac NAME` with at most 15 characters; no MAC address of its own "
                     "is used now");
        instance.vmac.reset();
        return;
    }
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

// keepalived leaves those of the other family on the interface below.
void set_interface(VirtualAddress& address, const VrrpInstance& instance) {
    if (!address.interface.empty() && address.interface != instance.interface)
        return;
    const bool is_of_family = address.prefix.address.family() == instance.transport.family;
    address.interface = instance.vmac && is_of_family ? instance.vmac->name : instance.interface;
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

void tell_vmacs_apart(std::vector<VrrpInstance>& instances) {
    std::set<std::string> taken;
    for (VrrpInstance& instance : instances) {
        std::map<std::string, std::string> names;  // new ones by old ones
        const auto settle = [&](Vmac& vmac) {
            std::string name = first_free(vmac.name, taken);
            taken.insert(name);
            names.emplace(std::exchange(vmac.name, name), name);
        };
        if (instance.vmac)
            settle(*instance.vmac);
        std::ranges::for_each(instance.address_vmacs, settle);
        for_each_address(instance, [&](VirtualAddress& address) {
            if (const auto renamed = names.find(address.interface); renamed != names.end())
                address.interface = renamed->second;
        });
    }
}

}  // namespace headgate::config
