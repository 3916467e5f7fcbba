// The ServiceTable as the dataplane keeps it: checked, in the core's types, and from there to what
// one interface forwards. Pure but for read_table_file(). *Control thread.*
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/forwarding_config.h"

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
};

// Fails on the first thing that cannot be forwarded; the message names the service and the field.
Result<Table> load_table(const api::ServiceTable& message);

// Reads a ServiceTable as proto3 JSON.
Result<Table> read_table_file(const std::string& path);

// Every address that frames may have to be sent to, once.
std::vector<IpAddress> destination_addresses(const Table& table);

using MacLookup = std::function<std::optional<MacAddress>(const IpAddress&)>;

// What an interface forwards. With `lease_expired`, services whose VIP a VRRP instance owns are
// not active: nobody vouches for the VIP any more.
ForwardingConfig forwarding_config(const Table& table, bool lease_expired,
                                   const MacAddress& interface_mac, const MacLookup& mac_of);

}  // namespace headgate::dataplane
