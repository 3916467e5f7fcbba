// The ServiceTable as the dataplane keeps it: checked, in the core's types, and from there to what
// one interface forwards. Pure but for read_table_file(). *Control thread.*
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/neighbours.h"

namespace headgate::api {
class ServiceTable;
}

namespace headgate::dataplane {

struct TableService {
    ServiceConfig config;  // destinations without MAC addresses; `active` as published
    bool vrrp_owned = false;
};

struct Table {
    std::uint64_t generation = 0;
    std::chrono::seconds lease{0};
    std::vector<TableService> services;
    Protection protection;
    FlowCachePolicy flow_cache;
    // The kernel's IPVS has these services, too, and forwards what no worker takes.
    bool ipvs_stands_by = false;
};

// Fails on the first thing that cannot be forwarded; the message names the service and the field.
Result<Table> load_table(const api::ServiceTable& message);

// Reads a ServiceTable as proto3 JSON.
Result<Table> read_table_file(const std::string& path);

// Every address that packets may have to be sent to, and whether any goes through a tunnel.
std::map<IpAddress, bool> destination_addresses(const Table& table);

// How frames get to an address.
struct HopLookup {
    // When the host is on a segment itself.
    std::function<std::optional<RoutedHop>(const IpAddress&)> direct;
    // Over any number of hops.
    std::function<std::optional<RoutedHop>(const IpAddress&)> routed;
};

// The interface that packets come in on.
struct IngressInterface {
    int ifindex = 0;
    MacAddress mac;
    // Its XDP program runs in generic mode, and can send by any other interface.
    bool redirects_to_any = false;
};

// What an interface forwards. With `lease_expired`, services whose VIP a VRRP instance owns are
// not active: nobody vouches for the VIP any more.
ForwardingConfig forwarding_config(const Table& table, bool lease_expired,
                                   const IngressInterface& ingress, const HopLookup& hops);

}  // namespace headgate::dataplane
