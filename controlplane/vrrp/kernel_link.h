// KernelLink: the Link of the instances that share a socket for adverts. With AdvertSocket it is
// the only place where VRRP meets the kernel. VRRP thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/vrrp/advert_socket.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

// What all links of a thread share.
struct Kernel {
    netlink::InterfaceTable& table;
    netlink::AddressWriter& addresses;
    int packet_socket;  // AF_PACKET, for announcements; see open_packet_socket()
};

// Sends frames and receives none.
Result<Fd> open_packet_socket();

class KernelLink final : public Link {
public:
    // `socket`, and what `kernel` refers to, outlive the link.
    KernelLink(AdvertSocket& socket, const Kernel& kernel) : socket_(socket), kernel_(kernel) {}

    Result<void> send(const OutgoingAdvert& advert) override;
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override {
        return std::chrono::system_clock::now();
    }
    Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) override;
    Result<void> withdraw(const config::VirtualAddress& vip) override;
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override;
    [[nodiscard]] std::optional<Instant> renewed(const config::VirtualAddress& vip) const override;
    Result<void> announce(const config::VirtualAddress& vip) override;
    [[nodiscard]] std::string_view base_of(std::string_view interface) const override;

private:
    [[nodiscard]] Result<void> send_frame(const netlink::Interface& interface,
                                          std::uint16_t ethertype,
                                          std::span<const std::uint8_t> frame) const;

    AdvertSocket& socket_;
    Kernel kernel_;
};

}  // namespace headgate::vrrp
