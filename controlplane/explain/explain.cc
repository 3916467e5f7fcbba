#include "controlplane/explain/explain.h"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "controlplane/explain/words.h"

namespace headgate::explain {

namespace {

constexpr std::size_t names_shown_max = 20;

// "192.0.2.10" and "192.0.2.10:80" name "192.0.2.10:80/tcp"; "192.0.2.1" does not.
bool is_front_of(std::string_view object, std::string_view name) {
    if (!name.starts_with(object))
        return false;
    return name.size() == object.size() || name[object.size()] == ':' || name[object.size()] == '/';
}

std::string names_of(const api::Status& status) {
    std::vector<std::string> names;
    for (const api::VrrpStatus& instance : status.vrrp())
        names.push_back(instance.name());
    for (const api::VirtualServerStatus& server : status.virtual_servers())
        names.push_back(server.name());
    if (names.empty())
        return "; the configuration has neither";
    if (names.size() > names_shown_max) {
        const std::size_t more = names.size() - names_shown_max;
        names.resize(names_shown_max);
        names.push_back(fmt::format("{} more", more));
    }
    return "; there is " + list_words(names);
}

}  // namespace

Result<api::Why> explain(const api::Status& status, const std::string& object,
                         std::int64_t now_unix_ms) {
    for (const api::VrrpStatus& instance : status.vrrp()) {
        if (instance.name() == object)
            return explain_vrrp(instance, now_unix_ms);
    }
    std::vector<const api::VirtualServerStatus*> found;
    for (const api::VirtualServerStatus& server : status.virtual_servers()) {
        if (server.name() == object)
            return explain_virtual_server(server, now_unix_ms);
        if (!object.empty() && is_front_of(object, server.name()))
            found.push_back(&server);
    }
    if (found.size() == 1)
        return explain_virtual_server(*found.front(), now_unix_ms);
    if (found.size() > 1) {
        std::vector<std::string> names;
        names.reserve(found.size());
        for (const api::VirtualServerStatus* server : found)
            names.push_back(server->name());
        return fail("{} may be {}: say which", object, list_words(names));
    }
    return fail("no VRRP instance and no virtual server is called {}{}", object, names_of(status));
}

}  // namespace headgate::explain
