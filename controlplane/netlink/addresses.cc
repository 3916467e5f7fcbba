#include "controlplane/netlink/addresses.h"

#include <algorithm>
#include <cerrno>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

using config::VirtualAddress;

constexpr std::uint32_t for_ever = UINT32_MAX;

std::uint32_t flags_of(const VirtualAddress& address) {
    std::uint32_t flags = 0;
    if (address.prefix.address.family() == Family::ipv6 && !address.detect_duplicates)
        flags |= IFA_F_NODAD;
    if (address.home)
        flags |= IFA_F_HOMEADDRESS;
    if (address.temporary_source)
        flags |= IFA_F_MANAGETEMPADDR;
    if (!address.prefix_route)
        flags |= IFA_F_NOPREFIXROUTE;
    if (address.join_group)
        flags |= IFA_F_MCAUTOJOIN;
    return flags;
}

Message address_request(int type, int flags, int interface_index, const VirtualAddress& address) {
    Message message = new_request(type, flags);
    ifaddrmsg header{};
    header.ifa_family = number_of(address.prefix.address.family());
    header.ifa_prefixlen = address.prefix.length;
    header.ifa_scope = address.scope;
    header.ifa_index = static_cast<unsigned>(interface_index);
    put_header(message.get(), header);
    put_address(message.get(), IFA_LOCAL, address.prefix.address);
    put_address(message.get(), IFA_ADDRESS, address.peer.value_or(address.prefix.address));
    return message;
}

}  // namespace

Message lease_request(int interface_index, const VirtualAddress& address,
                      std::optional<std::chrono::seconds> lease) {
    Message message =
        address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interface_index, address);
    nl_msg* const raw = message.get();
    if (address.broadcast)
        put_address(raw, IFA_BROADCAST, *address.broadcast);
    const std::uint32_t valid_s = lease ? static_cast<std::uint32_t>(lease->count()) : for_ever;
    ifa_cacheinfo lifetime{};
    lifetime.ifa_prefered = std::min(address.preferred_s.value_or(for_ever), valid_s);
    lifetime.ifa_valid = valid_s;
    put_bytes(raw, IFA_CACHEINFO, &lifetime, sizeof lifetime);
    put_u8(raw, IFA_PROTO, address_protocol_vrrp);
    put_u32(raw, IFA_FLAGS, flags_of(address));
    if (!address.label.empty())
        put_text(raw, IFA_LABEL, address.label.c_str());
    return message;
}

Message remove_request(int interface_index, const VirtualAddress& address) {
    return address_request(RTM_DELADDR, 0, interface_index, address);
}

Result<AddressWriter> AddressWriter::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    return AddressWriter(std::move(*socket));
}

Result<void> AddressWriter::lease(int interface_index, const VirtualAddress& address,
                                  std::chrono::seconds lease) {
    return perform(socket_.get(), lease_request(interface_index, address, lease));
}

Result<void> AddressWriter::add(int interface_index, const VirtualAddress& address) {
    return perform(socket_.get(), lease_request(interface_index, address, std::nullopt));
}

Result<void> AddressWriter::remove(int interface_index, const VirtualAddress& address) {
    auto removed = perform(socket_.get(), remove_request(interface_index, address));
    if (!removed && (removed.error().code == EADDRNOTAVAIL || removed.error().code == ENODEV))
        return {};
    return removed;
}

}  // namespace headgate::netlink
