// NetlinkKernel: the IPVS of this network namespace, by its generic netlink family. Main thread.
//
// Every call blocks until the kernel has answered, which is within the call that asks: a change
// takes microseconds, a list as much for each service. What takes longer, by what modprobe takes,
// is open() when ip_vs is not loaded, and the first service with a scheduler that is not.
// Source: linux/ip_vs.h.
#pragma once

#include <optional>

#include "controlplane/forwarding/ipvs/kernel.h"
#include "controlplane/netlink/generic.h"

namespace headgate::forwarding::ipvs {

class NetlinkKernel final : public Kernel {
public:
    Result<void> open() override;
    [[nodiscard]] Result<Info> info() override;
    [[nodiscard]] Result<std::vector<ListedService>> list() override;
    Result<void> perform(const Operation& operation) override;
    Result<void> flush() override;
    [[nodiscard]] Result<std::vector<SyncDaemon>> sync_daemons() override;
    Result<void> start_sync(const SyncDaemon& daemon) override;
    Result<void> stop_sync(SyncRole role) override;
    [[nodiscard]] Result<Timeouts> timeouts() override;
    Result<void> set_timeouts(const Timeouts& timeouts) override;
    [[nodiscard]] Result<int> sysctl(const std::string& name) override;
    Result<void> set_sysctl(const std::string& name, int value) override;

private:
    Result<void> list_destinations(ListedService& service);
    Result<std::vector<ListedService>> list_once();

    std::optional<netlink::GenericSocket> socket_;
};

}  // namespace headgate::forwarding::ipvs
