// SnapshotBuilder: turns a ForwardingConfig into a Snapshot and remembers, from one to the next,
// which slot belongs to which service and destination. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

class SnapshotBuilder {
public:
    // `previous` is the snapshot of the last successful build. Fails without any effect when the
    // configuration cannot be forwarded.
    Result<std::unique_ptr<const Snapshot>> build(const ForwardingConfig& config,
                                                  const Snapshot& previous);

private:
    struct Identity {
        Slot slot;
        std::uint32_t generation;
    };
    using ServiceKey = std::tuple<Endpoint, Protocol>;
    using DestinationKey = std::tuple<Slot, Endpoint>;

    template <typename Key>
    class Registry;

    std::map<ServiceKey, Identity> services_;
    std::map<DestinationKey, Identity> destinations_;
    std::vector<Slot> free_services_;
    std::vector<Slot> free_destinations_;
    std::uint32_t next_generation_ = 1;
};

}  // namespace headgate::dataplane
