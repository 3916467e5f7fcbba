// Services and servers of IPVS by their addresses, for the tests of this folder.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "controlplane/forwarding/ipvs/table.h"

namespace headgate::forwarding::ipvs {

inline ServiceKey key(const char* address) {
    return {.endpoint = {*IpAddress::parse(address), 80}, .protocol = 6};
}

inline Destination server(const char* address, std::uint32_t weight = 1) {
    Destination destination;
    destination.endpoint = {*IpAddress::parse(address), 80};
    destination.settings.weight = weight;
    return destination;
}

inline Service service(const ServiceKey& of, std::vector<Destination> servers) {
    Service made{.key = of, .settings = {}, .destinations = std::move(servers)};
    made.settings.scheduler = "rr";
    return made;
}

inline Service service(const char* address,
                       std::vector<Destination> servers = {server("10.0.0.11")}) {
    return service(key(address), std::move(servers));
}

}  // namespace headgate::forwarding::ipvs
