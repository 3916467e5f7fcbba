#include "controlplane/service/placement.h"

#include <algorithm>

#include <fmt/format.h>

#include "controlplane/service/words.h"

namespace headgate::service {

namespace {

// Empty when `asked` is among `supported`.
template <typename Value>
std::string missing(std::string_view keyword, Value asked, const std::vector<Value>& supported) {
    if (std::ranges::find(supported, asked) != supported.end())
        return {};
    std::string words;
    for (const Value value : supported) {
        if (!words.empty())
            words += ", ";
        words += to_word(value);
    }
    return fmt::format("{} {} is not supported (supported: {})", keyword, to_word(asked), words);
}

}  // namespace

std::string why_not_carried(const Capabilities& backend, const config::VirtualServer& server) {
    if (server.fwmark != 0) {
        if (!backend.firewall_marks)
            return "it is selected by a firewall mark";
    } else if (auto reason = missing("protocol", server.protocol, backend.protocols);
               !reason.empty()) {
        return reason;
    }
    if (!server.persistence_engine.empty() && !backend.persistence_engines)
        return fmt::format("persistence_engine {} is not supported", server.persistence_engine);
    for (const config::RealServer& real : server.real_servers) {
        if (auto reason = missing("lb_kind", real.forwarding.method, backend.methods);
            !reason.empty())
            return reason;
    }
    return missing("lb_algo", server.scheduler, backend.schedulers);
}

}  // namespace headgate::service
