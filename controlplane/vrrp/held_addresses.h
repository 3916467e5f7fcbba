// HeldAddresses: the virtual addresses of one instance, and whether the kernel has them. While the
// instance is MASTER they are held: leased, renewed, and put back when somebody else removes one.
//
// Leases: an address is installed for `lease` and renewed three times in that time, so that the
// kernel removes it by itself when this process is killed or hangs.
//
// VRRP thread only. Reaches the kernel through the Link and takes time as a parameter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

class HeldAddresses {
public:
    struct Vip {
        config::VirtualAddress address;
        bool present = false;
        std::optional<Instant> since{};  // held: when it was installed first
        std::string error{};             // of the last attempt to install it
    };

    // `owner`: the name of the instance, for the log. `link` outlives the object.
    HeldAddresses(std::string owner, const config::VrrpInstance& config, Link& link);

    // Installs all, or renews what is there; from now on they are held.
    void hold(Instant now);
    // Removes all, also those that an earlier run has left behind.
    void release();
    // Removes those that `next` no longer has.
    void release_all_but(const std::vector<config::VirtualAddress>& next);
    // Takes over the addresses and the lease of `next`. New addresses that are not to be held are
    // removed from the kernel; those that are wait for hold().
    void reconfigure(const config::VrrpInstance& next);

    // Renews what is due and repairs what was put off. True: an address was put back, of which
    // whoever asked for it in between has been told nothing. A call that is early by more than a
    // twelfth of the lease does nothing.
    bool on_deadline(Instant now);
    // The kernel's addresses may have changed. True as above.
    bool on_addresses(Instant now);
    [[nodiscard]] std::optional<Instant> deadline() const;
    // When an earlier run of us last renewed all of them; nothing when one is not there, or not
    // under a lease of ours.
    [[nodiscard]] std::optional<Instant> renewed() const;

    [[nodiscard]] const std::vector<Vip>& vips() const { return vips_; }
    [[nodiscard]] std::uint64_t num_restored() const { return num_restored_; }
    // What is wrong with one of them; empty when nothing is.
    [[nodiscard]] std::string problem() const;
    // Whether one came or went since the last call.
    [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }

private:
    [[nodiscard]] bool held() const { return next_renewal_.has_value(); }
    bool repair(Instant now);
    void install(Vip& vip, Instant now);
    void withdraw(Vip& vip);

    std::string owner_;
    Link& link_;
    std::chrono::seconds lease_;
    std::vector<Vip> vips_;
    std::optional<Instant> next_renewal_;  // while held
    // Somebody who removes a VIP each time that he sees it gets it back at this pace.
    Instant repair_allowed_{};
    bool repair_pending_ = false;
    bool changed_ = false;
    std::uint64_t num_restored_ = 0;
};

}  // namespace headgate::vrrp
