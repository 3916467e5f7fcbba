#include "controlplane/netlink/attributes.h"

#include <algorithm>
#include <cstring>

#include <sys/socket.h>

namespace headgate::netlink {

std::optional<IpAddress> address_of(const nlattr* attribute, Family family) {
    const int size = family == Family::ipv4 ? 4 : 16;
    if (attribute == nullptr || nla_len(attribute) != size)
        return std::nullopt;
    if (family == Family::ipv4)
        return IpAddress::v4(Be32::from_raw(nla_get_u32(attribute)));
    std::array<std::uint8_t, 16> bytes{};
    const auto* const data = static_cast<const std::uint8_t*>(nla_data(attribute));
    std::copy_n(data, bytes.size(), bytes.begin());
    return IpAddress::v6(bytes);
}

std::optional<std::uint32_t> u32_of(const nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(std::uint32_t)))
        return std::nullopt;
    return nla_get_u32(attribute);
}

std::string_view text_of(const nlattr* attribute) {
    if (attribute == nullptr)
        return {};
    const auto* const text = static_cast<const char*>(nla_data(attribute));
    return {text, strnlen(text, static_cast<std::size_t>(nla_len(attribute)))};
}

std::uint8_t number_of(Family family) {
    return family == Family::ipv4 ? AF_INET : AF_INET6;
}

std::optional<Family> family_of(std::uint8_t number) {
    if (number == AF_INET)
        return Family::ipv4;
    if (number == AF_INET6)
        return Family::ipv6;
    return std::nullopt;
}

}  // namespace headgate::netlink
