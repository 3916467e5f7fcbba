/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The flow cache as the steering program reads it: plain packets (no VLAN tag, IP option or
 * extension header) of connections that a worker has put there are forwarded here, with direct
 * routing, exactly as the worker would do it. Everything that could change a connection, or is not
 * as it should be, is the worker's: a SYN, FIN or RST, a packet on its last hop, a wrong length or
 * checksum. What a flow costs depends on how many cache lines are touched: one of its bucket in
 * most cases, one of its destination, one of the queue. */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "bpf/returned.bpf.h"

/* The loader sets max_entries: for every queue so many buckets, the same number of each family. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_flow4_bucket);
} flows4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_flow6_bucket);
} flows6 SEC(".maps");

/* For every queue LB_DESTINATIONS_MAX. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_flow_destination);
} flow_destinations SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_flow_control);
} flow_controls SEC(".maps");

/* Not for the program; see abi.h. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, LB_DESTINATIONS_MAX);
    __type(key, __u32);
    __type(value, struct lb_destination_name);
} flow_names SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_inheritance);
} inheritance SEC(".maps");

/* Queue index to socket; the kernel takes a socket out when it is closed. The loader sets
 * max_entries to the number of queues. */
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

/* The interface of each egress; the kernel takes one out when it is gone. */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, LB_EGRESSES_MAX);
    __type(key, __u32);
    __type(value, __u32);
} egress_devices SEC(".maps");

/* Set by the loader. */
const volatile __u64 flow_seed = 0;
const volatile __u32 flow4_bits = 0; /* a queue has 2^bits buckets; 0: there is no cache */
const volatile __u32 flow6_bits = 0;

#define MAC_MASK 0xffffffffffffull
#define NOT_CACHED 0      /* XDP_ABORTED, which no cached flow ends with */
#define TCP_CHANGING 0x07 /* FIN, SYN, RST */

/* Where things lie in a plain frame. */
#define AT_TYPE 12
#define AT_IP ETH_HLEN
#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define UDP_BYTES 8
#define TCP_BYTES 20

static __always_inline __u16 read16(const void* at) {
    return *(const __u16*)at;
}
static __always_inline __u32 read32(const void* at) {
    return *(const __u32*)at;
}
static __always_inline __u64 read64(const void* at) {
    return *(const __u64*)at;
}

/* RFC 1071: over the header without options, as five words of 32 bits. */
static __always_inline bool is_checksum_right(const void* ip) {
    __u64 first = read64(ip);
    __u64 second = read64(ip + 8);
    __u64 sum = (__u32)first + (first >> 32) + (__u32)second + (second >> 32) + read32(ip + 16);

    /* Two carries at most from above 32 bits, then from above 16. */
    sum = (__u32)sum + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__u16)(sum + (sum >> 16)) == 0xffff;
}

/* Whether the transport header at `at`, in an IP payload of `bytes` (by what the IP header says:
 * they can be negative), is as it should be and changes nothing about its connection. */
static __always_inline bool goes_on(const void* at, const void* end, __u8 protocol, __s32 bytes) {
    if (protocol == IPPROTO_TCP) {
        if (at + TCP_BYTES > end)
            return false;

        __s32 header_bytes = (*(const __u8*)(at + 12) >> 4) * 4;

        return !(*(const __u8*)(at + 13) & TCP_CHANGING) && header_bytes >= TCP_BYTES &&
               header_bytes <= bytes;
    }
    if (protocol != IPPROTO_UDP || at + UDP_BYTES > end)
        return false;

    __s32 udp_bytes = bpf_ntohs(read16(at + 4));

    return udp_bytes >= UDP_BYTES && udp_bytes <= bytes;
}

static __always_inline void add(const struct lb_flow_control* control, __u64* counter,
                                __u64 amount) {
    if (control->is_generic)
        __sync_fetch_and_add(counter, amount);
    else
        *counter += amount;
}

/* Whether the flows of the queue are still forwarded. */
static __always_inline bool is_served(const struct lb_flow_control* control, __u32 queue) {
    return bpf_map_lookup_elem(&sockets, &queue) ||
           bpf_ktime_get_coarse_ns() < control->flows_until;
}

/* Writes the Ethernet addresses for the destination of a flow that was found, and counts. Returns
 * what the program is to answer, or NOT_CACHED: the packet is the worker's. */
static __always_inline int send_to(void* frame, struct lb_flow_goal* goal, __u32 queue,
                                   const struct lb_flow_control* control, __u32 ip_bytes) {
    __u32 index = queue << LB_PLACE_SLOT_BITS | LB_PLACE_SLOT(goal->place);
    struct lb_flow_destination* destination = bpf_map_lookup_elem(&flow_destinations, &index);

    if (!destination || destination->generation != goal->generation || !is_served(control, queue))
        return NOT_CACHED;

    __u64 way = destination->way;
    __u64 mac = lb_way_mac(way);
    __u32 egress = lb_way_egress(way);
    __u64 source = control->own_mac;
    __u32 tick = control->tick;
    int answer = XDP_TX;

    if (egress) {
        /* Before anything is written: the interface may be gone. */
        if (ip_bytes > destination->mtu ||
            bpf_redirect_map(&egress_devices, egress, NOT_CACHED) != XDP_REDIRECT)
            return NOT_CACHED;
        source = control->egresses[egress & (LB_EGRESSES_MAX - 1)].mac;
        answer = XDP_REDIRECT;
    }

    /* The line of a flow that is busy stays clean for most of a second. */
    if (goal->last_seen != tick)
        goal->last_seen = tick;
    *(__u64*)frame = mac | source << 48;
    *(__u32*)(frame + 8) = source >> 16;
    add(control, &destination->packets, 1);
    add(control, &destination->bytes, ip_bytes);
    return answer;
}

static __always_inline struct lb_flow_goal* find4(__u32 index, __u64 addresses, __u32 ports,
                                                  __u8 protocol) {
    struct lb_flow4_bucket* bucket = bpf_map_lookup_elem(&flows4, &index);

    if (!bucket)
        return NULL;
    for (int way = 0; way < LB_FLOW_WAYS; way++) {
        struct lb_flow4* flow = &bucket->ways[way];

        if (flow->addresses_be == addresses && flow->ports_be == ports &&
            LB_PLACE_PROTOCOL(flow->goal.place) == protocol)
            return &flow->goal;
    }
    return NULL;
}

static __always_inline int forward_cached4(void* frame, const void* end, __u32 queue,
                                           const struct lb_flow_control* control) {
    void* ip = frame + AT_IP;

    if (ip + IPV4_BYTES + UDP_BYTES > end)
        return NOT_CACHED;

    __u32 ip_bytes = bpf_ntohs(read16(ip + 2));
    __u8 hops = *(__u8*)(ip + 8);
    __u8 protocol = *(__u8*)(ip + 9);

    if (*(__u8*)ip != 0x45 || hops <= 1 || read16(ip + 6) & bpf_htons(0x3fff) ||
        ip_bytes > end - ip || !is_checksum_right(ip) ||
        !goes_on(ip + IPV4_BYTES, end, protocol, (__s32)ip_bytes - IPV4_BYTES))
        return NOT_CACHED;

    __u64 addresses = read64(ip + 12);
    __u32 ports = read32(ip + IPV4_BYTES);
    __u64 hash = lb_flow_mix(lb_flow_mix(flow_seed, addresses), ports);
    __u32 first = queue << flow4_bits;
    struct lb_flow_goal* goal =
        find4(first | lb_flow_bucket(hash, flow4_bits), addresses, ports, protocol);

    if (!goal)
        goal = find4(first | lb_flow_other_bucket(hash, flow4_bits), addresses, ports, protocol);

    int answer = goal ? send_to(frame, goal, queue, control, ip_bytes) : NOT_CACHED;

    if (answer == NOT_CACHED)
        return NOT_CACHED;

    /* RFC 1624, in which 0xffff, which no sum yields, becomes 0. */
    __u32 checksum = read16(ip + 10) + bpf_htons(0x0100);

    *(__u8*)(ip + 8) = hops - 1;
    *(__u16*)(ip + 10) = checksum + (checksum >= 0xffff);
    return answer;
}

static __always_inline struct lb_flow_goal* find6(__u32 index, const __u64* addresses, __u32 ports,
                                                  __u8 protocol) {
    struct lb_flow6_bucket* bucket = bpf_map_lookup_elem(&flows6, &index);

    if (!bucket)
        return NULL;
    for (int way = 0; way < LB_FLOW_WAYS; way++) {
        struct lb_flow6* flow = &bucket->ways[way];

        if (flow->addresses_be[1] == addresses[1] && flow->addresses_be[0] == addresses[0] &&
            flow->addresses_be[3] == addresses[3] && flow->addresses_be[2] == addresses[2] &&
            flow->ports_be == ports && LB_PLACE_PROTOCOL(flow->goal.place) == protocol)
            return &flow->goal;
    }
    return NULL;
}

static __always_inline int forward_cached6(void* frame, const void* end, __u32 queue,
                                           const struct lb_flow_control* control) {
    void* ip = frame + AT_IP;

    if (ip + IPV6_BYTES + UDP_BYTES > end)
        return NOT_CACHED;

    __u32 payload_bytes = bpf_ntohs(read16(ip + 4));
    __u8 protocol = *(__u8*)(ip + 6);
    __u8 hops = *(__u8*)(ip + 7);

    if ((*(__u8*)ip & 0xf0) != 0x60 || hops <= 1 || IPV6_BYTES + payload_bytes > end - ip ||
        !goes_on(ip + IPV6_BYTES, end, protocol, payload_bytes))
        return NOT_CACHED;

    __u64 addresses[4] = {read64(ip + 8), read64(ip + 16), read64(ip + 24), read64(ip + 32)};
    __u32 ports = read32(ip + IPV6_BYTES);
    __u64 hash = flow_seed;

    for (int word = 0; word < 4; word++)
        hash = lb_flow_mix(hash, addresses[word]);
    hash = lb_flow_mix(hash, ports);

    __u32 first = queue << flow6_bits;
    struct lb_flow_goal* goal =
        find6(first | lb_flow_bucket(hash, flow6_bits), addresses, ports, protocol);

    if (!goal)
        goal = find6(first | lb_flow_other_bucket(hash, flow6_bits), addresses, ports, protocol);

    int answer =
        goal ? send_to(frame, goal, queue, control, IPV6_BYTES + payload_bytes) : NOT_CACHED;

    if (answer == NOT_CACHED)
        return NOT_CACHED;
    *(__u8*)(ip + 7) = hops - 1;
    return answer;
}

/* Forwards the frame if it is of a flow in the cache: returns XDP_TX or XDP_REDIRECT, or else
 * NOT_CACHED. */
static __always_inline int forward_cached(void* frame, const void* end, __u32 queue) {
    if (!flow4_bits || frame + ETH_HLEN > end)
        return NOT_CACHED;

    const struct lb_flow_control* control = bpf_map_lookup_elem(&flow_controls, &queue);

    if (!control || (read64(frame) & MAC_MASK) != control->own_mac || control->bypassed ||
        (control->is_generic && was_returned(frame)))
        return NOT_CACHED;

    __u16 ethertype = read16(frame + AT_TYPE);

    if (ethertype == bpf_htons(ETH_P_IP))
        return forward_cached4(frame, end, queue, control);
    if (ethertype == bpf_htons(ETH_P_IPV6))
        return forward_cached6(frame, end, queue, control);
    return NOT_CACHED;
}
