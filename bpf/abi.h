/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the XDP programs and the C++ that loads them agree on: the keys and values of the maps and
 * the names of the counters. The one header that both sides include; integer types only. Fields
 * called *_be lie in network byte order, as the program reads them from the packet. */
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
#define LB_STATIC_ASSERT static_assert
#else
#define LB_STATIC_ASSERT _Static_assert
#endif

/* NOLINTBEGIN(readability-identifier-naming): C names, shared with C. */

/* Key of the `services` map. A packet whose destination is a key goes to a worker, and so does an
 * ICMP error about a packet whose source is one; the value (a __u32) is not read. Every address
 * with a service also has a key with LB_ADDRESS_ALONE and port 0: for its fragments, of which all
 * but the first have no ports. */
struct lb_service_key {
    __u32 address_be[4]; /* IPv6; IPv4 in its mapped form, ::ffff:a.b.c.d */
    __u16 port_be;       /* 0: every port that has no key of its own */
    __u8 protocol;       /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, or LB_ADDRESS_ALONE */
    __u8 zero;           /* always 0: the map compares all bytes */
};
LB_STATIC_ASSERT(sizeof(struct lb_service_key) == 20, "no padding in a map key");

#define LB_ADDRESS_ALONE 0

/* The third word of a mapped IPv4 address, in host byte order. */
#define LB_MAPPED_IPV4 0x0000ffff

#define LB_SERVICES_MAX 65536

/* The packets that open a connection (a SYN, an SCTP INIT) may fill only a share of the receive
 * ring of a queue, so that a flood of them leaves room for those of established connections. One
 * entry per queue in the `opening_shares` map, which userspace maps into its memory. The two fields
 * are written by different CPUs, hence a cache line for each. Neither wraps within any uptime. */
struct lb_opening_share {
    __u64 passed; /* by the program: how many it has redirected so far */
    __u64 unused[7];
    __u64 limit; /* by the worker: what `passed` may grow to */
    __u64 unused_too[7];
};
LB_STATIC_ASSERT(sizeof(struct lb_opening_share) == 128, "two cache lines");

/* The flow cache: established connections whose packets the program forwards by itself. The worker
 * of a queue writes them into memory that it shares with the program, and takes them out: no system
 * call, no map update. Each queue has its own part of every array, so each has one writer.
 *
 * A flow is in any way of the bucket that its hash names, or, when that was full, of another. The
 * writer of a free way writes `place` last, and takes a flow out by writing 0 there. A way is not
 * filled again before a full second has passed since: a program that was reading it has returned by
 * then, on any CPU, in whatever order that sees the stores of another. So no entry needs a version.
 */
#define LB_FLOW_WAYS 4

/* Where the packets of a flow go: a destination's slot and, above it, the flow's protocol. */
#define LB_PLACE_SLOT_BITS 16
#define LB_PLACE(slot, protocol) ((protocol) << LB_PLACE_SLOT_BITS | (slot))
#define LB_PLACE_SLOT(place) ((place) & ((1u << LB_PLACE_SLOT_BITS) - 1))
#define LB_PLACE_PROTOCOL(place) ((place) >> LB_PLACE_SLOT_BITS)
#define LB_PLACE_NONE 0

struct lb_flow_goal {
    __u32 place;      /* LB_PLACE_NONE: the way is free */
    __u32 generation; /* of the destination: another one in its slot gets none of its packets */
    __u32 last_seen;  /* by the program: lb_flow_control.tick; of a free way: when it became free */
    __u32 unused;
};

struct lb_flow4 {
    __u64 addresses_be; /* the source's, then the destination's, as they lie in the packet */
    __u32 ports_be;     /* likewise */
    __u32 unused;
    struct lb_flow_goal goal;
};
struct lb_flow4_bucket {
    struct lb_flow4 ways[LB_FLOW_WAYS];
};
LB_STATIC_ASSERT(sizeof(struct lb_flow4_bucket) == 128, "two cache lines");

struct lb_flow6 {
    __u64 addresses_be[4];
    __u32 ports_be;
    __u32 unused[3];
    struct lb_flow_goal goal;
};
struct lb_flow6_bucket {
    struct lb_flow6 ways[LB_FLOW_WAYS];
};
LB_STATIC_ASSERT(sizeof(struct lb_flow6_bucket) == 256, "a cache line for each");

/* A step of the hash by which flows find their buckets, of which there are 2^bits. The flow cache
 * is a cache: an attacker who found out how to fill a bucket would have his own packets forwarded
 * more slowly. */
static inline __u64 lb_flow_mix(__u64 hash, __u64 word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
    return hash ^ hash >> 32;
}
static inline __u64 lb_flow_bucket(__u64 hash, __u32 bits) {
    return hash >> (64 - bits);
}
static inline __u64 lb_flow_other_bucket(__u64 hash, __u32 bits) {
    return hash & ((1ull << bits) - 1);
}

/* What the program does with flows to a destination, per queue and slot: the counters, which
 * only grow, are the program's, the rest is the control thread's. */
struct lb_flow_destination {
    __u64 way;        /* lb_way(): one store changes all of it */
    __u32 generation; /* 0: its packets go to the worker */
    __u32 mtu;        /* with an egress: longer IP packets are the worker's */
    __u64 packets;
    __u64 bytes; /* of IP packets */
};
LB_STATIC_ASSERT(sizeof(struct lb_flow_destination) == 32, "two in a cache line");

/* A destination's MAC address, six bytes as they lie in a frame, and the egress to it: 0 is the
 * interface that its packets come in on. */
#define LB_WAY_EGRESS_SHIFT 48
static inline __u64 lb_way(__u64 mac, __u64 egress) {
    return mac | egress << LB_WAY_EGRESS_SHIFT;
}
static inline __u64 lb_way_mac(__u64 way) {
    return way & ((1ull << LB_WAY_EGRESS_SHIFT) - 1);
}
static inline __u64 lb_way_egress(__u64 way) {
    return way >> LB_WAY_EGRESS_SHIFT;
}

/* The other interfaces that packets leave by, from 1 on: a power of two. Which one has a number the
 * `egress_devices` map tells the program. */
#define LB_EGRESSES_MAX 64

/* By the control thread. */
struct lb_egress {
    __u64 mac;     /* of the interface, as in lb_way() */
    __u32 ifindex; /* 0: the number is free; not for the program */
    __u32 unused;
};
LB_STATIC_ASSERT(sizeof(struct lb_egress) == 16, "no padding");

#define LB_DESTINATIONS_MAX (1 << LB_PLACE_SLOT_BITS)

/* Which destination of which service is in a slot, for a process that takes the flow cache over
 * from one that was killed; by the control thread, the generation last. The program does not read
 * it. */
struct lb_destination_name {
    __u32 generation; /* 0: none is */
    __u16 service_port_be;
    __u16 port_be;
    __u32 service_address_be[4]; /* IPv6; IPv4 in its mapped form */
    __u32 address_be[4];
    __u8 protocol;
    __u8 unused[7];
};
LB_STATIC_ASSERT(sizeof(struct lb_destination_name) == 48, "no padding");

/* Of what is shared with a later process, or a later program: another number whenever anything
 * about the maps that are pinned changes, or what it means. */
#define LB_ABI_VERSION 2

struct lb_inheritance {
    __u32 abi_version;
    __u32 generation_bound; /* no destination has had this generation yet, or a later one */
    __u64 flow_seed;        /* by which flows find their buckets */
};
LB_STATIC_ASSERT(sizeof(struct lb_inheritance) == 16, "no padding");

/* Per queue. No frame has a MAC address of LB_NO_MAC: with it every packet goes to the worker. */
struct lb_flow_control {
    __u64 own_mac;  /* by the control thread: frames to others are not for us */
    __u32 tick;     /* by the worker: seconds */
    __u32 bypassed; /* by the worker: not 0 while it wants to see every packet */
    /* By the control thread, again and again: nanoseconds of CLOCK_MONOTONIC. When no worker has a
     * socket on the queue, the program forwards the flows that are in the cache until the first,
     * and until the second drops what else is for a service: a kernel that knows nothing of
     * connections would reset them. Then it leaves everything to the kernel. */
    __u64 flows_until;
    __u64 others_until;
    /* By the loader: the program runs in generic mode, where several CPUs can have packets of one
     * queue, and those that a worker has given back come by again. */
    __u32 is_generic;
    __u32 unused[7];
    struct lb_egress egresses[LB_EGRESSES_MAX]; /* the same of every queue */
};
LB_STATIC_ASSERT(sizeof(struct lb_flow_control) == 64 + 16 * LB_EGRESSES_MAX,
                 "a cache line, and what is for packets that leave by another interface");

#define LB_NO_MAC (1ull << 63)

/* Keys of the `blocked4` and `blocked6` maps: prefixes of clients whose packets to services are
 * dropped. The values (a __u32) are not read. */
struct lb_prefix4 {
    __u32 length; /* in host byte order, as the kernel's LPM tries want it */
    __u32 address_be;
};
struct lb_prefix6 {
    __u32 length;
    __u32 address_be[4];
};

/* A list with more prefixes is left to the workers, which know it, too. */
#define LB_BLOCKED_MAX (1 << 20)

/* What happened to a packet in the steering program: index into the per-CPU `counters` map
 * (__u64 each), and the name that people see. Every packet counts in exactly one. */
#define LB_STEER_COUNTERS(X)                                                            \
    X(steered)         /* redirected to the worker's socket */                          \
    X(drop_blocked)    /* its client is blocked */                                      \
    X(drop_opening)    /* opens a connection, and those have filled their share */      \
    X(drop_no_worker)  /* a service's packet, and its worker was killed a moment ago */ \
    X(pass_returned)   /* generic mode: a worker gave it back to the kernel */          \
    X(pass_no_socket)  /* a service's packet, but no socket on its queue */             \
    X(pass_no_service) /* for an address, protocol and port that is no service */       \
    X(pass_protocol)   /* not TCP, UDP, SCTP, nor an error about a service's */         \
    X(pass_fragment)   /* a fragment for an address without services */                 \
    X(pass_malformed)  /* IP whose headers run past its end */                          \
    X(pass_not_ip)     /* ARP, LLDP, three VLAN tags, ... */

enum lb_steer_counter {
#define LB_STEER_ENUMERATOR(name) lb_steer_##name,
    LB_STEER_COUNTERS(LB_STEER_ENUMERATOR)
#undef LB_STEER_ENUMERATOR
        lb_steer_counter_count,
};

/* NOLINTEND(readability-identifier-naming) */
