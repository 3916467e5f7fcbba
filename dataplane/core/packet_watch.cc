#include "dataplane/core/packet_watch.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "dataplane/core/core.h"
#include "dataplane/core/ip_headers.h"

namespace headgate::dataplane {
namespace {

static_assert(std::is_trivially_copyable_v<SeenPacket>, "a record of the ring is bytes");

// What the headers of a frame say, as far as they make sense.
SeenPacket look_at(const Frame& frame, const MacAddress& own_mac) {
    SeenPacket seen;
    seen.frame_bytes = frame.length;
    Packet packet;
    const Reason reason = parse(frame, own_mac, packet);
    const bool is_fragment = reason == Reason::fragment;
    if (reason != Reason::none && reason != Reason::icmp && !is_fragment)
        return seen;
    seen.addressed = true;
    seen.client = packet.client;
    seen.address = packet.address;
    if (is_fragment && packet.fragment_offset == 0 &&
        parse_first_fragment(frame, packet) != Reason::none)
        packet.client_port = packet.port = Be16();
    seen.ip_protocol =
        reason == Reason::none ? static_cast<std::uint8_t>(packet.protocol) : packet.next_header;
    if (reason != Reason::icmp) {
        seen.client_port = packet.client_port;
        seen.port = packet.port;
        seen.tcp_flags = packet.tcp_flags;
    }
    return seen;
}

}  // namespace

PacketWatch::PacketWatch(PacketFilter filter, std::uint32_t bytes_max, std::size_t ring_bytes)
    : filter_(std::move(filter)), bytes_max_(bytes_max), ring_(ring_bytes) {}

void PacketWatch::look_before(const Snapshot& snapshot, const Burst& burst) {
    const MacAddress own_mac = burst.interface < snapshot.interface_count()
                                   ? snapshot.interface_mac(burst.interface)
                                   : MacAddress {};
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        Before& before = before_[index];
        before.frame = burst.frames[index];
        before.seen = look_at(before.frame, own_mac);
        const std::uint8_t wanted = filter_.ip_protocol;
        before.may_match = wanted == 0 || before.seen.ip_protocol == wanted;
        if (before.may_match)
            std::copy_n(before.frame.data, std::min<std::size_t>(before.frame.length, head_bytes),
                        before.head.begin());
    }
}

void PacketWatch::look_after(const Burst& burst, const Fates& fates, std::int64_t unix_ns) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        const Before& before = before_[index];
        if (!before.may_match)
            continue;
        SeenPacket seen = before.seen;
        seen.unix_ns = unix_ns;
        const bool sent = burst.verdicts[index] == Verdict::elsewhere;
        seen.verdict = sent ? Verdict::transmit : burst.verdicts[index];
        seen.reason = burst.reasons[index];
        seen.service = fates[index].service;
        if (seen.verdict == Verdict::transmit)
            seen.destination = fates[index].destination;
        if (filter_.reason && *filter_.reason != seen.reason)
            continue;
        if (filter_.verdict && *filter_.verdict != seen.verdict)
            continue;
        if (!filter_.flow.matches(seen.client, seen.service.generation, seen.port,
                                  seen.destination))
            continue;
        record(before, seen);
    }
}

void PacketWatch::record(const Before& before, const SeenPacket& seen) {
    const std::uint32_t captured = std::min(seen.frame_bytes, bytes_max_);
    const std::span<std::uint8_t> memory = ring_.reserve(sizeof seen + captured);
    if (memory.empty()) {
        missed_.store(missed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return;
    }
    SeenPacket header = seen;
    header.captured = captured;
    std::memcpy(memory.data(), &header, sizeof header);
    std::uint8_t* const bytes = memory.data() + sizeof header;
    const std::size_t head = std::min<std::size_t>(captured, head_bytes);
    std::copy_n(before.head.begin(), head, bytes);
    std::copy_n(before.frame.data + head, captured - head, bytes + head);
    ring_.commit();
}

bool SetWatch::answer_piece(Core& core, const Snapshot& /*snapshot*/, Tick /*now*/) {
    core.set_watch(watch_);
    return true;
}

}  // namespace headgate::dataplane
