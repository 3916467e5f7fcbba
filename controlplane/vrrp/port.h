// Port: a socket for adverts with the instances that share it. VRRP thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "controlplane/vrrp/advert_socket.h"
#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/kernel_link.h"

namespace headgate::vrrp {

struct Port {
    Port(const Channel& port_channel, const Kernel& kernel, boost::asio::io_context& io)
        : channel(port_channel), socket(port_channel), link(socket, kernel), readable(io) {}

    // The instance that a packet is for: of several with its VRID the one that its sender is a peer
    // of. Null: there is none.
    [[nodiscard]] Instance* find(std::uint8_t vrid, const IpAddress& source) const;
    // Counts an advert for no instance here. True: it is the first with this VRID of this sender,
    // of as many senders as are remembered.
    bool count_unknown(std::uint8_t vrid, const IpAddress& source);
    void detach();

    Channel channel;
    AdvertSocket socket;
    KernelLink link;
    // Waits on the socket, which owns the descriptor.
    boost::asio::posix::stream_descriptor readable;
    std::uint32_t buffer_bytes = 0;     // of the socket, for receiving; 0: the system's default
    std::uint64_t num_attachments = 0;  // tells the descriptors that the socket has had apart
    std::uint64_t num_unknown = 0;      // adverts for no instance here
    std::set<std::pair<std::uint8_t, IpAddress>> strangers;  // who sent them
    std::vector<Instance*> instances;
};

}  // namespace headgate::vrrp
