// The UDP sockets of BFD. One receiver for each address family and port takes the packets of all
// sessions; each session has a sender of its own, whose source port is its mark (RFC 5881 section
// 4: from 49152 on, the same for the life of the session). BFD thread only; nothing here blocks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/bfd/instance.h"

namespace headgate::bfd {

class Receiver {
public:
    static Result<Receiver> open(Family family, bool multihop);

    // The next datagram that is waiting; its payload is valid until the next call. Nothing when
    // there is none.
    std::optional<Arrival> receive();
    [[nodiscard]] int fd() const { return socket_.get(); }

private:
    Receiver(Fd socket, bool multihop) : socket_(std::move(socket)), multihop_(multihop) {}

    Fd socket_;
    bool multihop_;
    // Longer than any control packet, authentication included. What does not fit is cut off and
    // then fails the check of its length.
    std::array<std::uint8_t, 256> buffer_{};
};

class Sender {
public:
    // A free source port is looked for from `first_port` on, and around.
    static Result<Sender> open(const config::BfdInstance& config, std::uint16_t first_port);

    [[nodiscard]] Result<void> send(std::span<const std::uint8_t> packet) const;

private:
    Sender(Fd socket, Endpoint neighbor) : socket_(std::move(socket)), neighbor_(neighbor) {}

    Fd socket_;
    Endpoint neighbor_;
};

inline constexpr std::uint16_t source_port_min = 49152;

}  // namespace headgate::bfd
