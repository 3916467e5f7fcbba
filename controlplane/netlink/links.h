// LinkWriter: makes and removes interfaces on others, and brings them up. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "common/net.h"
#include "common/result.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

// In mode VEPA: what comes from others with its MAC address reaches the interface below, too. In
// mode private it alone gets that.
struct Macvlan {
    MacAddress mac;
    bool operator==(const Macvlan&) const = default;
};

// In mode L2, with the MAC address of the interface below.
struct Ipvlan {
    std::uint16_t flags = 0;  // IPVLAN_F_*; the kernel has them once for all on an interface
    bool operator==(const Ipvlan&) const = default;
};

using StackedLink = std::variant<Macvlan, Ipvlan>;

// The request for a new interface on another, down.
[[nodiscard]] Message request_to_add(int base_index, const std::string& name,
                                     const StackedLink& link);
// The request that gives the one with this index its mode.
[[nodiscard]] Message request_for_mode(int index, const StackedLink& link);

class LinkWriter {
public:
    static Result<LinkWriter> open();

    // As request_to_add() and request_for_mode(). Error::code EOPNOTSUPP: the kernel has no
    // interfaces of this kind; EBUSY: the base has some of another.
    Result<void> add(int base_index, const std::string& name, const StackedLink& link);
    Result<void> set_mode(int index, const StackedLink& link);
    Result<void> set_up(int index);
    // At most 255 bytes.
    Result<void> set_alias(int index, const std::string& text);
    // Not to be there any more is success.
    Result<void> remove(int index);

private:
    explicit LinkWriter(Socket socket) : socket_(std::move(socket)) {}
    Socket socket_;
};

}  // namespace headgate::netlink
