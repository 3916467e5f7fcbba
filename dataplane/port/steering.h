// Steering: the XDP program of bpf/steer.bpf.c on one interface, with its maps.
//
// The program is attached by a bpf_link whose descriptor lives in this process. When nothing is to
// be left to a later process, or there is no flow cache, it is pinned nowhere: when the process
// goes, by whatever signal, the kernel detaches the program. Else see inheritance.h.
// *Control thread* only, except that the program itself runs on whatever CPU receives packets.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bpf/abi.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/access_list.h"
#include "dataplane/core/flow_cache.h"
#include "dataplane/port/blocked_clients.h"
#include "dataplane/port/flow_cache_size.h"
#include "dataplane/port/inheritance.h"
#include "dataplane/port/mapped_array.h"

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

struct SteeringOptions {
    std::string interface;
    int ifindex = 0;
    std::uint32_t queues = 1;
    XdpMode mode = XdpMode::automatic;
    FlowCacheSize flow_cache{};
    // Where an inheritance is taken from, and left; empty: nothing is.
    std::filesystem::path pins{};
};

class Steering {
public:
    // Loads the program and attaches it to the interface, in native mode if that is allowed and
    // the driver can, else in generic mode. Steers nothing yet. Fails when another XDP program is
    // attached already; the message says which. What another process has left is inherited: then
    // its program goes on until go_live().
    static Result<std::unique_ptr<Steering>> attach(const SteeringOptions& options);
    // An inheritance that was found or left stays; see detach().
    ~Steering();
    Steering(const Steering&) = delete;
    Steering& operator=(const Steering&) = delete;

    [[nodiscard]] bool generic() const { return generic_; }
    // Whether flows of another process are in the cache.
    [[nodiscard]] bool has_inherited() const { return has_inherited_; }

    // Once, when the services and sockets are set: this program takes the place of the inherited
    // one, in one step, or is left to whoever comes after this process.
    Result<void> go_live();
    // Nothing is left, and the program is detached.
    void detach();
    // When the sockets are closed, by whatever: how long established flows go on, and how long the
    // other packets of services wait for a worker, by being dropped.
    void keep_alive(Instant flows_until, Instant others_until);

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
        return opening_shares_.items()[queue];
    }
    // The part of the flow cache that `queue` has, for its worker. Without buckets when there is
    // none.
    [[nodiscard]] FlowCacheMemory flow_cache(std::uint32_t queue);
    // What the control thread writes of it: the destinations of all queues, LB_DESTINATIONS_MAX
    // each, which are none without a cache, and a control per queue.
    [[nodiscard]] std::span<lb_flow_destination> flow_destinations() {
        return flow_destinations_.items();
    }
    [[nodiscard]] std::span<lb_flow_control> flow_controls() { return flow_controls_.items(); }
    // As many names as one queue has destinations, or none; and what counts their generations.
    [[nodiscard]] std::span<lb_destination_name> flow_names() { return flow_names_.items(); }
    [[nodiscard]] lb_inheritance& inheritance() { return inheritance_.items()[0]; }

    // Which interface the program sends to by that number; 0: none. Fails when there is none.
    Result<void> set_egress(std::uint32_t egress, int ifindex);

    // Adding what is there and removing what is not there changes nothing.
    Result<void> add_service(const SteeredService& service);
    Result<void> remove_service(const SteeredService& service);

    // Drops packets of the clients that `list` blocks; nullptr: of none. What does not fit into the
    // program's list is left to the workers, and said.
    Result<void> block(const AccessList* list);

    // Summed over all CPUs.
    [[nodiscard]] SteerCounts counts() const;

    // For running the program over a packet in tests.
    [[nodiscard]] int program_fd() const;

private:
    Steering(steer_bpf* program, const SteeringOptions& options);
    Result<void> load(const std::optional<Inheritance>& inherited);
    void size_maps();
    Result<void> reuse_maps(const Inheritance& inherited);
    Result<void> map_arrays();
    Result<void> attach_link();
    void inherit_link(Inheritance& inherited);

    steer_bpf* program_;  // owned
    SteeringOptions options_;
    BlockedClients blocked_clients_;
    // The program's own maps, in our memory.
    MappedArray<lb_opening_share> opening_shares_;
    MappedArray<lb_flow_control> flow_controls_;
    MappedArray<lb_flow_destination> flow_destinations_;
    MappedArray<lb_destination_name> flow_names_;
    MappedArray<lb_inheritance> inheritance_;
    MappedArray<lb_flow4_bucket> flows4_;
    MappedArray<lb_flow6_bucket> flows6_;
    Fd link_;
    bool has_inherited_ = false;
    bool generic_ = false;
    std::string generic_reason_;
    MacAddress returned_source_;
};

}  // namespace headgate::dataplane
