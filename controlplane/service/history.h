// History: since when each real server of each virtual server has been up or down, and what
// changed between two evaluations. Pure: the wall clock is a parameter. Main thread.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "controlplane/config/model_services.h"
#include "controlplane/service/evaluate.h"

namespace headgate::config {
struct Config;
}

namespace headgate::service {

class History {
public:
    struct Change {
        std::size_t service = 0;  // index into config.virtual_servers
        std::size_t server = 0;   // index into its real_servers
        bool up = false;
    };

    // Takes the latest evaluation. Real servers that were there before keep their history across
    // reloads; a new one starts now and is no change. Returns those that went up or down.
    std::vector<Change> update(const config::Config& config, const std::vector<ServiceView>& views,
                               std::int64_t now_unix_ms);

    // Requires: the real server was part of the latest update.
    [[nodiscard]] std::int64_t since_unix_ms(const config::VirtualServer& service,
                                             const config::RealServer& server) const;

private:
    using Key = std::pair<config::ServiceKey, Endpoint>;  // and the real server's
    struct Entry {
        bool up = false;
        std::int64_t since_unix_ms = 0;
    };
    std::map<Key, Entry> entries_;
};

}  // namespace headgate::service
