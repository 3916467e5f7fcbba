// Drains: real servers that a reload has taken out of a virtual server with `drain_timeout`. They
// stay in the ServiceTable, without new connections, until their time is over. Pure: time is a
// parameter. Main thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/model_services.h"
#include "controlplane/service/evaluate.h"

namespace headgate::config {
struct Config;
}

namespace headgate::service {

class Drains {
public:
    // `before` is replaced by `after`; `views` are of `before`. Servers that were down have no
    // connections worth waiting for.
    void reload(const config::Config& before, const std::vector<ServiceView>& views,
                const config::Config& after, Instant now);
    // Lets go of those whose time is over.
    void expire(Instant now);

    // When expire() has something to do.
    [[nodiscard]] std::optional<Instant> next() const;
    // A real server that is drained, and how its connections go on reaching it.
    struct Leaving {
        Endpoint endpoint;
        config::Forwarding forwarding;
    };
    [[nodiscard]] std::vector<Leaving> of(const config::VirtualServer& server) const;

private:
    void forget_empty();

    struct Draining {
        Instant until{};
        config::Forwarding forwarding;
    };
    std::map<config::ServiceKey, std::map<Endpoint, Draining>> draining_;  // by real server
};

}  // namespace headgate::service
