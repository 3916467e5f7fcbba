#include "controlplane/vrrp/port.h"

#include <algorithm>

namespace headgate::vrrp {

Instance* Port::find(std::uint8_t vrid, const IpAddress& source) const {
    Instance* first = nullptr;
    for (Instance* const instance : instances) {
        if (instance->config().vrid != vrid)
            continue;
        const auto& peers = instance->config().transport.peers;
        if (std::ranges::find(peers, source, &config::UnicastPeer::address) != peers.end())
            return instance;
        if (first == nullptr)
            first = instance;
    }
    return first;
}

void Port::detach() {
    if (!socket.is_attached())
        return;
    readable.release();
    socket.detach();
    ++num_attachments;
}

}  // namespace headgate::vrrp
