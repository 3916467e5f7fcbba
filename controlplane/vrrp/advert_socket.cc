#include "controlplane/vrrp/advert_socket.h"

#include <cstring>
#include <utility>

#include <linux/pkt_sched.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace headgate::vrrp {

namespace {

constexpr int checksum_offset = 6;  // in the message: the kernel fills it in over IPv6

template <typename T>
bool set_option(int socket, int level, int option, const T& value) {
    return setsockopt(socket, level, option, &value, sizeof value) == 0;
}

in6_addr to_in6(const IpAddress& address) {
    in6_addr raw{};
    std::memcpy(&raw, address.bytes().data(), sizeof raw);
    return raw;
}

IpAddress from_in6(const in6_addr& raw) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &raw, bytes.size());
    return IpAddress::v6(bytes);
}

sockaddr_in socket_address_v4(const IpAddress& address) {
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_addr.s_addr = address.as_v4().raw();
    return raw;
}

// The index says on which link a link-local address is meant.
sockaddr_in6 socket_address_v6(const IpAddress& address, int index) {
    sockaddr_in6 raw{};
    raw.sin6_family = AF_INET6;
    raw.sin6_addr = to_in6(address);
    raw.sin6_scope_id = static_cast<std::uint32_t>(index);
    return raw;
}

bool configure_any(int socket, int index, std::uint32_t buffer_bytes) {
    const int priority = TC_PRIO_CONTROL;
    const int bytes = static_cast<int>(buffer_bytes);
    return (index == 0 || set_option(socket, SOL_SOCKET, SO_BINDTOIFINDEX, index)) &&
           set_option(socket, SOL_SOCKET, SO_PRIORITY, priority) &&
           // Beyond the system's limit where the privilege is there.
           (bytes == 0 || set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes) ||
            set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes));
}

// With IP_HDRINCL the kernel fills in the identification and the checksum of the IP header.
bool configure_v4(int socket, const Channel& channel, int index, const IpAddress& local) {
    const int on = 1;
    const int off = 0;
    if (!set_option(socket, IPPROTO_IP, IP_HDRINCL, on) ||
        !set_option(socket, IPPROTO_IP, IP_MULTICAST_LOOP, off) ||
        // Only what was sent to a group that this socket itself has joined.
        !set_option(socket, IPPROTO_IP, IP_MULTICAST_ALL, off))
        return false;
    if (channel.unicast) {
        const sockaddr_in address = socket_address_v4(local);
        // Without track_src_ip the address need not be there yet.
        return set_option(socket, IPPROTO_IP, IP_FREEBIND, on) &&
               bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = channel.address.as_v4().raw();
    group.imr_ifindex = index;
    return set_option(socket, IPPROTO_IP, IP_MULTICAST_IF, group) &&
           set_option(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, group);
}

bool configure_v6(int socket, const Channel& channel, int index, const IpAddress& local) {
    const int on = 1;
    const int off = 0;
    const int hops = advert_ttl;
    const int traffic_class = advert_tos;
    if (!set_option(socket, IPPROTO_IPV6, IPV6_CHECKSUM, checksum_offset) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, on) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, on) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, traffic_class) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, off) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_ALL, off) ||
        !set_option(socket, IPPROTO_IPV6, IPV6_FREEBIND, on))
        return false;
    if (channel.unicast) {
        const sockaddr_in6 address = socket_address_v6(local, index);
        return bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    ipv6_mreq group{};
    group.ipv6mr_multiaddr = to_in6(channel.address);
    group.ipv6mr_interface = static_cast<unsigned>(index);
    return set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, index) &&
           set_option(socket, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, group);
}

template <typename T>
T read_control(const cmsghdr* control) {
    T value{};
    std::memcpy(&value, CMSG_DATA(control), sizeof value);
    return value;
}

// Room for the destination and the hop limit (RFC 3542).
struct Control {
    alignas(cmsghdr)
        std::array<std::uint8_t, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int))> bytes;
};

// One packet, its address and what belongs to it, as recvmsg() and sendmsg() take them. It refers
// to itself, so it stays where it is.
struct Datagram {
    explicit Datagram(std::span<const std::uint8_t> bytes)
        : vector{.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()} {
        header.msg_name = &address;
        header.msg_namelen = sizeof address;
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
    }
    Datagram(const Datagram&) = delete;
    Datagram& operator=(const Datagram&) = delete;

    iovec vector;
    sockaddr_in6 address{};
    msghdr header{};
    Control control{};
};

template <typename T>
void write_control(cmsghdr* control, int type, const T& value) {
    control->cmsg_level = IPPROTO_IPV6;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(control), &value, sizeof value);
}

}  // namespace

Channel channel_of(const config::VrrpInstance& instance) {
    const config::VrrpTransport& transport = instance.transport;
    const IpAddress unspecified =
        transport.family == Family::ipv4 ? IpAddress() : IpAddress::v6({});
    return {
        .interface = instance.interface,
        .family = transport.family,
        .auth_header = transport.auth_header,
        .unicast = transport.unicast,
        .address = transport.unicast ? transport.source.value_or(unspecified) : transport.group};
}

Result<void> AdvertSocket::attach(int index, const IpAddress& local, std::uint32_t buffer_bytes) {
    detach();
    const bool is_v4 = channel_.family == Family::ipv4;
    const int protocol = channel_.auth_header ? ip_protocol_auth : ip_protocol_vrrp;
    Fd socket(
        ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!socket)
        return fail_errno("open a raw socket for VRRP (needs CAP_NET_RAW)");
    const int bound = channel_.interface.empty() ? 0 : index;
    if (!configure_any(socket.get(), bound, buffer_bytes) ||
        !(is_v4 ? configure_v4(socket.get(), channel_, index, local)
                : configure_v6(socket.get(), channel_, index, local)))
        return channel_.unicast ? fail_errno("receive VRRP on {}", local.to_string())
                                : fail_errno("join the VRRP group {} on {}",
                                             channel_.address.to_string(), channel_.interface);
    socket_ = std::move(socket);
    index_ = index;
    local_ = local;
    // Until it was bound, the socket took packets from every interface.
    while (receive()) {
    }
    return {};
}

void AdvertSocket::detach() {
    socket_.reset();
    index_ = 0;
}

bool AdvertSocket::is_attached_to(int index, const IpAddress& local) const {
    return is_attached() && index_ == index && (!channel_.unicast || local_ == local);
}

std::optional<AdvertSocket::Received> AdvertSocket::receive() {
    Datagram datagram(buffer_);
    const ssize_t received = recvmsg(socket_.get(), &datagram.header, 0);
    if (received < 0)
        return std::nullopt;
    const auto packet = std::span(buffer_).first(static_cast<std::size_t>(received));
    if (channel_.family == Family::ipv4)
        return Received{.envelope = open_ipv4(packet)};
    Envelope envelope{.source = from_in6(datagram.address.sin6_addr),
                      .destination = {},
                      .ttl = std::nullopt,
                      .protocol = ip_protocol_vrrp,
                      .payload = packet};
    for (const cmsghdr* entry = CMSG_FIRSTHDR(&datagram.header); entry != nullptr;
         entry = CMSG_NXTHDR(&datagram.header, const_cast<cmsghdr*>(entry))) {
        if (entry->cmsg_level != IPPROTO_IPV6)
            continue;
        if (entry->cmsg_type == IPV6_PKTINFO)
            envelope.destination = from_in6(read_control<in6_pktinfo>(entry).ipi6_addr);
        else if (entry->cmsg_type == IPV6_HOPLIMIT)
            envelope.ttl = static_cast<std::uint8_t>(read_control<int>(entry));
    }
    return Received{.envelope = envelope};
}

Result<void> AdvertSocket::send(const OutgoingAdvert& advert) {
    if (!is_attached())
        return fail("interface {} is not there", channel_.interface);
    return channel_.family == Family::ipv4 ? send_ipv4(advert) : send_ipv6(advert);
}

Result<void> AdvertSocket::send_ipv4(const OutgoingAdvert& advert) {
    const sockaddr_in destination = socket_address_v4(advert.destination);
    if (sendto(socket_.get(), advert.bytes.data(), advert.bytes.size(), 0,
               reinterpret_cast<const sockaddr*>(&destination), sizeof destination) < 0)
        return fail_errno("send to {}", advert.destination.to_string());
    return {};
}

// Over IPv6 the kernel writes the header, from this.
Result<void> AdvertSocket::send_ipv6(const OutgoingAdvert& advert) {
    const bool has_link = !channel_.interface.empty();
    Datagram datagram(advert.bytes);
    datagram.address = socket_address_v6(advert.destination, has_link ? index_ : 0);
    in6_pktinfo source{};
    source.ipi6_addr = to_in6(advert.source);
    source.ipi6_ifindex = has_link ? static_cast<unsigned>(index_) : 0;
    cmsghdr* const first = CMSG_FIRSTHDR(&datagram.header);
    write_control(first, IPV6_PKTINFO, source);
    write_control(CMSG_NXTHDR(&datagram.header, first), IPV6_HOPLIMIT, int{advert.hop_limit});
    if (sendmsg(socket_.get(), &datagram.header, 0) < 0)
        return fail_errno("send to {}", advert.destination.to_string());
    return {};
}

}  // namespace headgate::vrrp
