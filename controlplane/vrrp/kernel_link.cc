#include "controlplane/vrrp/kernel_link.h"

#include <cerrno>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/vrrp/garp.h"
#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {

namespace {

template <typename T>
bool set_option(int socket, int level, int option, const T& value) {
    return setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// With IP_HDRINCL the kernel fills in the identification and the checksum of the IP header.
bool configure(int socket, int index) {
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = advert_group.raw();
    group.imr_ifindex = index;
    const int on = 1;
    const int off = 0;
    const int priority = TC_PRIO_CONTROL;
    return set_option(socket, SOL_SOCKET, SO_BINDTOIFINDEX, index) &&
           set_option(socket, SOL_SOCKET, SO_PRIORITY, priority) &&
           set_option(socket, IPPROTO_IP, IP_HDRINCL, on) &&
           set_option(socket, IPPROTO_IP, IP_MULTICAST_LOOP, off) &&
           // Only what was sent to a group that this socket itself has joined.
           set_option(socket, IPPROTO_IP, IP_MULTICAST_ALL, off) &&
           set_option(socket, IPPROTO_IP, IP_MULTICAST_IF, group) &&
           set_option(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, group);
}

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

KernelLink::KernelLink(std::string interface, const Kernel& kernel)
    : interface_(std::move(interface)), kernel_(kernel) {}

Result<void> KernelLink::attach(int index) {
    detach();
    Fd socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, int{ip_protocol_vrrp}));
    if (!socket)
        return fail_errno("open a raw socket for VRRP (needs CAP_NET_RAW)");
    if (!configure(socket.get(), index))
        return fail_errno("join the VRRP group on {}", interface_);
    socket_ = std::move(socket);
    index_ = index;
    // Until it was bound, the socket took packets from every interface.
    while (receive()) {
    }
    return {};
}

void KernelLink::detach() {
    socket_.reset();
    index_ = 0;
}

std::optional<std::span<const std::uint8_t>> KernelLink::receive() {
    const ssize_t received = recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (received < 0)
        return std::nullopt;
    return std::span(buffer_).first(static_cast<std::size_t>(received));
}

Result<void> KernelLink::send(std::span<const std::uint8_t> packet) {
    sockaddr_in group{};
    group.sin_family = AF_INET;
    group.sin_addr.s_addr = advert_group.raw();
    if (sendto(socket_.get(), packet.data(), packet.size(), 0,
               reinterpret_cast<const sockaddr*>(&group), sizeof group) < 0)
        return fail_errno("send to 224.0.0.18 on {}", interface_);
    return {};
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
            unsolicited_advertisement(interface->mac, address, forwards_ipv6(interface->name)),
            address);
    return send_frame(*interface, ETH_P_ARP, gratuitous_arp(interface->mac, address.as_v4()),
                      address);
}

Result<void> KernelLink::send_frame(const netlink::Interface& interface, std::uint16_t ethertype,
                                    std::span<const std::uint8_t> frame,
                                    const IpAddress& address) const {
    sockaddr_ll destination{};
    destination.sll_family = AF_PACKET;
    destination.sll_protocol = htons(ethertype);
    destination.sll_ifindex = interface.index;
    if (sendto(kernel_.packet_socket, frame.data(), frame.size(), 0,
               reinterpret_cast<const sockaddr*>(&destination), sizeof destination) < 0)
        return fail_errno("announce {} on {}", address.to_string(), interface.name);
    return {};
}

std::string_view KernelLink::base_of(std::string_view interface) const {
    const netlink::Interface* const found = kernel_.table.find(interface);
    const netlink::Interface* const base =
        found == nullptr ? nullptr : kernel_.table.base_of(*found);
    return base == nullptr ? std::string_view{} : std::string_view(base->name);
}

}  // namespace headgate::vrrp
