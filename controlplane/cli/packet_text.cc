#include "controlplane/cli/packet_text.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/api.pb.h"
#include "common/net.h"

namespace headgate::cli {

namespace {

struct ProtocolName {
    std::string_view name;
    std::uint32_t number;
};
constexpr ProtocolName protocol_names[] = {
    {"tcp", 6}, {"udp", 17}, {"sctp", 132}, {"icmp", 1}, {"icmpv6", 58}};

struct FlagName {
    std::string_view name;
    std::uint32_t bit;  // in the TCP header
};
constexpr FlagName flag_names[] = {{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"ack", 0x10}};

std::optional<Endpoint> parse_endpoint(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos)
        return std::nullopt;
    std::string address = text.substr(0, colon);
    const bool is_bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
    if (is_bracketed)
        address = address.substr(1, address.size() - 2);
    Endpoint endpoint;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
    const Result<IpAddress> parsed = IpAddress::parse(address);
    if (error != std::errc() || rest != end || !parsed || parsed->is_v4() == is_bracketed)
        return std::nullopt;
    endpoint.address = *parsed;
    return endpoint;
}

bool parse_flags(const std::string& text, std::uint32_t& flags) {
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, '|');) {
        const auto* found = std::ranges::find(flag_names, word, &FlagName::name);
        if (found == std::end(flag_names))
            return false;
        flags |= found->bit;
    }
    return flags != 0;
}

}  // namespace

Result<api::TraceRequest> parse_packet(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(word);
    const bool is_right = (words.size() == 4 || words.size() == 5) && words[2] == ">";
    const auto client = is_right ? parse_endpoint(words[1]) : std::nullopt;
    const auto service = is_right ? parse_endpoint(words[3]) : std::nullopt;
    if (!client || !service)
        return fail(
            "{} is no packet; write it as tcp 198.51.100.7:40112 > 192.0.2.10:443, or "
            "udp [2001:db8::7]:4000 > [2001:db8::10]:53",
            text);
    api::TraceRequest request;
    if (words[0] == "tcp")
        request.set_protocol(api::TCP);
    else if (words[0] == "udp")
        request.set_protocol(api::UDP);
    else if (words[0] == "sctp")
        request.set_protocol(api::SCTP);
    else
        return fail("{} is none of tcp, udp and sctp", words[0]);
    std::uint32_t flags = 0;
    if (words.size() == 5) {
        if (request.protocol() == api::UDP)
            return fail("{}: UDP has no flags", words[4]);
        if (!parse_flags(words[4], flags))
            return fail("{} is no flags; write syn, ack, fin and rst, joined by |", words[4]);
    } else if (request.protocol() != api::UDP) {
        parse_flags("syn", flags);
    }
    request.set_client(client->address.to_string());
    request.set_client_port(client->port);
    request.set_address(service->address.to_string());
    request.set_port(service->port);
    request.set_fin((flags & flag_names[0].bit) != 0);
    request.set_syn((flags & flag_names[1].bit) != 0);
    request.set_rst((flags & flag_names[2].bit) != 0);
    request.set_ack((flags & flag_names[3].bit) != 0);
    return request;
}

std::optional<std::uint32_t> protocol_of(const std::string& name) {
    const auto* found = std::ranges::find(protocol_names, name, &ProtocolName::name);
    if (found == std::end(protocol_names))
        return std::nullopt;
    return found->number;
}

std::string protocol_words(std::uint32_t ip_protocol) {
    const auto* found = std::ranges::find(protocol_names, ip_protocol, &ProtocolName::number);
    return found == std::end(protocol_names) ? fmt::format("ip-{}", ip_protocol)
                                             : std::string(found->name);
}

std::string flag_words(std::uint32_t tcp_flags) {
    std::string words;
    for (const FlagName& flag : flag_names) {
        if ((tcp_flags & flag.bit) != 0)
            words += (words.empty() ? "" : "|") + std::string(flag.name);
    }
    return words;
}

}  // namespace headgate::cli
