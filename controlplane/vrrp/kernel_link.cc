#include "controlplane/vrrp/kernel_link.h"

#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/vrrp/advert_frame.h"
#include "controlplane/vrrp/garp.h"

namespace headgate::vrrp {

namespace {

// The sysctl decides what the Router flag says; proc answers without waiting for anything.
bool forwards_ipv6(const std::string& interface) {
    const Fd file(::open(fmt::format("/proc/sys/net/ipv6/conf/{}/forwarding", interface).c_str(),
                         O_RDONLY | O_CLOEXEC));
    char value = '0';
    return file && ::read(file.get(), &value, 1) == 1 && value != '0';
}

}  // namespace

Result<Fd> open_packet_socket() {
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return fail_errno("open a packet socket for announcements (needs CAP_NET_RAW)");
    return socket;
}

Result<void> KernelLink::send(const OutgoingAdvert& advert) {
    if (advert.vmac.empty())
        return socket_.send(advert);
    const netlink::Interface* const interface = kernel_.table.find(advert.vmac);
    if (interface == nullptr)
        return fail("interface {} does not exist", advert.vmac);
    return send_frame(*interface, advert.destination.is_v4() ? ETH_P_IP : ETH_P_IPV6,
                      advert_frame(interface->mac, advert));
}

Result<void> KernelLink::install(const config::VirtualAddress& vip, std::chrono::seconds lease) {
    const netlink::Interface* const interface = kernel_.table.find(vip.interface);
    if (interface == nullptr)
        return fail("interface {} does not exist", vip.interface);
    auto installed = kernel_.addresses.lease(interface->index, vip, lease);
    if (installed)
        kernel_.table.add_address(interface->index, vip.prefix);
    return installed;
}

Result<void> KernelLink::withdraw(const config::VirtualAddress& vip) {
    const netlink::Interface* const interface = kernel_.table.find(vip.interface);
    if (interface == nullptr)
        return {};
    auto removed = kernel_.addresses.remove(interface->index, vip);
    if (removed)
        kernel_.table.remove_address(interface->index, vip.prefix);
    return removed;
}

bool KernelLink::present(const config::VirtualAddress& vip) const {
    const netlink::Interface* const interface = kernel_.table.find(vip.interface);
    return interface != nullptr && kernel_.table.has_address(interface->index, vip.prefix);
}

std::optional<Instant> KernelLink::renewed(const config::VirtualAddress& vip) const {
    const netlink::Interface* const interface = kernel_.table.find(vip.interface);
    return interface != nullptr ? kernel_.table.renewed(interface->index, vip.prefix)
                                : std::nullopt;
}

Result<void> KernelLink::announce(const config::VirtualAddress& vip) {
    const netlink::Interface* const interface = kernel_.table.find(vip.interface);
    if (interface == nullptr)
        return fail("interface {} does not exist", vip.interface);
    // Nobody there asks for MAC addresses, so there is nothing to tell.
    if (!interface->arp || interface->mac.is_zero())
        return {};
    const IpAddress& address = vip.prefix.address;
    if (!address.is_v4())
        return send_frame(
            *interface, ETH_P_IPV6,
            unsolicited_advertisement(interface->mac, address, forwards_ipv6(interface->name)));
    return send_frame(*interface, ETH_P_ARP, gratuitous_arp(interface->mac, address.as_v4()));
}

Result<void> KernelLink::send_frame(const netlink::Interface& interface, std::uint16_t ethertype,
                                    std::span<const std::uint8_t> frame) const {
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_protocol = htons(ethertype);
    destination.sll_ifindex = interface.index;
    if (sendto(kernel_.packet_socket, frame.data(), frame.size(), 0,
               reinterpret_cast<const sockaddr*>(&destination), sizeof destination) < 0)
        return fail_errno("send a frame on {}", interface.name);
    return {};
}

std::string_view KernelLink::base_of(std::string_view interface) const {
    const netlink::Interface* const found = kernel_.table.find(interface);
    const netlink::Interface* const base =
        found == nullptr ? nullptr : kernel_.table.base_of(*found);
    return base == nullptr ? std::string_view{} : std::string_view(base->name);
}

}  // namespace headgate::vrrp
