// SnapshotBuilder: turns a ForwardingConfig into a Snapshot and remembers, from one to the next,
// which slot belongs to which service and destination. Control thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

// A destination of a service, with the identity that it had in another process.
struct KnownDestination {
    Endpoint service;
    Protocol protocol = Protocol::tcp;
    Endpoint destination;
    Identity identity;
};

class SnapshotBuilder {
public:
    // Before the first build: these destinations have these identities if they are configured, and
    // no other has a generation below `first_generation`.
    void restore(const std::vector<KnownDestination>& known, std::uint32_t first_generation);

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
