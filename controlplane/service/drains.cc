#include "controlplane/service/drains.h"

#include <algorithm>

#include "common/check.h"
#include "controlplane/config/model.h"

namespace headgate::service {

namespace {

const config::VirtualServer* find(const config::Config& config, const config::ServiceKey& key) {
    const auto found = std::ranges::find(config.virtual_servers, key, &config::VirtualServer::key);
    return found == config.virtual_servers.end() ? nullptr : &*found;
}

bool has(const config::VirtualServer& server, const Endpoint& real) {
    return std::ranges::find(server.real_servers, real, &config::RealServer::endpoint) !=
           server.real_servers.end();
}

}  // namespace

void Drains::reload(const config::Config& before, const std::vector<ServiceView>& views,
                    const config::Config& after, Instant now) {
    check(views.size() == before.virtual_servers.size(), "there is one view per virtual server");
    for (std::size_t index = 0; index < views.size(); ++index) {
        const config::VirtualServer& old = before.virtual_servers[index];
        const config::VirtualServer* server = find(after, old.key());
        if (server == nullptr || server->drain_timeout.count() == 0)
            continue;
        for (std::size_t real = 0; real < old.real_servers.size(); ++real) {
            const config::RealServer& gone = old.real_servers[real];
            if (views[index].server_up[real] && !has(*server, gone.endpoint))
                draining_[old.key()][gone.endpoint] = {now + server->drain_timeout,
                                                       gone.forwarding};
        }
    }
    // What is back, or has no virtual server any more, or none with a drain_timeout, ends here.
    for (auto& [service, servers] : draining_) {
        const config::VirtualServer* server = find(after, service);
        const bool unwanted = server == nullptr || server->drain_timeout.count() == 0;
        std::erase_if(servers,
                      [&](const auto& real) { return unwanted || has(*server, real.first); });
    }
    forget_empty();
}

void Drains::expire(Instant now) {
    for (auto& [service, servers] : draining_)
        std::erase_if(servers, [now](const auto& real) { return real.second.until <= now; });
    forget_empty();
}

void Drains::forget_empty() {
    std::erase_if(draining_, [](const auto& service) { return service.second.empty(); });
}

std::optional<Instant> Drains::next() const {
    std::optional<Instant> next;
    for (const auto& [service, servers] : draining_) {
        for (const auto& [real, draining] : servers)
            next = std::min(next.value_or(draining.until), draining.until);
    }
    return next;
}

std::vector<Drains::Leaving> Drains::of(const config::VirtualServer& server) const {
    std::vector<Leaving> servers;
    if (const auto found = draining_.find(server.key()); found != draining_.end()) {
        for (const auto& [real, draining] : found->second)
            servers.push_back({real, draining.forwarding});
    }
    return servers;
}

}  // namespace headgate::service
