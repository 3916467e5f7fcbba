// KernelLink: the Link of one interface of this host. It owns the raw socket on which adverts go
// out and come in, and is the only place where VRRP meets the kernel. VRRP thread only.
//
// The socket is bound to the interface and to its membership in the multicast group, both by
// interface index: when an interface is replaced by another of the same name, attach() it anew.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/interfaces.h"
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
    // `kernel` and what it refers to outlive the link.
    KernelLink(std::string interface, const Kernel& kernel);

    // Opens the socket on the interface with this index, closing the one before.
    Result<void> attach(int index);
    void detach();
    // 0 while detached.
    [[nodiscard]] int index() const { return index_; }
    // For waiting until a packet has come; -1 while detached.
    [[nodiscard]] int fd() const { return socket_.get(); }
    // The next packet that is waiting: IPv4, from its header on, valid until the next call. Nothing
    // when there is none. Never blocks.
    std::optional<std::span<const std::uint8_t>> receive();

    Result<void> send(std::span<const std::uint8_t> packet) override;
    Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) override;
    Result<void> withdraw(const config::VirtualAddress& vip) override;
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override;
    Result<void> announce(const config::VirtualAddress& vip) override;
    [[nodiscard]] std::string_view base_of(std::string_view interface) const override;

private:
    [[nodiscard]] Result<void> send_frame(const netlink::Interface& interface,
                                          std::uint16_t ethertype,
                                          std::span<const std::uint8_t> frame,
                                          const IpAddress& address) const;

    std::string interface_;
    Kernel kernel_;
    int index_ = 0;
    Fd socket_;
    // Larger than any advert. A longer packet is cut off and then fails the check of its length.
    std::array<std::uint8_t, 2048> buffer_{};
};

}  // namespace headgate::vrrp
