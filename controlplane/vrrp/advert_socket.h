// AdvertSocket: the raw socket on which the adverts of some instances go out and come in. Instances
// share one when nothing that the kernel has to know tells them apart. VRRP thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/envelope.h"
#include "controlplane/vrrp/link.h"
#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {

// What a socket hears.
struct Channel {
    std::string interface;  // empty: every interface (unicast only)
    Family family = Family::ipv4;
    bool auth_header = false;
    bool unicast = false;
    IpAddress address;  // multicast: the group; unicast: the configured source, if there is one
    auto operator<=>(const Channel&) const = default;
};

[[nodiscard]] Channel channel_of(const config::VrrpInstance& instance);

class AdvertSocket {
public:
    explicit AdvertSocket(Channel channel) : channel_(std::move(channel)) {}

    // Opens the socket, closing the one before. `index`: of the interface; when it is replaced by
    // another of the same name, attach anew. `local`: the address that unicast adverts come from
    // and are sent to. `buffer_bytes`: of the receive buffer; 0: the system's default.
    Result<void> attach(int index, const IpAddress& local, std::uint32_t buffer_bytes);
    void detach();
    [[nodiscard]] bool is_attached() const { return static_cast<bool>(socket_); }
    // Whether it is attached in just this way.
    [[nodiscard]] bool is_attached_to(int index, const IpAddress& local) const;
    // For waiting until a packet has come; -1 while detached.
    [[nodiscard]] int fd() const { return socket_.get(); }

    struct Received {
        std::optional<Envelope> envelope;  // absent: the packet makes no sense
    };
    // The next packet that is waiting, valid until the next call. Nothing when there is none. Never
    // blocks. IPv6 packets with a wrong checksum are dropped by the kernel.
    std::optional<Received> receive();
    Result<void> send(const OutgoingAdvert& advert);

private:
    Result<void> send_ipv4(const OutgoingAdvert& advert);
    Result<void> send_ipv6(const OutgoingAdvert& advert);

    Channel channel_;
    int index_ = 0;
    IpAddress local_;
    Fd socket_;
    // Larger than any advert, also with IP options. A longer packet is cut off and then fails the
    // check of its length.
    std::array<std::uint8_t, advert_bytes_max + 64> buffer_{};
};

}  // namespace headgate::vrrp
