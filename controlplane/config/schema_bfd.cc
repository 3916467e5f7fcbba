// Rows of the schema table: bfd_instance.
#include <array>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/track_list.h"

namespace headgate::config {
namespace {

// As keepalived: the times fit the 32 bits of microseconds that the protocol has for them.
constexpr std::int64_t milliseconds_max = 4'294'967;
constexpr std::int64_t name_bytes_max = 31;

void read_bfd_instance(const Context& context, const Value& value) {
    BfdDraft draft;
    draft.name = value.text;
    draft.where = value.statement->keyword().span;
    Context inner = context;
    inner.bfd = &draft;
    draft.mentions = read_body(inner, *value.statement, Block::bfd_instance);
    if (value.valid)
        context.drafts.bfd_instances.push_back(std::move(draft));
}

void set_neighbor(const Context& context, const Value& value) {
    context.bfd->neighbor = {value.address, value.where};
}

void set_ttl(const Context& context, const Value& value) {
    context.bfd->ttl = {static_cast<std::uint8_t>(value.number), value.where};
}

template <Setting<std::chrono::microseconds> BfdDraft::*member>
void set_time(const Context& context, const Value& value) {
    context.bfd->*member = {std::chrono::duration_cast<std::chrono::microseconds>(value.duration),
                            value.where};
}

constexpr Keyword bfd_rows[] = {
    {
        .blocks = Block::root,
        .name = "bfd_instance",
        .argument = text("NAME", name_bytes_max).with_block(Block::bfd_instance),
        .handler = read_bfd_instance,
        .doc = "A BFD session with one neighbor, which notices its silence within milliseconds.",
        .repeats = true,
    },
    {
        .blocks = Block::bfd_instance,
        .name = "neighbor_ip",
        .argument = address(),
        .default_text = "one of it and `neighbour_ip` is required",
        .handler = set_neighbor,
        .doc = "The neighbor; IPv4 or IPv6.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "neighbour_ip",
        .argument = address(),
        .default_text = "one of it and `neighbor_ip` is required",
        .handler = set_neighbor,
        .doc = "The same as `neighbor_ip`.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "source_ip",
        .argument = address(),
        .default_text = "what the routing table says",
        .handler =
            [](const Context& context, const Value& value) {
                context.bfd->source = {value.address, value.where};
            },
        .doc = "The address of this host that the neighbor knows it by.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "min_rx",
        .argument = milliseconds(1, milliseconds_max),
        .default_text = "10",
        .handler = set_time<&BfdDraft::min_rx>,
        .doc = "Milliseconds: the neighbor is not to send more often.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "min_tx",
        .argument = milliseconds(1, milliseconds_max),
        .default_text = "10",
        .handler = set_time<&BfdDraft::min_tx>,
        .doc = "Milliseconds between two packets while the session is up; the neighbor may ask for "
               "more.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "idle_tx",
        .argument = milliseconds(1000, milliseconds_max),
        .default_text = "1000",
        .handler = set_time<&BfdDraft::idle_tx>,
        .doc = "Milliseconds between two packets while it is not.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "multiplier",
        .argument = number(1, 255),
        .default_text = "5",
        .handler =
            [](const Context& context, const Value& value) {
                context.bfd->multiplier = {static_cast<std::uint8_t>(value.number), value.where};
            },
        .doc = "After so many missing packets of ours the neighbor takes us for dead.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "passive",
        .argument = nothing(),
        .handler = [](const Context& context, const Value&) { context.bfd->passive = true; },
        .doc = "The neighbor speaks first.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "ttl",
        .argument = number(1, 255),
        .default_text = "sent: 255; expected: 255, of IPv6 neighbors 64, which keepalived sends",
        .handler = set_ttl,
        .doc = "TTL of what is sent, and of what is expected before `max_hops` is taken off.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "hoplimit",
        .argument = number(1, 255),
        .default_text = "that of `ttl`",
        .handler = set_ttl,
        .doc = "The same as `ttl`. Write 255 on both sides of an IPv6 session: then packets that "
               "came over a router are refused, as RFC 5881 asks.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "max_hops",
        .argument = number(-1, 255),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                context.bfd->max_hops = {static_cast<int>(value.number), value.where};
            },
        .doc =
            "Over how many routers packets of the neighbor may come; 255 or -1: over any number.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "multihop",
        .argument = flag(),
        .default_text = "off",
        .handler =
            [](const Context& context, const Value& value) {
                context.bfd->multihop = {value.flag, value.where};
            },
        .doc = "The neighbor is behind routers (RFC 5883, UDP port 4784 instead of 3784); needs "
               "`max_hops`.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "weight",
        .argument = words("<-253..253> [reverse]"),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                if (const auto weight =
                        read_weight(value.words, weight_max(TrackerKind::bfd), context.report))
                    context.bfd->weight = *weight;
            },
        .doc = "0: an instance that tracks the session is in FAULT while it is not up. Above 0 it "
               "is added to the priority while the session is up, below 0 while it is not; "
               "`reverse` subtracts.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "vrrp",
        .argument = nothing(),
        .default_text = "both, unless `vrrp` or `checker` is written",
        .handler = [](const Context& context, const Value&) { context.bfd->for_vrrp = true; },
        .doc = "VRRP instances and sync groups can track the session.",
    },
    {
        .blocks = Block::bfd_instance,
        .name = "checker",
        .argument = nothing(),
        .default_text = "both, unless `vrrp` or `checker` is written",
        .handler = [](const Context& context, const Value&) { context.bfd->for_checkers = true; },
        .doc = "The session is for checks of real servers; alone, nothing of VRRP can track it.",
    },
};

}  // namespace

std::span<const Keyword> bfd_keywords() {
    return bfd_rows;
}

}  // namespace headgate::config
