#include "controlplane/health/check_key.h"

#include <functional>
#include <string_view>

#include <fmt/format.h>

namespace headgate::health {

namespace {

void mix(std::size_t& seed, std::size_t value) {
    // Boost's hash_combine constant: the golden ratio, so that equal values do not cancel out.
    seed ^= value + 0x9e3779b97f4a7c15U + (seed << 6U) + (seed >> 2U);
}

}  // namespace

std::size_t CheckHash::operator()(const config::Check& check) const noexcept {
    std::size_t seed = check.kind.index();
    mix(seed, std::hash<Endpoint>{}(target_of(check)));
    mix(seed, static_cast<std::size_t>(check.timing.delay_loop.count()));
    if (const auto* http = std::get_if<config::HttpCheck>(&check.kind)) {
        for (const config::HttpUrl& url : http->urls)
            mix(seed, std::hash<std::string_view>{}(url.path));
    }
    return seed;
}

const Endpoint& target_of(const config::Check& check) {
    return std::visit([](const auto& kind) -> const Endpoint& { return kind.target; }, check.kind);
}

std::string type_of(const config::Check& check) {
    return std::holds_alternative<config::TcpCheck>(check.kind) ? "TCP_CHECK" : "HTTP_GET";
}

std::string service_name(const Endpoint& endpoint) {
    return fmt::format("[{}]:tcp:{}", endpoint.address.to_string(), endpoint.port);
}

}  // namespace headgate::health
