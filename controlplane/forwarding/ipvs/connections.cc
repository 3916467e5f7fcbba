#include "controlplane/forwarding/ipvs/connections.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <istream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "common/api.pb.h"
#include "common/limits.h"
#include "common/net.h"

namespace headgate::forwarding::ipvs {

namespace {

constexpr int hexadecimal = 16;

template <typename Number>
std::optional<Number> number_of(std::string_view text, int base) {
    Number number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

// IPv4 is eight hexadecimal digits, IPv6 as one writes it.
std::optional<IpAddress> address_of_kernel(std::string_view text) {
    if (text.find(':') != std::string_view::npos) {
        const auto address = IpAddress::parse(text);
        return address ? std::optional(*address) : std::nullopt;
    }
    constexpr std::size_t digits = 8;
    const auto number = number_of<std::uint32_t>(text, hexadecimal);
    if (!number || text.size() != digits)
        return std::nullopt;
    return IpAddress::v4(Be32(*number));
}

// Flow has words of its own for these.
std::string state_of_kernel(const std::string& word) {
    if (word == "SYN_RECV")
        return "SYN";
    return word == "FIN_WAIT" ? "FIN" : word;
}

struct KernelConnection {
    api::Protocol protocol;
    IpAddress client, service, server;
    std::uint16_t client_port, service_port, server_port;
    std::string state;
    std::uint32_t expires_s;
};

// "TCP C0000265 9C42 C000020A 0050 C000020B 0050 ESTABLISHED     899"; what follows is of a
// persistence engine.
std::optional<KernelConnection> connection_in(const std::string& line) {
    std::istringstream words(line);
    std::array<std::string, 9> word;
    for (std::string& each : word) {
        if (!(words >> each))
            return std::nullopt;
    }
    api::Protocol protocol = api::PROTOCOL_UNSPECIFIED;
    if (!api::Protocol_Parse(word[0], &protocol))
        return std::nullopt;
    const auto client = address_of_kernel(word[1]);
    const auto service = address_of_kernel(word[3]);
    const auto server = address_of_kernel(word[5]);
    const auto client_port = number_of<std::uint16_t>(word[2], hexadecimal);
    const auto service_port = number_of<std::uint16_t>(word[4], hexadecimal);
    const auto server_port = number_of<std::uint16_t>(word[6], hexadecimal);
    const auto expires_s = number_of<std::uint32_t>(word[8], 10);
    if (!client || !service || !server || !client_port || !service_port || !server_port ||
        !expires_s)
        return std::nullopt;
    return KernelConnection{.protocol = protocol,
                            .client = *client,
                            .service = *service,
                            .server = *server,
                            .client_port = *client_port,
                            .service_port = *service_port,
                            .server_port = *server_port,
                            .state = state_of_kernel(word[7]),
                            .expires_s = *expires_s};
}

// What of a FlowsRequest matters here; what is absent matches everything.
struct ConnectionFilter {
    std::optional<Prefix> client;
    std::optional<IpAddress> service;
    std::uint16_t port = 0;
    api::Protocol protocol = api::PROTOCOL_UNSPECIFIED;
    std::optional<IpAddress> server;

    [[nodiscard]] bool matches(const KernelConnection& connection) const {
        if (client && !client->contains(connection.client))
            return false;
        if (service && (*service != connection.service || protocol != connection.protocol ||
                        (port != 0 && port != connection.service_port)))
            return false;
        return !server || *server == connection.server;
    }
};

Result<ConnectionFilter> filter_of(const api::FlowsRequest& request) {
    ConnectionFilter filter;
    if (!request.client().empty()) {
        auto client = Prefix::parse(request.client());
        if (!client)
            return tl::unexpected(client.error());
        filter.client = *client;
    }
    const auto read = [](const std::string& text, std::optional<IpAddress>& to) -> Result<void> {
        if (text.empty())
            return {};
        auto address = IpAddress::parse(text);
        if (!address)
            return tl::unexpected(address.error());
        to = *address;
        return {};
    };
    if (auto service = read(request.service_address(), filter.service); !service)
        return tl::unexpected(service.error());
    if (auto server = read(request.destination(), filter.server); !server)
        return tl::unexpected(server.error());
    filter.port = static_cast<std::uint16_t>(request.service_port());
    filter.protocol = request.service_protocol();
    return filter;
}

void fill_flow(const KernelConnection& from, api::Flow& to) {
    to.set_client(from.client.to_string());
    to.set_client_port(from.client_port);
    to.set_service_address(from.service.to_string());
    to.set_service_port(from.service_port);
    to.set_protocol(from.protocol);
    to.set_destination(from.server.to_string());
    to.set_destination_port(from.server_port);
    to.set_state(from.state);
    to.set_expires_s(from.expires_s);
    to.set_persistent(from.client_port == 0);  // no connection, but what binds a client
}

}  // namespace

Result<api::Flows> connections_in(std::istream& lines, const api::FlowsRequest& request) {
    const auto filter = filter_of(request);
    if (!filter)
        return tl::unexpected(filter.error());
    const std::uint32_t limit = std::min(request.limit(), limits::flows_listed_max);
    api::Flows flows;
    std::string line;
    while (std::getline(lines, line)) {
        const auto connection = connection_in(line);
        if (!connection || !filter->matches(*connection))
            continue;
        flows.set_matched(flows.matched() + 1);
        if (std::cmp_less(flows.flows_size(), limit))
            fill_flow(*connection, *flows.add_flows());
    }
    return flows;
}

}  // namespace headgate::forwarding::ipvs
