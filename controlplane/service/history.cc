#include "controlplane/service/history.h"

#include <utility>

#include "common/check.h"
#include "controlplane/config/model.h"

namespace headgate::service {

std::vector<History::Change> History::update(const config::Config& config,
                                             const std::vector<ServiceView>& views,
                                             std::int64_t now_unix_ms) {
    check(views.size() == config.virtual_servers.size(), "there is one view per virtual server");
    const std::map<Key, Entry> before = std::exchange(entries_, {});
    std::vector<Change> changes;
    for (std::size_t service = 0; service < views.size(); ++service) {
        const config::VirtualServer& virtual_server = config.virtual_servers[service];
        for (std::size_t server = 0; server < virtual_server.real_servers.size(); ++server) {
            const bool up = views[service].server_up[server];
            const Key key{virtual_server.key(), virtual_server.real_servers[server].endpoint};
            const auto known = before.find(key);
            if (known != before.end() && known->second.up == up) {
                entries_.insert(*known);
                continue;
            }
            entries_.insert_or_assign(key, Entry{up, now_unix_ms});
            if (known != before.end())
                changes.push_back({service, server, up});
        }
    }
    return changes;
}

std::int64_t History::since_unix_ms(const config::VirtualServer& service,
                                    const config::RealServer& server) const {
    const auto found = entries_.find({service.key(), server.endpoint});
    check(found != entries_.end(), "the real server was part of the latest update");
    return found->second.since_unix_ms;
}

}  // namespace headgate::service
