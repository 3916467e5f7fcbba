// Link: all that an instance does to the world, on one interface. The kernel's own is KernelLink;
// the simulator has one that loses, delays and duplicates.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/config/model_vrrp.h"

namespace headgate::vrrp {

// Whether the interface can carry adverts.
struct LinkState {
    std::optional<IpAddress> source;  // the address to send from; set when there is no problem
    std::string problem;              // "interface eth0 down"; empty when there is none
    std::uint32_t mtu = 0;            // 0: not known
    std::string interface {};         // that the source is on; empty: as `source`
    bool operator==(const LinkState&) const = default;
};

// An advert for one destination.
struct OutgoingAdvert {
    IpAddress source;
    IpAddress destination;
    std::uint8_t hop_limit = 255;
    std::string_view vmac{};  // the interface that it comes from; empty: that of the instance
    std::span<const std::uint8_t> bytes;  // IPv4: the packet; IPv6: the message
};

class Link {
public:
    virtual ~Link() = default;

    virtual Result<void> send(const OutgoingAdvert& advert) = 0;
    // The time of day, which authenticated adverts carry.
    [[nodiscard]] virtual std::chrono::system_clock::time_point wall_now() const = 0;

    // Puts the address on its interface for the length of the lease, or renews the lease it has.
    // An address that is there already, even for ever, is taken over into the lease.
    virtual Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) = 0;
    // Not to be there any more is success.
    virtual Result<void> withdraw(const config::VirtualAddress& vip) = 0;
    // Whether the kernel has the address, as far as its notifications have been read.
    [[nodiscard]] virtual bool present(const config::VirtualAddress& vip) const = 0;
    // When its lease was last renewed, if it has one, by us or by an earlier run of us.
    [[nodiscard]] virtual std::optional<Instant> renewed(const config::VirtualAddress& vip) const {
        static_cast<void>(vip);
        return std::nullopt;
    }
    // One gratuitous ARP, or one unsolicited Neighbour Advertisement.
    virtual Result<void> announce(const config::VirtualAddress& vip) = 0;
    // The name of the interface that this macvlan or ipvlan is made on; empty: it is neither.
    [[nodiscard]] virtual std::string_view base_of(std::string_view interface) const = 0;
};

}  // namespace headgate::vrrp
