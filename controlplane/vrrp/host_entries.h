// HostEntries: the static addresses, routes and rules, which this host has all the time that the
// daemon runs. Added at the start, put back when somebody removes one, removed at the end.
//
// VRRP thread only. It takes time as a parameter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/vrrp/held_routes.h"

namespace headgate::vrrp {

class HostEntries {
public:
    // All outlive the object.
    HostEntries(netlink::InterfaceTable& interfaces, netlink::AddressWriter& addresses,
                Routing& routing)
        : interfaces_(interfaces), writer_(addresses), held_("static", {}, {}, &routing) {}

    // What is in both the old and the new configuration is not touched.
    void apply(Instant now, const config::StaticEntries& next);
    void stop();

    // Early calls do nothing.
    void on_deadline(Instant now);
    // The kernel's addresses, routes or rules may have changed.
    void on_changes(Instant now);
    [[nodiscard]] std::optional<Instant> deadline() const;

    // Why an instance of one of the track groups cannot work; empty: nothing keeps it from it.
    [[nodiscard]] std::string problem_of(const std::string& instance) const;

private:
    struct Address {
        config::VirtualAddress address;
        bool present = false;
        std::string error{};  // of the last attempt to add it
    };

    void add(Address& entry);
    void remove(const Address& entry);
    void add_missing(Instant now);
    [[nodiscard]] bool has(const config::VirtualAddress& address) const;

    netlink::InterfaceTable& interfaces_;
    netlink::AddressWriter& writer_;
    std::vector<Address> addresses_;
    HeldRoutes held_;
    config::StaticEntries config_;
    std::optional<Instant> next_try_;
    Instant repair_allowed_{};
};

}  // namespace headgate::vrrp
