// SnapshotBuilder: turns a ForwardingConfig into a Snapshot and remembers, from one to the next,
// which slot belongs to which service and destination. Control thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

class SnapshotBuilder {
public:
    // `previous` is the snapshot of the last successful build. Fails without any effect when the
    // configuration cannot be forwarded.
    Result<std::unique_ptr<const Snapshot>> build(const ForwardingConfig& config,
                                                  const Snapshot& previous);

private:
    using ServiceKey = std::pair<Endpoint, Protocol>;
    using DestinationKey = std::pair<ServiceKey, Endpoint>;
    using MemberKey = std::pair<std::string, IpAddress>;  // a real server of a group

    void retain(const ForwardingConfig& config);
    void add_service(const ServiceConfig& config, const Snapshot& previous, Snapshot& snapshot);

    SlotRegistry<ServiceKey> services_;
    SlotRegistry<DestinationKey> destinations_;
    SlotRegistry<std::string> groups_;
    SlotRegistry<MemberKey> members_;
};

}  // namespace headgate::dataplane
