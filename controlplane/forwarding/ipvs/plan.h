// Plan: what brings the kernel's IPVS from what it has to what is wanted. Pure.
//
// There are as few operations as there are differences. On the way no service is without those
// servers that it has before and after: a new service is followed by its destinations at once,
// destinations come before others get less or leave, settings are changed in place, and services
// that are not wanted any more go last, each with its destinations in one operation.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "controlplane/forwarding/ipvs/table.h"

namespace headgate::forwarding::ipvs {

struct Operation {
    enum class Kind : std::uint8_t {
        add_service,
        edit_service,
        delete_service,  // and its destinations
        add_destination,
        edit_destination,
        delete_destination,
    };
    Kind kind = Kind::add_service;
    ServiceKey service;
    ServiceSettings settings{};  // of add_service and edit_service
    Destination destination{};   // of those of destinations; its settings do not matter to delete
    bool operator==(const Operation&) const = default;

    // "add 192.0.2.10:80/tcp", "remove 10.0.0.11:80 from 192.0.2.10:80/tcp"
    [[nodiscard]] std::string to_string() const;
};

// `kernel` is all that it has. A service that is not wanted is deleted if it is in `ours`, and left
// alone otherwise.
std::vector<Operation> plan(const std::vector<Service>& kernel, const std::vector<Service>& wanted,
                            const std::set<ServiceKey>& ours);

}  // namespace headgate::forwarding::ipvs
