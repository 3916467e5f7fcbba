// Messages of the netlink family IPVS: their attributes, as linux/ip_vs.h has them. Pure.
#pragma once

#include <optional>

#include "controlplane/forwarding/ipvs/kernel.h"

struct nl_msg;
struct nlmsghdr;

namespace headgate::forwarding::ipvs {

// IPVS_CMD_*
std::uint8_t command_of(Operation::Kind kind);
// Into a request that has room for them.
void put_operation(nl_msg* request, const Operation& operation);
// Names a service, for IPVS_CMD_GET_DEST.
void put_service_key(nl_msg* request, const ServiceKey& key);
void put_timeouts(nl_msg* request, const Timeouts& timeouts);
void put_sync_daemon(nl_msg* request, const SyncDaemon& daemon);
// Names one, for IPVS_CMD_DEL_DAEMON.
void put_sync_role(nl_msg* request, SyncRole role);

// Nothing where the message is not what was asked for; lists have to end, whatever is in them.
std::optional<ListedService> service_in(nlmsghdr* message);  // without its destinations
struct ListedDestination {
    Destination destination;
    ListedService::DestinationState state;
};
std::optional<ListedDestination> destination_in(nlmsghdr* message);
std::optional<Timeouts> timeouts_in(nlmsghdr* message);
std::optional<SyncDaemon> sync_daemon_in(nlmsghdr* message);
std::optional<Info> info_in(nlmsghdr* message);

}  // namespace headgate::forwarding::ipvs
