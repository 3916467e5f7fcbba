#include "controlplane/config/model_names.h"

#include <array>

#include <fmt/format.h>

#include "common/check.h"

namespace headgate::config {

std::string_view to_word(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "tcp";
        case Protocol::udp:
            return "udp";
        case Protocol::sctp:
            return "sctp";
    }
    check(false, "a protocol has a word");
    return {};
}

std::string_view route_type_name(std::uint8_t type) {
    constexpr std::array<std::string_view, 12> names{
        "unspec",    "unicast",     "local",    "broadcast", "anycast", "multicast",
        "blackhole", "unreachable", "prohibit", "throw",     "nat",     "xresolve"};
    return type < names.size() ? names.at(type) : "unknown";
}

std::string name_of(const VirtualServer& server) {
    if (server.fwmark != 0)
        return fmt::format("fwmark {}{}", server.fwmark,
                           server.endpoint.address.is_v4() ? "" : " (IPv6)");
    return fmt::format("{}/{}", server.endpoint.to_string(), to_word(server.protocol));
}

}  // namespace headgate::config
