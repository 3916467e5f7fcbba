// KernelRouting: the routes and rules of the kernel. VRRP thread only; it waits for fd() to become
// readable and calls read().
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "controlplane/netlink/interfaces.h"
#include "controlplane/netlink/route_monitor.h"
#include "controlplane/netlink/routes.h"
#include "controlplane/netlink/rules.h"
#include "controlplane/vrrp/routing.h"

namespace headgate::vrrp {

class KernelRouting final : public Routing {
public:
    // `interfaces` outlives the object.
    KernelRouting(const netlink::InterfaceTable& interfaces, netlink::RouteWriter routes,
                  netlink::RuleWriter rules)
        : interfaces_(interfaces), routes_(std::move(routes)), rules_(std::move(rules)) {}

    // From now on it knows the routes and rules of these protocols, and there is an fd(). The first
    // call removes what an earlier run has left behind and is not in the lists.
    Result<void> watch(const std::vector<config::Route>& routes,
                       const std::vector<config::Rule>& rules);
    // -1: nothing is watched. It changes with watch().
    [[nodiscard]] int fd() const { return monitor_ ? monitor_->fd() : -1; }
    // Takes over all that is waiting; does not block.
    Result<void> read();
    // Whether present() may answer otherwise than at the last call.
    [[nodiscard]] bool take_changed() { return monitor_ && monitor_->table().take_changed(); }

    Result<void> install(const config::Route& route) override;
    Result<void> install(const config::Rule& rule) override;
    Result<void> withdraw(const config::Route& route) override;
    Result<void> withdraw(const config::Rule& rule) override;
    [[nodiscard]] bool present(const config::Route& route) const override;
    [[nodiscard]] bool present(const config::Rule& rule) const override;

private:
    const netlink::InterfaceTable& interfaces_;
    netlink::RouteWriter routes_;
    netlink::RuleWriter rules_;
    std::optional<netlink::RouteMonitor> monitor_;
    std::set<std::uint8_t> protocols_;
    bool has_cleaned_ = false;
};

}  // namespace headgate::vrrp
