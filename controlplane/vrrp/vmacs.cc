#include "controlplane/vrrp/vmacs.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

bool is_right(const netlink::Interface& present, const netlink::Interface& base,
              const config::Vmac& vmac) {
    return present.base_index == base.index && present.mac == vmac.mac;
}

bool has_ipv6(const config::VrrpInstance& instance) {
    return std::ranges::any_of(all_addresses(instance), [](const config::VirtualAddress& address) {
        return !address.prefix.address.is_v4();
    });
}

}  // namespace

// As keepalived's, but rp_filter: loose (2) counts also where the switch for all interfaces is
// strict, so that one need not be touched.
netlink::InterfaceSettings::Values Vmacs::settings_of(const config::Vrrp& vrrp) {
    netlink::InterfaceSettings::Values settings;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        if (!instance.vmac)
            continue;
        const auto set = [&](Family family, const std::string& interface, const char* name,
                             int value) {
            settings[{.family = family, .interface = interface, .name = name}] = value;
        };
        const std::string& name = instance.vmac->name;
        // Who asks for a virtual address is to hear of the virtual MAC address only.
        set(Family::ipv4, instance.interface, "arp_ignore", 1);
        set(Family::ipv4, instance.interface, "arp_filter", 1);
        // And who is asked: answers from a virtual address go out on the interface below.
        set(Family::ipv4, instance.interface, "arp_announce", 2);
        set(Family::ipv4, name, "arp_ignore", 1);
        set(Family::ipv4, name, "accept_local", 1);
        set(Family::ipv4, name, "rp_filter", 2);
        set(Family::ipv4, name, "promote_secondaries", 1);
        // Without an address of its own (RFC 5798 7.4), or any IPv6 where none is needed.
        set(Family::ipv6, name, "addr_gen_mode", 1);
        set(Family::ipv6, name, "disable_ipv6", has_ipv6(instance) ? 0 : 1);
    }
    return settings;
}

void Vmacs::apply(const config::Vrrp& vrrp) {
    std::map<std::string, Wanted> next;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        if (instance.vmac)
            next[instance.vmac->name] = {.vmac = *instance.vmac, .base = instance.interface};
    }
    for (const auto& [name, wanted] : std::exchange(wanted_, std::move(next))) {
        if (!wanted_.contains(name))
            remove(wanted);
    }
    settle();
}

void Vmacs::settle() {
    for (auto& [name, wanted] : wanted_) {
        const auto made = make(wanted);
        if (!made && made.error().message != wanted.error)
            log::error("interface {} cannot be made on {}: {}", name, wanted.base,
                       made.error().message);
        wanted.error = made ? "" : made.error().message;
    }
}

Result<void> Vmacs::make(Wanted& wanted) {
    const config::Vmac& vmac = wanted.vmac;
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const base = table.find(wanted.base);
    if (base == nullptr)
        return {};  // which is the fault of the instance already
    const netlink::Interface* present = table.find(vmac.name);
    if (present != nullptr && !is_right(*present, *base, vmac)) {
        if (table.base_of(*present) == nullptr)
            return fail("there is another interface of this name");
        log::info("interface {} is removed: it has another MAC address or base", vmac.name);
        if (auto removed = links_.remove(present->index); !removed)
            return removed;
        present = nullptr;
    }
    if (present == nullptr) {
        if (auto added = links_.add_macvlan(base->index, vmac.name, vmac.mac); !added)
            return added;
        log::info("interface {} is made on {}, with {}", vmac.name, wanted.base,
                  vmac.mac.to_string());
        if (auto read = monitor_.read(); !read)
            return read;
        present = table.find(vmac.name);
    }
    if (present == nullptr)
        return {};
    if (present->index != wanted.index) {
        if (auto changed = links_.set_vepa(present->index); !changed)
            return changed;
        wanted.index = present->index;
    }
    if (present->up)
        return {};
    // Before it comes up and gives itself an address.
    settings_.settle(table);
    if (auto up = links_.set_up(present->index); !up)
        return up;
    return monitor_.read();
}

void Vmacs::stop() {
    for (const auto& [name, wanted] : std::exchange(wanted_, {}))
        remove(wanted);
}

// Only what is a macvlan on its base: it is not ours otherwise.
void Vmacs::remove(const Wanted& unwanted) {
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const present = table.find(unwanted.vmac.name);
    const netlink::Interface* const base = table.find(unwanted.base);
    if (present == nullptr || base == nullptr || !is_right(*present, *base, unwanted.vmac))
        return;
    if (const auto removed = links_.remove(present->index); !removed)
        log::error("interface {} cannot be removed: {}", unwanted.vmac.name,
                   removed.error().message);
    else if (const auto read = monitor_.read(); !read)
        log::error("{}", read.error().message);
}

}  // namespace headgate::vrrp
