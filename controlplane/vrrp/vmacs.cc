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

bool has_ipv6(const config::VrrpInstance& instance, const config::Vmac& vmac) {
    return std::ranges::any_of(all_addresses(instance), [&](const config::VirtualAddress& address) {
        return address.interface == vmac.name && !address.prefix.address.is_v4();
    });
}

void add_settings(const config::Vmac& vmac, bool ipv6,
                  netlink::InterfaceSettings::Values& settings) {
    const auto set = [&](Family family, const std::string& interface, const char* name, int value) {
        settings[{.family = family, .interface = interface, .name = name}] = value;
    };
    // Who asks for a virtual address is to hear of the virtual MAC address only.
    set(Family::ipv4, vmac.base, "arp_ignore", 1);
    set(Family::ipv4, vmac.base, "arp_filter", 1);
    // And who is asked: answers from a virtual address go out on the interface below.
    set(Family::ipv4, vmac.base, "arp_announce", 2);
    set(Family::ipv4, vmac.name, "arp_ignore", 1);
    set(Family::ipv4, vmac.name, "accept_local", 1);
    set(Family::ipv4, vmac.name, "rp_filter", 2);
    set(Family::ipv4, vmac.name, "promote_secondaries", 1);
    // Without an address of its own (RFC 5798 7.4), or any IPv6 where none is needed.
    set(Family::ipv6, vmac.name, "addr_gen_mode", 1);
    set(Family::ipv6, vmac.name, "disable_ipv6", ipv6 ? 0 : 1);
}

}  // namespace

Vmacs::Vmacs(netlink::Monitor& monitor, netlink::InterfaceSettings& settings,
             netlink::LinkWriter links)
    : monitor_(monitor), settings_(settings), links_(std::move(links)) {
    if (auto claim = Claim::take())
        claim_ = std::move(*claim);
    else
        log::error("what `use_vmac` makes cannot be marked: {}", claim.error().message);
    find_left_over();
}

void Vmacs::find_left_over() {
    const netlink::InterfaceTable& table = monitor_.table();
    for (const auto& [index, interface] : table.all()) {
        const netlink::Interface* const base = table.base_of(interface);
        const auto mark = base != nullptr ? read_mark(interface.alias, base->name) : std::nullopt;
        if (!mark || Claim::is_held(mark->claim))
            continue;
        left_over_.push_back(interface);
        for (const netlink::InterfaceSettings::Change& change : mark->changes)
            settings_.adopt(change, table);
    }
}

// As keepalived's, but rp_filter: loose (2) counts also where the switch for all interfaces is
// strict, so that one need not be touched.
netlink::InterfaceSettings::Values Vmacs::settings_of(const config::Vrrp& vrrp) {
    netlink::InterfaceSettings::Values settings;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        for (const config::Vmac& vmac : all_vmacs(instance))
            add_settings(vmac, has_ipv6(instance, vmac), settings);
    }
    return settings;
}

void Vmacs::apply(const config::Vrrp& vrrp) {
    std::map<std::string, Wanted> next;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        for (const config::Vmac& vmac : all_vmacs(instance))
            next[vmac.name] = {.vmac = vmac};
    }
    for (const auto& [name, wanted] : std::exchange(wanted_, std::move(next))) {
        if (!wanted_.contains(name))
            remove(wanted.vmac);
    }
    remove_left_over();
    settle();
}

void Vmacs::settle() {
    for (auto& [name, wanted] : wanted_) {
        const auto made = make(wanted);
        if (!made && made.error().message != wanted.error)
            log::error("interface {} cannot be made on {}: {}", name, wanted.vmac.base,
                       made.error().message);
        wanted.error = made ? "" : made.error().message;
    }
}

Result<void> Vmacs::make(Wanted& wanted) {
    const config::Vmac& vmac = wanted.vmac;
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const base = table.find(vmac.base);
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
        log::info("interface {} is made on {}, with {}", vmac.name, vmac.base,
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
        mark(present->index, vmac.base);
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
        remove(wanted.vmac);
}

// An interface without a mark works as well; it is only not known again.
void Vmacs::mark(int index, const std::string& base) {
    if (!claim_)
        return;
    const VmacMark mark{.claim = claim_->name(), .changes = settings_.changes_of(base)};
    if (const auto marked = links_.set_alias(index, text_of(mark)); !marked)
        log::warn("an interface on {} cannot be marked: {}", base, marked.error().message);
}

// One that is wanted again is adopted, or replaced when it is not as it should be.
void Vmacs::remove_left_over() {
    for (const netlink::Interface& interface : std::exchange(left_over_, {})) {
        const netlink::Interface* const present = monitor_.table().find(interface.name);
        if (wanted_.contains(interface.name) || present == nullptr ||
            present->index != interface.index)
            continue;
        log::info("interface {} is removed: an earlier run has left it", interface.name);
        remove(interface);
    }
}

// Only what is a macvlan on its base: it is not ours otherwise.
void Vmacs::remove(const config::Vmac& unwanted) {
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const present = table.find(unwanted.name);
    const netlink::Interface* const base = table.find(unwanted.base);
    if (present != nullptr && base != nullptr && is_right(*present, *base, unwanted))
        remove(netlink::Interface(*present));
}

void Vmacs::remove(const netlink::Interface& interface) {
    if (const auto removed = links_.remove(interface.index); !removed)
        log::error("interface {} cannot be removed: {}", interface.name, removed.error().message);
    else if (const auto read = monitor_.read(); !read)
        log::error("{}", read.error().message);
}

}  // namespace headgate::vrrp
