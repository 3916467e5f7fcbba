// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The steering program, attached to every interface that headgate-dataplane serves. It sends the
 * packets of services to the AF_XDP socket of the queue they came in on, and leaves everything
 * else to the kernel: ARP, VRRP, ssh, ICMP, fragments need no code anywhere else. It changes no
 * packet. A queue without a socket (no worker, or a dead one) passes to the kernel too.
 *
 * Userspace keeps `services` in step with the table; an empty map steers nothing. */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* RFC 791: the more-fragments flag and the fragment offset. */
#define IPV4_FRAGMENT_MASK 0x3fff

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, LB_SERVICES_MAX);
    __type(key, struct lb_service_key);
    __type(value, __u32);
} services SEC(".maps");

/* Queue index to socket. The loader sets max_entries to the number of queues. */
struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, lb_steer_counter_count);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* In generic mode a packet that a worker gives back to the kernel meets this program once more, and
 * would go round for ever. The worker marks it with this source MAC address, which nothing above
 * Ethernet looks at. The loader sets it, at random, before the program is loaded. */
const volatile __u8 returned_source[ETH_ALEN] = {};

static __always_inline bool was_returned(const struct ethhdr* eth) {
    for (int i = 0; i < ETH_ALEN; i++) {
        if (eth->h_source[i] != returned_source[i])
            return false;
    }
    return true;
}

static __always_inline void count(__u32 counter) {
    __u64* value = bpf_map_lookup_elem(&counters, &counter);

    if (value)
        *value += 1;
}

static __always_inline int pass(__u32 counter) {
    count(counter);
    return XDP_PASS;
}

SEC("xdp")
int headgate_steer(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    void* data_end = (void*)(long)ctx->data_end;
    const struct ethhdr* eth = data;
    const struct iphdr* ip = (const void*)(eth + 1);

    if ((const void*)ip > data_end)
        return pass(lb_steer_pass_malformed);
    if (eth->h_proto != bpf_htons(ETH_P_IP))
        return pass(lb_steer_pass_not_ipv4);
    if ((const void*)(ip + 1) > data_end)
        return pass(lb_steer_pass_malformed);
    if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
        return pass(lb_steer_pass_fragment);
    if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
        return pass(lb_steer_pass_protocol);
    if (ip->version != 4 || ip->ihl < 5)
        return pass(lb_steer_pass_malformed);

    /* Source and destination port lie in the same place in TCP and UDP. */
    const __be16* ports = (const void*)ip + ip->ihl * 4;

    if ((const void*)(ports + 2) > data_end)
        return pass(lb_steer_pass_malformed);

    struct lb_service_key key = {
        .address_be = ip->daddr,
        .port_be = ports[1],
        .protocol = ip->protocol,
    };

    if (!bpf_map_lookup_elem(&services, &key))
        return pass(lb_steer_pass_no_service);
    if (was_returned(eth))
        return pass(lb_steer_pass_returned);

    /* The lower bits of the flags are the answer for a queue without a socket. */
    long action = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);

    count(action == XDP_REDIRECT ? lb_steer_steered : lb_steer_pass_no_socket);
    return action;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
