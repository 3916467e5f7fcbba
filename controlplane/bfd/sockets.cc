#include "controlplane/bfd/sockets.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <linux/pkt_sched.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace headgate::bfd {

namespace {

constexpr int tos_internetwork_control = 0xc0;
constexpr int num_source_ports = 0x10000 - source_port_min;

// A socket address of either family.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

SocketAddress socket_address(const Endpoint& endpoint) {
    SocketAddress result;
    if (endpoint.address.is_v4()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = Be16(endpoint.port).raw();
        address.sin_addr.s_addr = endpoint.address.as_v4().raw();
        std::memcpy(&result.storage, &address, sizeof address);
        result.length = sizeof address;
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = Be16(endpoint.port).raw();
        std::ranges::copy(endpoint.address.bytes(), address.sin6_addr.s6_addr);
        std::memcpy(&result.storage, &address, sizeof address);
        result.length = sizeof address;
    }
    return result;
}

IpAddress address_of(const in_addr& address) {
    return IpAddress::v4(Be32::from_raw(address.s_addr));
}

IpAddress address_of(const in6_addr& address) {
    return IpAddress::v6(std::to_array(address.s6_addr));
}

IpAddress address_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage, sizeof address);
        return address_of(address.sin6_addr);
    }
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof address);
    return address_of(address.sin_addr);
}

bool enable(int socket, int level, int option, int value = 1) {
    return setsockopt(socket, level, option, &value, sizeof value) == 0;
}

Fd open_udp(Family family) {
    return Fd(::socket(family == Family::ipv4 ? AF_INET : AF_INET6,
                       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
}

template <typename T>
T payload_of(const cmsghdr* message) {
    T value;
    std::memcpy(&value, CMSG_DATA(message), sizeof value);
    return value;
}

void read_ancillary(const cmsghdr* message, Arrival& arrival) {
    const auto is = [&](int level, int type) {
        return message->cmsg_level == level && message->cmsg_type == type;
    };
    if (is(IPPROTO_IP, IP_TTL) || is(IPPROTO_IPV6, IPV6_HOPLIMIT))
        arrival.ttl = static_cast<std::uint8_t>(payload_of<int>(message));
    else if (is(IPPROTO_IP, IP_PKTINFO))
        arrival.destination = address_of(payload_of<in_pktinfo>(message).ipi_addr);
    else if (is(IPPROTO_IPV6, IPV6_PKTINFO))
        arrival.destination = address_of(payload_of<in6_pktinfo>(message).ipi6_addr);
}

}  // namespace

// ---- Receiver -----------------------------------------------------------------------------------

Result<Receiver> Receiver::open(Family family, bool multihop) {
    const std::uint16_t port = multihop ? port_multihop : port_single_hop;
    const bool is_v4 = family == Family::ipv4;
    Fd socket = open_udp(family);
    if (!socket)
        return fail_errno("open a socket for BFD");
    const bool configured = is_v4 ? enable(socket.get(), IPPROTO_IP, IP_RECVTTL) &&
                                        enable(socket.get(), IPPROTO_IP, IP_PKTINFO)
                                  : enable(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY) &&
                                        enable(socket.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT) &&
                                        enable(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO);
    if (!configured)
        return fail_errno("set up the socket for BFD");
    const IpAddress any = is_v4 ? IpAddress() : IpAddress::v6({});
    const SocketAddress local = socket_address({any, port});
    if (bind(socket.get(), local.get(), local.length) != 0)
        return fail_errno("listen on UDP port {} for BFD ({})", port, is_v4 ? "IPv4" : "IPv6");
    return Receiver(std::move(socket), multihop);
}

std::optional<Arrival> Receiver::receive() {
    sockaddr_storage source{};
    iovec vector{.iov_base = buffer_.data(), .iov_len = buffer_.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr header{};
    header.msg_name = &source;
    header.msg_namelen = sizeof source;
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t received = -1;
    // An error that a packet of ours has met elsewhere is taken away by reading it.
    for (int attempt = 0; attempt < 4 && received < 0; ++attempt) {
        received = recvmsg(socket_.get(), &header, 0);
        if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return std::nullopt;
    }
    if (received < 0)
        return std::nullopt;
    Arrival arrival;
    arrival.multihop = multihop_;
    arrival.source = address_of(source);
    arrival.payload = std::span(buffer_).first(static_cast<std::size_t>(received));
    for (const cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
         message = CMSG_NXTHDR(&header, const_cast<cmsghdr*>(message)))
        read_ancillary(message, arrival);
    return arrival;
}

// ---- Sender -------------------------------------------------------------------------------------

Result<Sender> Sender::open(const config::BfdInstance& config, std::uint16_t first_port) {
    const Family family = config.neighbor.family();
    const bool is_v4 = family == Family::ipv4;
    Fd socket = open_udp(family);
    if (!socket)
        return fail_errno("open a socket for BFD");
    const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
    if (!enable(socket.get(), level, is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, config.ttl) ||
        !enable(socket.get(), level, is_v4 ? IP_TOS : IPV6_TCLASS, tos_internetwork_control) ||
        !enable(socket.get(), SOL_SOCKET, SO_PRIORITY, TC_PRIO_CONTROL) ||
        // Nobody reads it: the neighbor sends to the receiver.
        !enable(socket.get(), SOL_SOCKET, SO_RCVBUF, 0))
        return fail_errno("set up the socket for BFD");
    const IpAddress any = is_v4 ? IpAddress() : IpAddress::v6({});
    const IpAddress local = config.source.value_or(any);
    const Endpoint neighbor{config.neighbor, config.multihop ? port_multihop : port_single_hop};
    for (int offset = 0; offset < num_source_ports; ++offset) {
        const int port =
            source_port_min + (first_port - source_port_min + offset) % num_source_ports;
        const SocketAddress address = socket_address({local, static_cast<std::uint16_t>(port)});
        if (bind(socket.get(), address.get(), address.length) == 0)
            return Sender(std::move(socket), neighbor);
        if (errno != EADDRINUSE)
            return fail_errno("send from {}", local.to_string());
    }
    return fail("every UDP port from {} on is taken", source_port_min);
}

Result<void> Sender::send(std::span<const std::uint8_t> packet) const {
    const SocketAddress to = socket_address(neighbor_);
    if (sendto(socket_.get(), packet.data(), packet.size(), 0, to.get(), to.length) < 0)
        return fail_errno("send to {}", neighbor_.to_string());
    return {};
}

}  // namespace headgate::bfd
