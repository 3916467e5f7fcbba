// What the dataplane asks the kernel about links, routes and neighbours (rtnetlink, through
// libnl's message layer), and the events it listens to. *Control thread* only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/net.h"
#include "common/result.h"

struct nl_sock;
struct nlmsghdr;

namespace headgate::dataplane {

struct LinkInfo {
    int ifindex = 0;
    std::string name;
    MacAddress mac;
    std::uint32_t mtu = 0;
    bool up = false;           // administratively
    bool is_ethernet = false;  // and no loopback

    bool operator==(const LinkInfo&) const = default;
};

// How the kernel would send to an address.
struct RouteAnswer {
    enum class Kind : std::uint8_t { none, on_link, gateway, local };
    Kind kind = Kind::none;
    int ifindex = 0;        // on_link and gateway
    IpAddress gateway{};    // gateway; may be of another family (RFC 5549)
    IpAddress source{};     // on_link and gateway: what a packet of this host would come from
    std::uint32_t mtu = 0;  // on_link and gateway: as far as the route says it; 0: the interface's
    std::string detail{};   // none: why

    bool operator==(const RouteAnswer&) const = default;
};

// One entry of the kernel's neighbour table, or the news that it is gone.
struct NeighbourEntry {
    enum class State : std::uint8_t {
        resolving,  // asked, no answer yet; also: the entry was removed
        usable,     // `mac` is what the kernel sends to
        fixed,      // as usable, set by an administrator: not ours to probe
        failed,     // asked, and nobody answered
    };
    int ifindex = 0;
    IpAddress address;
    State state = State::resolving;
    MacAddress mac;  // usable and fixed

    bool operator==(const NeighbourEntry&) const = default;
};

// An RTM_NEWNEIGH or RTM_DELNEIGH message about an IPv4 or IPv6 neighbour; nothing for any other.
std::optional<NeighbourEntry> parse_neighbour(const nlmsghdr* message);

struct NetlinkEvents {
    bool links_changed = false;
    bool routes_changed = false;
    bool lost = false;  // the kernel dropped events: dump everything again
    std::vector<NeighbourEntry> neighbours;
};

class Netlink {
public:
    static Result<std::unique_ptr<Netlink>> open();
    ~Netlink();
    Netlink(const Netlink&) = delete;
    Netlink& operator=(const Netlink&) = delete;

    // Readable when there are events.
    [[nodiscard]] int fd() const;
    // Takes the events that are there; never blocks.
    NetlinkEvents read_events();

    // ENODEV when there is no such interface.
    Result<LinkInfo> link(const std::string& name);
    Result<LinkInfo> link(int ifindex);
    Result<RouteAnswer> route_to(const IpAddress& address);
    Result<std::vector<NeighbourEntry>> neighbours();
    // Has the kernel resolve the neighbour now and, since Linux 5.16, keep it resolved
    // (NTF_EXT_MANAGED). Older kernels need the call repeated. Does not touch a fixed entry's MAC,
    // but do not call it for one.
    Result<void> request_neighbour(int ifindex, const IpAddress& address);
    // Removes an entry that request_neighbour() made, so that the kernel stops probing it.
    Result<void> forget_neighbour(int ifindex, const IpAddress& address);

private:
    Netlink() = default;

    nl_sock* requests_ = nullptr;  // owned
    nl_sock* events_ = nullptr;    // owned
};

}  // namespace headgate::dataplane
