// Port: one interface with the instances on it. VRRP thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/kernel_link.h"

namespace headgate::vrrp {

struct Port {
    Port(std::string name, const Kernel& kernel, boost::asio::io_context& io)
        : interface(std::move(name)), link(interface, kernel), readable(io) {}

    [[nodiscard]] Instance* find(std::uint8_t vrid) const {
        const auto found = std::ranges::find_if(
            instances, [&](const Instance* instance) { return instance->config().vrid == vrid; });
        return found == instances.end() ? nullptr : *found;
    }

    std::string interface;
    KernelLink link;
    // Waits on the link's socket; the link owns it.
    boost::asio::posix::stream_descriptor readable;
    std::uint64_t num_attachments = 0;  // tells the sockets that the link has had apart
    LinkState state;
    std::uint64_t num_unknown = 0;  // adverts for no instance here
    std::vector<Instance*> instances;
};

}  // namespace headgate::vrrp
