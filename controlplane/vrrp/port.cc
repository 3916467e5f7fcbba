#include "controlplane/vrrp/port.h"

#include <algorithm>

namespace headgate::vrrp {

namespace {

// Anybody on the link can make them up.
constexpr std::size_t strangers_max = 256;

}  // namespace

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

bool Port::count_unknown(std::uint8_t vrid, const IpAddress& source) {
    ++num_unknown;
    return strangers.size() < strangers_max && strangers.emplace(vrid, source).second;
}

void Port::detach() {
    if (!socket.is_attached())
        return;
    readable.release();
    socket.detach();
    ++num_attachments;
}

}  // namespace headgate::vrrp
