// Lease: how long the dataplane goes on without a control plane. Pure; time is a parameter.
//
// The control plane that applied the last table vouches for the VIPs that VRRP owns. When its
// connection has been gone for the table's lease, those services stop, as the VIPs' own leases in
// the kernel do. Services on addresses that nobody else can claim go on for good. When no service
// has been active for exit_after without a control plane, the process has no reason to be.
#pragma once

#include <chrono>
#include <optional>

#include "common/clock.h"

namespace headgate::dataplane {

class Lease {
public:
    static constexpr std::chrono::seconds exit_after{30};

    // A process that was given a table by its command line serves it until it is told otherwise;
    // any other waits for its control plane from the start.
    Lease(bool standalone, Instant now);

    // A control plane has applied a table with this lease.
    void control_applied(std::chrono::seconds lease);
    // The connection of the control plane that applied last is gone.
    void control_lost(Instant now);

    // True when services whose VIP VRRP owns may no longer be active.
    [[nodiscard]] bool expired(Instant now) const;
    // When expired() will become true, if nothing else happens; nothing while a control plane is
    // connected.
    [[nodiscard]] std::optional<Instant> expires_at() const;
    // Call regularly, with whether any service is active. True when it is time to exit.
    [[nodiscard]] bool should_exit(bool any_active, Instant now);

private:
    std::chrono::seconds lease_{0};
    std::optional<Instant> lost_at_;  // while there is no control plane, but there should be
    std::optional<Instant> idle_since_;
};

}  // namespace headgate::dataplane
