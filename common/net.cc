#include "common/net.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/check.h"

namespace headgate {

namespace {

std::optional<unsigned> parse_number(std::string_view text, int base, unsigned maximum) {
    unsigned value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, base);
    if (text.empty() || error != std::errc{} || rest != end || value > maximum)
        return std::nullopt;
    return value;
}

}  // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
    MacAddress mac;
    const auto malformed = [&] {
        return fail("'{}' is not a MAC address (write it as 02:00:5e:00:00:01)", text);
    };
    if (text.size() != 17)
        return malformed();
    for (std::size_t index = 0; index < 6; ++index) {
        const auto octet = parse_number(text.substr(index * 3, 2), 16, 0xff);
        if (!octet || (index < 5 && text[index * 3 + 2] != ':'))
            return malformed();
        mac.bytes[index] = static_cast<std::uint8_t>(*octet);
    }
    return mac;
}

std::string MacAddress::to_string() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                       bytes[3], bytes[4], bytes[5]);
}

IpAddress IpAddress::v4(Be32 address) {
    IpAddress result;
    const std::uint32_t raw = address.raw();
    std::memcpy(result.bytes_.data(), &raw, sizeof raw);
    return result;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
    IpAddress result;
    result.family_ = Family::ipv6;
    result.bytes_ = bytes;
    return result;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    if (in_addr v4{}; inet_pton(AF_INET, terminated.c_str(), &v4) == 1)
        return IpAddress::v4(Be32::from_raw(v4.s_addr));
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1)
        return IpAddress::v6(bytes);
    return fail("'{}' is not an IPv4 or IPv6 address", text);
}

Be32 IpAddress::as_v4() const {
    check(is_v4(), "the address is an IPv4 address");
    std::uint32_t raw = 0;
    std::memcpy(&raw, bytes_.data(), sizeof raw);
    return Be32::from_raw(raw);
}

bool IpAddress::is_unspecified() const {
    return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const {
    return is_v4() ? (bytes_[0] & 0xf0U) == 0xe0 : bytes_[0] == 0xff;
}

std::string IpAddress::to_string() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
}

Result<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address)
        return tl::unexpected(address.error());
    if (slash == std::string_view::npos)
        return Prefix{*address, address->bits()};
    const auto length = parse_number(text.substr(slash + 1), 10, address->bits());
    if (!length)
        return fail("'{}' has no valid prefix length (0 to {})", text, address->bits());
    return Prefix{*address, static_cast<std::uint8_t>(*length)};
}

bool Prefix::contains(const IpAddress& candidate) const {
    if (candidate.family() != address.family())
        return false;
    const auto ours = address.bytes();
    const auto theirs = candidate.bytes();
    const std::size_t whole = length / 8U;
    if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole),
                    theirs.begin()))
        return false;
    const unsigned rest = length % 8U;
    return rest == 0 || ((ours[whole] ^ theirs[whole]) >> (8U - rest)) == 0;
}

std::string Prefix::to_string() const {
    return fmt::format("{}/{}", address.to_string(), length);
}

std::string Endpoint::to_string() const {
    return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                           : fmt::format("[{}]:{}", address.to_string(), port);
}

}  // namespace headgate

std::size_t std::hash<headgate::IpAddress>::operator()(
    const headgate::IpAddress& address) const noexcept {
    const auto bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::size_t std::hash<headgate::Endpoint>::operator()(
    const headgate::Endpoint& endpoint) const noexcept {
    const std::size_t seed = std::hash<headgate::IpAddress>{}(endpoint.address);
    return seed ^ (endpoint.port + 0x9e3779b97f4a7c15ULL + (seed << 6U) + (seed >> 2U));
}
