// Steering: the XDP program of bpf/steer.bpf.c on one interface, with its maps.
//
// The program is attached by a bpf_link whose descriptor lives in this process and is pinned
// nowhere: when the process goes, by whatever signal, the kernel detaches the program.
// *Control thread* only, except that the program itself runs on whatever CPU receives packets.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bpf/abi.h"
#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"

struct steer_bpf;

namespace headgate::dataplane {

enum class XdpMode : std::uint8_t { automatic, native, generic };

struct SteeredService {
    Endpoint endpoint;  // port 0: every port
    std::uint8_t protocol = 0;

    auto operator<=>(const SteeredService&) const = default;
};

// What brings the fragments of an address with services to the workers.
inline SteeredService steered_fragments(const IpAddress& address) {
    return {{address, 0}, LB_ADDRESS_ALONE};
}

using SteerCounts = std::array<std::uint64_t, lb_steer_counter_count>;

// The name of a counter as people see it, e.g. "steer_pass_no_service".
std::string steer_counter_name(std::size_t counter);

class Steering {
public:
    // Loads the program and attaches it to the interface, in native mode if that is allowed and
    // the driver can, else in generic mode. Steers nothing yet. Fails when another XDP program is
    // attached already; the message says which.
    static Result<std::unique_ptr<Steering>> attach(const std::string& interface, int ifindex,
                                                    std::uint32_t queues, XdpMode mode);
    ~Steering();
    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;

    [[nodiscard]] bool generic() const { return generic_; }
    // Why the program runs in generic mode; empty in native mode.
    [[nodiscard]] const std::string& generic_reason() const { return generic_reason_; }

    // The source MAC address that marks a frame which a worker gives back to the kernel: in generic
    // mode such frames meet the program again, and it lets those pass.
    [[nodiscard]] const MacAddress& returned_source() const { return returned_source_; }

    // Sends the services' packets that come in on `queue` to this AF_XDP socket.
    Result<void> set_socket(std::uint32_t queue, int socket_fd);
    // What the packets that open a connection may take of `queue`: for its port, which sets the
    // limit before the socket is entered. Until then it is 0.
    [[nodiscard]] lb_opening_share& opening_share(std::uint32_t queue) {
        return opening_shares_[queue];
    }
    // Adding what is there and removing what is not there changes nothing.
    Result<void> add_service(const SteeredService& service);
    Result<void> remove_service(const SteeredService& service);

    // Summed over all CPUs.
    [[nodiscard]] SteerCounts counts() const;

    // For running the program over a packet in tests.
    [[nodiscard]] int program_fd() const;

private:
    explicit Steering(steer_bpf* program);
    Result<void> map_opening_shares(const std::string& interface, std::uint32_t queues);
    Result<void> attach_link(const std::string& interface, int ifindex, XdpMode mode);

    steer_bpf* program_;                          // owned
    std::span<lb_opening_share> opening_shares_;  // the program's own map, in our memory
    Fd link_;
    bool generic_ = false;
    std::string generic_reason_;
    MacAddress returned_source_;
};

}  // namespace headgate::dataplane
