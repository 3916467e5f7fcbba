// Kernel: what the IPVS backend asks of the kernel's IPVS, as a seam: netlink_kernel.h is the real
// one. Main thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/forwarding/ipvs/plan.h"
#include "controlplane/forwarding/ipvs/sync_daemon.h"
#include "controlplane/forwarding/ipvs/table.h"

namespace headgate::forwarding::ipvs {

struct Counters {
    std::uint64_t connections = 0;  // ever scheduled
    std::uint64_t packets = 0;      // from clients, and likewise
    std::uint64_t bytes = 0;
    std::uint64_t packets_out = 0;  // to clients, which is seen with NAT alone
    std::uint64_t bytes_out = 0;
};

// A service as the kernel lists it, its counters as of up to two seconds ago; `rates` are counters
// per second, as the kernel smoothes them. `destinations` are parallel to service.destinations.
struct ListedService {
    struct DestinationState {
        Counters counters;
        Counters rates;
        std::uint32_t active_connections = 0;
        std::uint32_t inactive_connections = 0;
        std::uint32_t persistent_connections = 0;  // clients that are bound to it
    };
    Service service;
    Counters counters;
    Counters rates;
    std::vector<DestinationState> destinations;
};

struct Info {
    std::uint32_t version = 0;  // 0x010201 is 1.2.1
    std::uint32_t connection_buckets = 0;
};

class Kernel {
public:
    Kernel() = default;
    virtual ~Kernel() = default;
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;

    // Has to succeed before anything else is asked. Error::code ENOENT: ip_vs is not loaded.
    virtual Result<void> open() = 0;

    [[nodiscard]] virtual Result<Info> info() = 0;

    // All services, whoever has made them.
    [[nodiscard]] virtual Result<std::vector<ListedService>> list() = 0;

    // Error::code: EEXIST, ENOENT and ESRCH say that the kernel has not what was thought; EPERM,
    // EINVAL and others that it will not do it. The message says what was attempted and why not.
    virtual Result<void> perform(const Operation& operation) = 0;

    virtual Result<void> flush() = 0;

    // All that run, whoever has started them.
    [[nodiscard]] virtual Result<std::vector<SyncDaemon>> sync_daemons() = 0;
    // Error::code: EEXIST: one of its role runs already; ENODEV: there is no such interface.
    virtual Result<void> start_sync(const SyncDaemon& daemon) = 0;
    // One that does not run is no error.
    virtual Result<void> stop_sync(SyncRole role) = 0;

    [[nodiscard]] virtual Result<Timeouts> timeouts() = 0;
    // Those that are 0 stay as they are.
    virtual Result<void> set_timeouts(const Timeouts& timeouts) = 0;

    // Those of /proc/sys/net/ipv4/vs, of this network namespace.
    [[nodiscard]] virtual Result<int> sysctl(const std::string& name) = 0;
    virtual Result<void> set_sysctl(const std::string& name, int value) = 0;
};

}  // namespace headgate::forwarding::ipvs
