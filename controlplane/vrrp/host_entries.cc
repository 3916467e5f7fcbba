#include "controlplane/vrrp/host_entries.h"

#include <algorithm>

#include "common/log.h"
#include "controlplane/vrrp/repair_pace.h"

namespace headgate::vrrp {

void HostEntries::apply(Instant now, const config::StaticEntries& next) {
    std::erase_if(addresses_, [&](const Address& known) {
        if (std::ranges::find(next.addresses, known.address) != next.addresses.end())
            return false;
        remove(known);
        return true;
    });
    for (const config::VirtualAddress& address : next.addresses) {
        if (std::ranges::find(addresses_, address, &Address::address) == addresses_.end())
            addresses_.push_back({.address = address});
    }
    config_ = next;
    add_missing(now);
    // Behind the addresses, which may be their sources.
    held_.reconfigure(now, next.routes, next.rules);
    held_.hold(now);
}

void HostEntries::stop() {
    held_.release();
    for (const Address& entry : addresses_)
        remove(entry);
    addresses_.clear();
    next_try_.reset();
}

void HostEntries::on_deadline(Instant now) {
    if (next_try_ && now >= *next_try_)
        add_missing(now);
    held_.on_deadline(now);
}

void HostEntries::on_changes(Instant now) {
    bool missing = false;
    for (Address& entry : addresses_) {
        const bool present = has(entry.address);
        if (entry.present && !present)
            log::warn("(static) address {} was removed, putting it back",
                      entry.address.to_string());
        entry.present = present;
        missing = missing || (!present && entry.address.tracked && entry.error.empty());
    }
    if (missing && now >= repair_allowed_)
        add_missing(now);
    else if (missing)
        next_try_ = repair_allowed_;
    held_.on_changes(now);
}

std::optional<Instant> HostEntries::deadline() const {
    const std::optional<Instant> routes = held_.deadline();
    if (next_try_ && routes)
        return std::min(*next_try_, *routes);
    return next_try_ ? next_try_ : routes;
}

void HostEntries::add_missing(Instant now) {
    repair_allowed_ = now + repair_interval;
    next_try_.reset();
    for (Address& entry : addresses_) {
        if (!entry.present)
            add(entry);
        if (!entry.error.empty())
            next_try_ = now + retry_interval;
    }
}

void HostEntries::add(Address& entry) {
    const netlink::Interface* const interface = interfaces_.find(entry.address.interface);
    const Result<void> added = interface == nullptr
                                   ? fail("interface {} does not exist", entry.address.interface)
                                   : writer_.add(interface->index, entry.address);
    if (!added && added.error().message != entry.error)
        log::error("(static) cannot add address {}: {}", entry.address.to_string(),
                   added.error().message);
    entry.error = added ? "" : added.error().message;
    entry.present = added.has_value();
    if (added)
        interfaces_.add_address(interface->index, entry.address.prefix);
}

void HostEntries::remove(const Address& entry) {
    const netlink::Interface* const interface = interfaces_.find(entry.address.interface);
    if (interface == nullptr)
        return;
    if (const auto removed = writer_.remove(interface->index, entry.address); !removed)
        log::error("(static) cannot remove address {}: {}", entry.address.to_string(),
                   removed.error().message);
    else
        interfaces_.remove_address(interface->index, entry.address.prefix);
}

bool HostEntries::has(const config::VirtualAddress& address) const {
    const netlink::Interface* const interface = interfaces_.find(address.interface);
    return interface != nullptr && interfaces_.has_address(interface->index, address.prefix);
}

std::string HostEntries::problem_of(const std::string& instance) const {
    const auto concerns = [&](const std::string& group) {
        const auto found = config_.track_groups.find(group);
        return found != config_.track_groups.end() &&
               std::ranges::find(found->second, instance) != found->second.end();
    };
    for (const Address& entry : addresses_) {
        if (!entry.error.empty() && concerns(entry.address.track_group))
            return fmt::format("static address {} is missing", entry.address.to_string());
    }
    for (const auto& route : held_.routes()) {
        if (!route.error.empty() && concerns(route.entry.track_group))
            return fmt::format("static route {} is missing", route.entry.to_string());
    }
    for (const auto& rule : held_.rules()) {
        if (!rule.error.empty() && concerns(rule.entry.track_group))
            return fmt::format("static rule {} is missing", rule.entry.to_string());
    }
    return {};
}

}  // namespace headgate::vrrp
