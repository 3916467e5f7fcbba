#include "controlplane/vrrp/stacked_links.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <linux/if_link.h>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

std::uint16_t flags_of(config::IpvlanMode mode) {
    switch (mode) {
        case config::IpvlanMode::private_:
            return IPVLAN_F_PRIVATE;
        case config::IpvlanMode::vepa:
            return IPVLAN_F_VEPA;
        case config::IpvlanMode::bridge:
            break;
    }
    return 0;
}

bool is_right(const netlink::Interface& present, const netlink::Interface& base,
              const netlink::StackedLink& link) {
    if (present.base_index != base.index)
        return false;
    const auto* const macvlan = std::get_if<netlink::Macvlan>(&link);
    return macvlan == nullptr
               ? present.kind == netlink::LinkKind::ipvlan
               : present.kind == netlink::LinkKind::macvlan && present.mac == macvlan->mac;
}

// The kernel's own words leave it open what it does not support.
std::string words_of(const Error& error, const netlink::StackedLink& link) {
    if (error.code != EOPNOTSUPP)
        return error.message;
    const bool is_macvlan = std::holds_alternative<netlink::Macvlan>(link);
    return fmt::format("the kernel has no {} ({})", is_macvlan ? "macvlan" : "ipvlan",
                       error.message);
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

StackedLinks::StackedLinks(netlink::Monitor& monitor, netlink::InterfaceSettings& settings,
                           netlink::LinkWriter links)
    : monitor_(monitor), settings_(settings), links_(std::move(links)) {
    if (auto claim = Claim::take())
        claim_ = std::move(*claim);
    else
        log::error("the interfaces that are made for instances cannot be marked: {}",
                   claim.error().message);
    find_left_over();
}

void StackedLinks::find_left_over() {
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
netlink::InterfaceSettings::Values StackedLinks::settings_of(const config::Vrrp& vrrp) {
    netlink::InterfaceSettings::Values settings;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        for (const config::Vmac& vmac : all_vmacs(instance))
            add_settings(vmac, has_ipv6(instance, vmac), settings);
    }
    return settings;
}

StackedLinks::WantedByName StackedLinks::wanted_of(const config::Vrrp& vrrp) {
    WantedByName wanted;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        for (const config::Vmac& vmac : all_vmacs(instance))
            wanted[vmac.name] = {.base = vmac.base, .link = netlink::Macvlan{.mac = vmac.mac}};
        if (const auto& ipvlan = instance.ipvlan)
            wanted[ipvlan->name] = {.base = ipvlan->base,
                                    .link = netlink::Ipvlan{.flags = flags_of(ipvlan->mode)}};
    }
    return wanted;
}

void StackedLinks::apply(const config::Vrrp& vrrp) {
    for (const auto& [name, wanted] : std::exchange(wanted_, wanted_of(vrrp))) {
        if (!wanted_.contains(name))
            remove(name, wanted);
    }
    remove_left_over();
    settle();
}

void StackedLinks::settle() {
    for (auto& [name, wanted] : wanted_) {
        const auto made = make(name, wanted);
        const std::string before = std::exchange(
            wanted.error, made ? ""
                               : fmt::format("interface {} cannot be made on {}: {}", name,
                                             wanted.base, words_of(made.error(), wanted.link)));
        if (!made && wanted.error != before)
            log::error("{}", wanted.error);
    }
}

std::string_view StackedLinks::problem_of(std::string_view name) const {
    const auto found = wanted_.find(name);
    return found == wanted_.end() ? std::string_view{} : std::string_view(found->second.error);
}

Result<void> StackedLinks::make(const std::string& name, Wanted& wanted) {
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const base = table.find(wanted.base);
    if (base == nullptr)
        return {};  // which is the fault of the instance already
    const netlink::Interface* present = table.find(name);
    if (present != nullptr && !is_right(*present, *base, wanted.link)) {
        if (table.base_of(*present) == nullptr)
            return fail("there is another interface of this name");
        log::info(
            "interface {} is removed: it has another MAC address or base, or is of another "
            "kind",
            name);
        if (auto removed = links_.remove(present->index); !removed)
            return removed;
        present = nullptr;
    }
    if (present == nullptr) {
        if (auto added = links_.add(base->index, name, wanted.link); !added)
            return added;
        if (auto read = monitor_.read(); !read)
            return read;
        present = table.find(name);
        if (present == nullptr)
            return {};
        log::info("interface {} is made on {}, with {}", name, wanted.base,
                  present->mac.to_string());
    }
    if (present->index != wanted.index) {
        if (auto changed = links_.set_mode(present->index, wanted.link); !changed)
            return changed;
        mark(present->index, wanted.base);
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

void StackedLinks::stop() {
    for (const auto& [name, wanted] : std::exchange(wanted_, {}))
        remove(name, wanted);
}

// An interface without a mark works as well; it is only not known again.
void StackedLinks::mark(int index, const std::string& base) {
    if (!claim_)
        return;
    const LinkMark mark{.claim = claim_->name(), .changes = settings_.changes_of(base)};
    if (const auto marked = links_.set_alias(index, text_of(mark)); !marked)
        log::warn("an interface on {} cannot be marked: {}", base, marked.error().message);
}

// One that is wanted again is adopted, or replaced when it is not as it should be.
void StackedLinks::remove_left_over() {
    for (const netlink::Interface& interface : std::exchange(left_over_, {})) {
        const netlink::Interface* const present = monitor_.table().find(interface.name);
        if (wanted_.contains(interface.name) || present == nullptr ||
            present->index != interface.index)
            continue;
        log::info("interface {} is removed: an earlier run has left it", interface.name);
        remove(interface);
    }
}

// Only what is of its kind on its base: it is not ours otherwise.
void StackedLinks::remove(const std::string& name, const Wanted& unwanted) {
    const netlink::InterfaceTable& table = monitor_.table();
    const netlink::Interface* const present = table.find(name);
    const netlink::Interface* const base = table.find(unwanted.base);
    if (present != nullptr && base != nullptr && is_right(*present, *base, unwanted.link))
        remove(netlink::Interface(*present));
}

void StackedLinks::remove(const netlink::Interface& interface) {
    if (const auto removed = links_.remove(interface.index); !removed)
        log::error("interface {} cannot be removed: {}", interface.name, removed.error().message);
    else if (const auto read = monitor_.read(); !read)
        log::error("{}", read.error().message);
}

}  // namespace headgate::vrrp
