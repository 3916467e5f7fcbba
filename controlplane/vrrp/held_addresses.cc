#include "controlplane/vrrp/held_addresses.h"

#include <algorithm>

#include "common/log.h"
#include "controlplane/vrrp/repair_pace.h"

namespace headgate::vrrp {

namespace {

// A lease survives two lost renewals.
constexpr int renewals_per_lease = 3;
// A renewal that is due within this part of the lease goes along with what is done now, which is
// mostly an advert: one wake instead of two, as often as the lease is renewed.
constexpr int leases_ahead = 12;

}  // namespace

HeldAddresses::HeldAddresses(std::string owner, const config::VrrpInstance& config, Link& link)
    : owner_(std::move(owner)), link_(link), lease_(config.vip_lease) {
    for (const config::VirtualAddress& address : all_addresses(config)) {
        const Vip& vip =
            vips_.emplace_back(Vip{.address = address, .present = link_.present(address)});
        if (vip.present)
            log::info("({}) {} is there already", owner_, address.to_string());
    }
}

std::optional<Instant> HeldAddresses::renewed() const {
    std::optional<Instant> earliest;
    for (const Vip& vip : vips_) {
        const std::optional<Instant> renewed = link_.renewed(vip.address);
        if (!renewed)
            return std::nullopt;
        earliest = earliest ? std::min(*earliest, *renewed) : renewed;
    }
    return earliest;
}

void HeldAddresses::hold(Instant now) {
    const bool renews = held();
    next_renewal_ = now + Duration(lease_) / renewals_per_lease;
    for (Vip& vip : vips_) {
        // What is not tracked and was removed stays away until the next time as MASTER.
        if (renews && !vip.address.tracked && !vip.present && vip.error.empty() && vip.since)
            continue;
        install(vip, now);
    }
}

void HeldAddresses::release() {
    next_renewal_.reset();
    repair_pending_ = false;
    for (Vip& vip : vips_) {
        withdraw(vip);
        vip.since.reset();
    }
}

void HeldAddresses::release_all_but(const std::vector<config::VirtualAddress>& next) {
    std::erase_if(vips_, [&](Vip& vip) {
        if (std::ranges::find(next, vip.address) != next.end())
            return false;
        withdraw(vip);
        return true;
    });
}

void HeldAddresses::reconfigure(const config::VrrpInstance& next) {
    const std::vector<config::VirtualAddress> addresses = all_addresses(next);
    release_all_but(addresses);
    std::vector<Vip> vips;
    for (const config::VirtualAddress& address : addresses) {
        const auto known = std::ranges::find(vips_, address, &Vip::address);
        Vip& vip = vips.emplace_back(
            known != vips_.end() ? *known
                                 : Vip{.address = address, .present = link_.present(address)});
        if (known == vips_.end() && !held())
            withdraw(vip);
    }
    vips_ = std::move(vips);
    lease_ = next.vip_lease;
}

bool HeldAddresses::on_deadline(Instant now) {
    if (next_renewal_ && now + Duration(lease_) / leases_ahead >= *next_renewal_)
        hold(now);
    return repair_pending_ && now >= repair_allowed_ && repair(now);
}

bool HeldAddresses::on_addresses(Instant now) {
    bool missing = false;
    for (Vip& vip : vips_) {
        if (const bool present = link_.present(vip.address); present != vip.present) {
            vip.present = present;
            changed_ = true;
            if (held() && !present && vip.address.tracked)
                log::warn("({}) {} was removed, putting it back", owner_, vip.address.to_string());
            else if (!held() && present)
                log::warn("({}) {} was added by somebody else while we are not MASTER", owner_,
                          vip.address.to_string());
        }
        missing = missing || (!vip.present && vip.error.empty() && vip.address.tracked);
    }
    if (!held() || !missing)
        return false;
    repair_pending_ = true;
    return now >= repair_allowed_ && repair(now);
}

std::optional<Instant> HeldAddresses::deadline() const {
    if (!repair_pending_)
        return next_renewal_;
    return std::min(next_renewal_.value_or(repair_allowed_), repair_allowed_);
}

std::string HeldAddresses::problem() const {
    std::string problem;
    for (const Vip& vip : vips_) {
        if (!vip.error.empty())
            problem = fmt::format("{}: {}", vip.address.to_string(), vip.error);
    }
    return problem;
}

bool HeldAddresses::repair(Instant now) {
    repair_pending_ = false;
    repair_allowed_ = now + repair_interval;
    for (Vip& vip : vips_) {
        if (vip.present || !vip.address.tracked)
            continue;
        install(vip, now);
        if (vip.present)
            ++num_restored_;
    }
    return true;
}

void HeldAddresses::install(Vip& vip, Instant now) {
    if (!vip.since)
        vip.since = now;
    // A renewal would begin the time in which it is preferred anew.
    config::VirtualAddress address = vip.address;
    if (address.preferred_s) {
        const auto passed = std::chrono::duration_cast<std::chrono::seconds>(now - *vip.since);
        const auto passed_s =
            static_cast<std::uint64_t>(std::max<Duration>(passed, {}) / std::chrono::seconds(1));
        *address.preferred_s -=
            static_cast<std::uint32_t>(std::min<std::uint64_t>(passed_s, *address.preferred_s));
    }
    const auto installed = link_.install(address, lease_);
    if (!installed && vip.error.empty())
        log::error("({}) cannot install {}: {}", owner_, vip.address.to_string(),
                   installed.error().message);
    vip.error = installed ? "" : installed.error().message;
    if (vip.present != installed.has_value()) {
        vip.present = installed.has_value();
        changed_ = true;
    }
}

void HeldAddresses::withdraw(Vip& vip) {
    vip.error.clear();
    if (const auto withdrawn = link_.withdraw(vip.address); !withdrawn) {
        log::error("({}) cannot remove {}: {}", owner_, vip.address.to_string(),
                   withdrawn.error().message);
        return;
    }
    if (std::exchange(vip.present, false))
        changed_ = true;
}

}  // namespace headgate::vrrp
