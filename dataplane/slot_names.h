// SlotNames: what the services and destinations of a snapshot are called, for answers that tell of
// them by their generations. A copy: the snapshot may go. Control thread.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

class SlotNames {
public:
    struct Server {
        DestinationConfig config;
        ConnectionCount load;  // when the names were taken
        bool overloaded = false;
    };
    struct Service {
        Endpoint endpoint;
        Protocol protocol = Protocol::tcp;
        Scheduler scheduler = Scheduler::rr;
        bool active = false;
        std::vector<Identity> servers;  // in the order of the configuration
    };

    // Adds what it does not know yet.
    void add(const Snapshot& snapshot);
    // nullptr: the generation is not known.
    [[nodiscard]] const Service* service(std::uint32_t generation) const;
    [[nodiscard]] const Server* server(const Identity& destination) const;

private:
    std::map<std::uint32_t, Service> services_;
    std::map<std::uint32_t, Server> servers_;
};

}  // namespace headgate::dataplane
