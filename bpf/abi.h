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

/* What happened to a packet in the steering program: index into the per-CPU `counters` map
 * (__u64 each), and the name that people see. Every packet counts in exactly one. */
#define LB_STEER_COUNTERS(X)                                                       \
    X(steered)         /* redirected to the worker's socket */                     \
    X(drop_opening)    /* opens a connection, and those have filled their share */ \
    X(pass_returned)   /* generic mode: a worker gave it back to the kernel */     \
    X(pass_no_socket)  /* a service's packet, but no socket on its queue */        \
    X(pass_no_service) /* for an address, protocol and port that is no service */  \
    X(pass_protocol)   /* not TCP, UDP, SCTP, nor an error about a service's */    \
    X(pass_fragment)   /* a fragment for an address without services */            \
    X(pass_malformed)  /* IP whose headers run past its end */                     \
    X(pass_not_ip)     /* ARP, LLDP, three VLAN tags, ... */

enum lb_steer_counter {
#define LB_STEER_ENUMERATOR(name) lb_steer_##name,
    LB_STEER_COUNTERS(LB_STEER_ENUMERATOR)
#undef LB_STEER_ENUMERATOR
        lb_steer_counter_count,
};

/* NOLINTEND(readability-identifier-naming) */
