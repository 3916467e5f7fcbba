#include "controlplane/netlink/addresses.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>

#include "common/check.h"

namespace headgate::netlink {

namespace {

// Who has put the address there, for `ip address` and for other managers of addresses. The number
// is that of routes (RTPROT_KEEPALIVED); kernels before 5.18 ignore it.
constexpr std::uint8_t address_protocol_vrrp = 18;

void put_ipv4(nl_msg* message, int attribute, const IpAddress& address) {
    check(nla_put_u32(message, attribute, address.as_v4().raw()) == 0,
          "the message has room for an address");
}

Message address_request(int type, int flags, int interface_index,
                        const config::VirtualAddress& address) {
    Message message = new_request(type, flags);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = address.prefix.length;
    header.ifa_scope = address.scope;
    header.ifa_index = static_cast<unsigned>(interface_index);
    check(nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO) == 0,
          "the message has room for its header");
    put_ipv4(message.get(), IFA_LOCAL, address.prefix.address);
    put_ipv4(message.get(), IFA_ADDRESS, address.prefix.address);
    return message;
}

}  // namespace

Message lease_request(int interface_index, const config::VirtualAddress& address,
                      std::chrono::seconds lease) {
    Message message =
        address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, interface_index, address);
    if (address.broadcast)
        put_ipv4(message.get(), IFA_BROADCAST, *address.broadcast);
    const auto seconds = static_cast<std::uint32_t>(lease.count());
    ifa_cacheinfo lifetime{};
    lifetime.ifa_prefered = seconds;
    lifetime.ifa_valid = seconds;
    check(nla_put(message.get(), IFA_CACHEINFO, sizeof lifetime, &lifetime) == 0 &&
              nla_put_u8(message.get(), IFA_PROTO, address_protocol_vrrp) == 0 &&
              (address.label.empty() ||
               nla_put_string(message.get(), IFA_LABEL, address.label.c_str()) == 0),
          "the message has room for its attributes");
    return message;
}

Message remove_request(int interface_index, const config::VirtualAddress& address) {
    return address_request(RTM_DELADDR, 0, interface_index, address);
}

Result<AddressWriter> AddressWriter::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    return AddressWriter(std::move(*socket));
}

Result<void> AddressWriter::lease(int interface_index, const config::VirtualAddress& address,
                                  std::chrono::seconds lease) {
    return perform(socket_.get(), lease_request(interface_index, address, lease));
}

Result<void> AddressWriter::remove(int interface_index, const config::VirtualAddress& address) {
    auto removed = perform(socket_.get(), remove_request(interface_index, address));
    if (!removed && (removed.error().code == NLE_NOADDR || removed.error().code == NLE_NODEV))
        return {};
    return removed;
}

}  // namespace headgate::netlink
