// What a core does with packets for a real server behind a tunnel.
#include <algorithm>
#include <cstdint>
#include <span>

#include "dataplane/core/core.h"
#include "dataplane/core/tunnel.h"

namespace headgate::dataplane {

Reason Core::send_through_tunnel(const Snapshot& snapshot, const Origin& origin, Frame& frame,
                                 const Packet& packet, Slot destination) {
    const TunnelHeader& header = snapshot.tunnel(destination);
    if (origin.headroom + packet.ip_at < tunnel_room) [[unlikely]]
        return Reason::no_headroom;
    if (is_too_big(header, packet, frame.data + packet.ip_at)) [[unlikely]]
        return Reason::packet_too_big;
    const bool whole = packet.ip_bytes <= header.whole_max;
    // Counted before the frame changes: one that is dropped stays as it came.
    const std::size_t room = pieces_max_of_burst - pieces_count_;
    if (!whole && further_fragments(header, packet) > room) [[unlikely]]
        return Reason::tunnel_fragments;
    const std::uint64_t hash = hash_flow(packet.client, packet.client_port.raw(), flow_seed_);
    const int egress = egress_of(snapshot, destination);
    const std::uint8_t* const source = egress != 0
                                           ? snapshot.egress(destination).source.bytes.data()
                                           : snapshot.interface_mac(origin.interface).bytes.data();
    const Wrapping wrapping{source, static_cast<std::uint16_t>(hash), tunnel_id_};
    tunnel_id_ += tunnel_id_step_;
    wrap(header, packet, wrapping, frame);
    if (whole) [[likely]]
        return Reason::none;
    const std::span memory(pieces_.get() + pieces_count_ * fragment_bytes_max,
                           room * fragment_bytes_max);
    const std::span pieces = std::span(released_).subspan(released_count_, room);
    const std::size_t count = further_fragments(header, packet);
    cut(header, wrapping.id, frame, memory, pieces);
    std::ranges::fill(std::span(released_egresses_).subspan(released_count_, count), egress);
    pieces_count_ += count;
    released_count_ += count;
    counters_.count(Event::tunnel_fragmented);
    return Reason::none;
}

}  // namespace headgate::dataplane
