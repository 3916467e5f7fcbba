// Leased addresses: an address with a finite lifetime, which the kernel removes by itself unless it
// is renewed. Static ones have none. Each call is one rtnetlink request, answered before it
// returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/net.h"
#include "common/result.h"
#include "controlplane/config/model_addresses.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

// Who has put the address there, for `ip address` and for other managers of addresses. The number
// is that of routes (RTPROT_KEEPALIVED); kernels before 5.18 ignore it.
inline constexpr std::uint8_t address_protocol_vrrp = 18;

// Builds the requests; what AddressWriter sends. Without a lease the address stays.
Message lease_request(int interface_index, const config::VirtualAddress& address,
                      std::optional<std::chrono::seconds> lease);
Message remove_request(int interface_index, const config::VirtualAddress& address);

class AddressWriter {
public:
    static Result<AddressWriter> open();

    // Adds the address or renews its lease. One that exists without a lease gets one. The kernel
    // removes it up to 0.35 s after the end of the lease (measured on Linux 6.18).
    Result<void> lease(int interface_index, const config::VirtualAddress& address,
                       std::chrono::seconds lease);
    // Adds the address for good, or changes one that is there into that.
    Result<void> add(int interface_index, const config::VirtualAddress& address);
    // Not to be there any more is success, and so is the end of its interface.
    Result<void> remove(int interface_index, const config::VirtualAddress& address);

private:
    explicit AddressWriter(Socket socket) : socket_(std::move(socket)) {}
    Socket socket_;
};

}  // namespace headgate::netlink
