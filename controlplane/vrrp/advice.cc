#include "controlplane/vrrp/advice.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/bytes.h"

namespace headgate::vrrp {

namespace {

constexpr std::size_t header_bytes = 8;
constexpr std::size_t addresses_shown_max = 4;

// The fields of a header, as they are on the wire.
struct Fields {
    std::uint8_t version = 0;
    std::uint8_t num_addresses = 0;
    std::uint8_t auth_type = 0;  // version 2
    std::uint32_t interval_cs = 0;
    std::vector<IpAddress> addresses;  // IPv4; those that are there
};

Fields read(std::span<const std::uint8_t> message) {
    ByteReader reader(message);
    Fields fields;
    fields.version = reader.read<std::uint8_t>() >> 4U;
    reader.read<std::uint16_t>();  // virtual_router_id, priority
    fields.num_addresses = reader.read<std::uint8_t>();
    const auto auth_and_interval = reader.read<std::uint16_t>();
    reader.read<std::uint16_t>();  // checksum
    if (fields.version == 2) {
        fields.auth_type = static_cast<std::uint8_t>(auth_and_interval >> 8U);
        fields.interval_cs = 100 * (auth_and_interval & 0xffU);
    } else {
        fields.interval_cs = auth_and_interval & 0x0fffU;
    }
    for (int count = 0; count < fields.num_addresses && reader.remaining() >= 4; ++count)
        fields.addresses.push_back(IpAddress::v4(Be32(reader.read<std::uint32_t>())));
    return fields;
}

std::string auth_words(std::uint8_t type) {
    switch (type) {
        case 0:
            return "none";
        case 1:
            return "PASS";
        case 2:
            return "AH";
        default:
            return fmt::format("of type {}", type);
    }
}

std::string auth_type_words(const Fields& theirs, const config::VrrpInstance& ours) {
    const std::string there = auth_words(theirs.auth_type);
    if (!ours.auth_pass)
        return fmt::format(
            "authentication differs: there it is {}, here none; write the same `authentication "
            "{{ ... }}` here, or remove it there",
            there);
    const char* const here = ours.transport.auth_header ? "AH" : "PASS";
    return fmt::format(
        "authentication differs: there it is {}, here {}; write `auth_type {}` and the same "
        "`auth_pass` there",
        there, here, here);
}

std::string interval_words(const Fields& theirs, const config::VrrpInstance& ours) {
    if (theirs.interval_cs == 0)
        return "its advertisement interval is 0, which leaves no time to wait; write `advert_int` "
               "there";
    return fmt::format(
        "the advertisement interval differs: there it is {} s, here {} s; write `advert_int {}` on "
        "all routers",
        theirs.interval_cs / 100.0, to_seconds(ours.advert_interval),
        to_seconds(ours.advert_interval));
}

std::string list_words(const std::vector<IpAddress>& addresses) {
    std::string words;
    for (std::size_t index = 0; index < std::min(addresses.size(), addresses_shown_max); ++index)
        words += (index == 0 ? "" : ", ") + addresses[index].to_string();
    if (addresses.size() > addresses_shown_max)
        words += fmt::format(" and {} more", addresses.size() - addresses_shown_max);
    return words;
}

// Those of `left` that `right` has not.
std::vector<IpAddress> without(const std::vector<IpAddress>& left,
                               const std::vector<IpAddress>& right) {
    std::vector<IpAddress> rest;
    std::ranges::copy_if(left, std::back_inserter(rest), [&](const IpAddress& address) {
        return std::ranges::find(right, address) == right.end();
    });
    return rest;
}

std::string address_words(AdvertError error, const Fields& theirs,
                          const config::VrrpInstance& ours) {
    // The message does not say of which family its addresses are; ours do.
    if (!ours.virtual_addresses.empty() && !ours.virtual_addresses[0].prefix.address.is_v4())
        return std::string(describe(error));
    std::vector<IpAddress> here;
    here.reserve(ours.virtual_addresses.size());
    for (const config::VirtualAddress& vip : ours.virtual_addresses)
        here.push_back(vip.prefix.address);
    const std::vector<IpAddress> missing = without(here, theirs.addresses);
    const std::vector<IpAddress> foreign = without(theirs.addresses, here);
    std::string words = "its virtual addresses differ from ours";
    if (!foreign.empty())
        words += fmt::format(", only there: {}", list_words(foreign));
    if (!missing.empty())
        words += fmt::format(", only here: {}", list_words(missing));
    if (error == AdvertError::address_list)
        words += "; it is accepted, but";
    else
        words += "; it is refused in strict mode:";
    return words + " write the same `virtual_ipaddress` on all routers";
}

}  // namespace

std::string advise(AdvertError error, std::span<const std::uint8_t> message,
                   const config::VrrpInstance& ours) {
    std::string said(describe(error));
    if (error == AdvertError::own_address)
        return said +
               "; give each router an address of its own, or find out who sends our adverts "
               "back to us";
    if (message.size() < header_bytes)
        return said;
    const Fields theirs = read(message);
    switch (error) {
        case AdvertError::version:
            return fmt::format(
                "the VRRP version differs: there it is {}, here {}; write `version "
                "{}` there, or `version {}` here",
                theirs.version, ours.version, ours.version, theirs.version);
        case AdvertError::auth_type:
            return auth_type_words(theirs, ours);
        case AdvertError::auth_pass:
            return said + " (the first eight characters count)";
        case AdvertError::advert_interval:
            return interval_words(theirs, ours);
        case AdvertError::address_list:
        case AdvertError::address_list_strict:
            return address_words(error, theirs, ours);
        default:
            return said;
    }
}

// More than an advert can ever have are a mistake in the configuration, which is reported there.
std::string advise_on_room(const VirtualRouter& router, const config::VrrpInstance& instance,
                           std::uint32_t mtu) {
    const std::size_t wanted = std::min(instance.virtual_addresses.size(), advert_addresses_max);
    if (router.addresses.size() >= wanted)
        return "";
    return fmt::format(
        "with an MTU of {} an advert has room for {} of {} virtual addresses: the others are held, "
        "but not advertised, and routers with another MTU see a different list; raise the MTU of "
        "{}, or write the others into `virtual_ipaddress_excluded` on all routers",
        mtu, router.addresses.size(), wanted,
        instance.interface.empty() ? "the interface" : base_interface(instance));
}

}  // namespace headgate::vrrp
