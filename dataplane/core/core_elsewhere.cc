// What a core does with packets for a real server that is reached by another interface than the one
// they came in on. The frame begins anew at its IP packet: VLAN tags are those of a link that it
// leaves. What does not fit into the other link is answered, or cut, as by any router.
#include <algorithm>
#include <cstring>
#include <span>

#include "common/checksum.h"
#include "dataplane/core/core.h"
#include "dataplane/core/ip_headers.h"
#include "dataplane/core/rewrite.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint16_t ipv4_may_not_be_cut = 0x4000;
constexpr std::uint16_t ipv4_more_follows = 0x2000;

void write_host16(std::uint8_t* at, std::uint16_t value) {
    const std::uint16_t raw = Be16(value).raw();
    std::memcpy(at, &raw, sizeof raw);
}

// Makes the IPv4 header at `ip` that of so many bytes of its packet's payload, from `offset` on.
// `whole` is its third word as it came: the packet can be a fragment itself.
void make_fragment(std::uint8_t* ip, std::uint32_t header_bytes, std::uint16_t whole,
                   std::uint32_t offset, std::uint32_t bytes, bool is_last) {
    write_host16(ip + 2, static_cast<std::uint16_t>(header_bytes + bytes));
    write_host16(ip + 6, static_cast<std::uint16_t>((whole + offset / 8) |
                                                    (is_last ? 0U : ipv4_more_follows)));
    write_host16(ip + 10, 0);
    const std::uint16_t checksum = internet_checksum({ip, header_bytes});
    write_host16(ip + 10, checksum);
}

}  // namespace

void Core::leave_elsewhere(const Snapshot& snapshot, Burst& burst, std::uint32_t frame,
                           Slot destination) {
    burst.verdicts[frame] = Verdict::elsewhere;
    burst.egresses[frame] = snapshot.egress(destination).ifindex;
    ++burst.elsewhere;
}

// What is dropped stays as it came.
[[gnu::noinline]] Reason Core::send_elsewhere(const Snapshot& snapshot, Frame& frame,
                                              const Packet& packet, Slot destination) {
    const Egress& egress = snapshot.egress(destination);
    std::uint8_t* const ip = frame.data + packet.ip_at;
    const bool fits = packet.ip_bytes <= egress.mtu;
    if (!fits && (packet.is_v6 || (read16(ip + 6).host() & ipv4_may_not_be_cut) != 0))
        return Reason::packet_too_big;
    const std::uint32_t header_bytes = (ip[0] & 0xfU) * 4;
    const std::uint32_t unit = (egress.mtu - header_bytes) & ~7U;
    const std::size_t further = fits ? 0 : (packet.ip_bytes - header_bytes - 1) / unit;
    if (further > pieces_max_of_burst - pieces_count_)
        return Reason::egress_fragments;
    const std::uint64_t mac = snapshot.destination(destination).mac;
    const Be16 ethertype = packet.is_v6 ? ethertype_ipv6 : ethertype_ipv4;
    const std::uint32_t tags = packet.ip_at - ethernet_bytes;
    frame = {frame.data + tags, frame.length - tags};
    Packet untagged = packet;
    untagged.ip_at = ethernet_bytes;
    rewrite(untagged, frame.data, mac, egress.mac);
    write_host16(frame.data + 2 * mac_bytes, ethertype.host());
    if (!fits) [[unlikely]]
        cut_elsewhere(egress, frame, packet.ip_bytes);
    return Reason::none;
}

// RFC 791 3.2. All pieces have all options: their receiver takes them from the first.
void Core::cut_elsewhere(const Egress& egress, Frame& frame, std::uint32_t ip_bytes) {
    std::uint8_t* const ip = frame.data + ethernet_bytes;
    const std::uint32_t header_bytes = (ip[0] & 0xfU) * 4;
    const std::uint32_t unit = (egress.mtu - header_bytes) & ~7U;
    const std::uint32_t payload = ip_bytes - header_bytes;
    const std::uint32_t before = ethernet_bytes + header_bytes;
    const std::uint16_t whole = read16(ip + 6).host();
    for (std::uint32_t offset = unit; offset < payload; offset += unit) {
        const std::uint32_t bytes = std::min(unit, payload - offset);
        const bool is_last = offset + bytes == payload;
        std::uint8_t* const piece = pieces_.get() + pieces_count_++ * fragment_bytes_max;
        std::copy_n(frame.data, before, piece);
        std::copy_n(frame.data + before + offset, bytes, piece + before);
        make_fragment(piece + ethernet_bytes, header_bytes, whole, offset, bytes, is_last);
        add_released({piece, before + bytes}, egress.ifindex);
    }
    make_fragment(ip, header_bytes, whole, 0, unit, false);
    frame.length = before + unit;
    counters_.count(Event::egress_fragmented);
}

}  // namespace headgate::dataplane
