// See finish.h: the interfaces of virtual MAC addresses.
#include <set>
#include <string>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

constexpr std::size_t name_max = 15;  // IFNAMSIZ with its final zero

// RFC 5798 7.3.
MacAddress virtual_mac(Family family, std::uint8_t vrid) {
    const std::uint8_t kind = family == Family::ipv4 ? 1 : 2;
    return {{0x00, 0x00, 0x5e, 0x00, kind, vrid}};
}

void rename_vmac(VrrpInstance& instance, const std::string& name) {
    for (std::vector<VirtualAddress>* const list :
         {&instance.virtual_addresses, &instance.excluded_addresses}) {
        for (VirtualAddress& address : *list) {
            if (address.interface == instance.vmac->name)
                address.interface = name;
        }
    }
    instance.vmac->name = name;
}

}  // namespace

void finish_vmac(const VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                 Report& report) {
    const VmacDraft& wanted = draft.vmac;
    if (!wanted.where) {
        if (wanted.send_from_base)
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
    const std::string prefix = value_or(global.vmac_prefix, std::string("vrrp"));
    vmac.name = wanted.name.empty() ? fmt::format("{}{}.{}", prefix,
                                                  family == Family::ipv4 ? "" : "6", instance.vrid)
                                    : wanted.name;
    if (vmac.name.size() > name_max) {
        report.error(*wanted.where,
                     fmt::format("{} is too long for an interface", quote(vmac.name)),
                     "write `use_vmac NAME` with at most 15 characters; no MAC address of its own "
                     "is used now");
        instance.vmac.reset();
        return;
    }
    vmac.mac = wanted.mac.value_or(virtual_mac(family, instance.vrid));
    vmac.send_from_base = value_or(wanted.send_from_base, false);
    if (instance.transport.unicast && !vmac.send_from_base) {
        report.warning(*wanted.where, "unicast adverts come from the interface itself",
                       "write `vmac_xmit_base` beside `use_vmac`, which is used now");
        vmac.send_from_base = true;
    }
}

void tell_vmacs_apart(std::vector<VrrpInstance>& instances) {
    std::set<std::string> names;
    for (VrrpInstance& instance : instances) {
        if (!instance.vmac)
            continue;
        const std::string wanted = instance.vmac->name;
        std::string name = wanted;
        for (int number = 1; !names.insert(name).second; ++number) {
            const std::string suffix = fmt::format(".{}", number);
            name = wanted.substr(0, name_max - suffix.size()) + suffix;
        }
        if (name != wanted)
            rename_vmac(instance, name);
    }
}

}  // namespace headgate::config
