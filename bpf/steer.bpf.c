// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The steering program, attached to every interface that headgate-dataplane serves. It sends the
 * packets of services, their fragments, and ICMP errors about them, to the AF_XDP socket of the
 * queue they came in on, and leaves everything else to the kernel: ARP, VRRP, ssh, ping need no
 * code anywhere else. It changes no packet, but those of flows in the cache (flow_cache.bpf.h),
 * which it forwards by itself. A queue without a socket passes to the kernel too; for a while after
 * its worker was killed, only the flows in the cache go on (lb_flow_control.flows_until), and the
 * next process puts its own program in the place of this one. It drops what opens a connection when
 * a worker has too many of those before it: a ring that is full would lose the packets of
 * established connections as well. And it drops what clients send that are blocked.
 *
 * Userspace keeps `services` in step with the table; an empty map steers nothing. What the workers
 * forward, this program steers: both look behind the same VLAN tags and extension headers. */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "bpf/flow_cache.bpf.h"
#include "bpf/returned.bpf.h"

/* RFC 791: the more-fragments flag and the fragment offset; RFC 8200 4.5: the same. */
#define IPV4_FRAGMENT_MASK 0x3fff
#define IPV6_FRAGMENT_MASK 0xfff9
#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_OFFSET_MASK 0xfff8

#define VLAN_TAGS_MAX 2
#define EXTENSIONS_MAX 8
/* The longest chain that is followed, in bytes: longer ones are no service's packet. */
#define EXTENSION_BYTES_MAX 1024

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, LB_SERVICES_MAX);
    __type(key, struct lb_service_key);
    __type(value, __u32);
} services SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, LB_BLOCKED_MAX);
    __type(key, struct lb_prefix4);
    __type(value, __u32);
} blocked4 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, LB_BLOCKED_MAX);
    __type(key, struct lb_prefix6);
    __type(value, __u32);
} blocked6 SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, lb_steer_counter_count);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

/* Of each queue. The loader sets max_entries as for `sockets`. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct lb_opening_share);
} opening_shares SEC(".maps");

struct vlan_tag {
    __be16 control;
    __be16 ethertype; /* of what follows */
};

struct icmp_header {
    __u8 type;
    __u8 code;
    __be16 checksum;
    __be32 word;
};

/* An SCTP packet (RFC 9260 3) as far as the type of its first chunk. */
struct sctp_header {
    __be16 source;
    __be16 dest;
    __be32 tag;
    __le32 checksum;
    __u8 chunk_type;
};
#define SCTP_INIT 1

/* What every extension header begins with. */
struct extension {
    __u8 next;
    __u8 length; /* see extension_steps */
    __be16 more; /* of a fragment header: the offset and the flag */
    __u8 rest[4];
};

/* How long an extension header is: ((length & mask) + add) << shift bytes. All zeros: it is none.
 * A table, since the verifier follows each branch of a loop by itself: with a branch for each kind
 * of header it took half a second over this program, for which nothing is forwarded when the
 * dataplane is started again. */
struct extension_step {
    __u8 mask;
    __u8 add;
    __u8 shift;
    __u8 zero;
};
static const struct extension_step extension_steps[256] = {
    [IPPROTO_HOPOPTS] = {0xff, 1, 3, 0}, [IPPROTO_ROUTING] = {0xff, 1, 3, 0},
    [IPPROTO_DSTOPTS] = {0xff, 1, 3, 0}, [IPPROTO_FRAGMENT] = {0, 1, 3, 0},
    [IPPROTO_AH] = {0xff, 2, 2, 0},
};

static __always_inline void count(__u32 counter) {
    __u64* value = bpf_map_lookup_elem(&counters, &counter);

    if (value)
        *value += 1;
}

static __always_inline int pass(__u32 counter) {
    count(counter);
    return XDP_PASS;
}

static __always_inline bool is_carried(__u8 protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/* What has been read of a packet: the key of the service that it may be for, and where the header
 * behind those of IP begins. */
struct reading {
    struct lb_service_key key;
    const void* transport;
    __u8 protocol; /* of that header */
};

static __always_inline void set_ipv4(struct lb_service_key* key, __be32 address) {
    key->address_be[0] = 0;
    key->address_be[1] = 0;
    key->address_be[2] = bpf_htonl(LB_MAPPED_IPV4);
    key->address_be[3] = address;
}

/* Moves `*behind`, counted from `at`, over the extension headers, and `*next` to what follows. */
static __always_inline __u32 skip_extensions(const void* at, const void* end, __u8* next,
                                             __u32* behind) {
    for (int i = 0; i <= EXTENSIONS_MAX; i++) {
        const struct extension* header = at + *behind;
        struct extension_step step = extension_steps[*next];

        if (step.shift == 0)
            return lb_steer_steered;
        if ((const void*)(header + 1) > end)
            return lb_steer_pass_malformed;

        __u32 bytes = ((header->length & step.mask) + step.add) << (step.shift & 3);

        /* One that is whole is a packet like any other (RFC 6946). */
        if (*next == IPPROTO_FRAGMENT && header->more & bpf_htons(IPV6_FRAGMENT_MASK))
            return lb_steer_pass_fragment;
        *next = header->next;
        *behind += bytes;
        if (*behind > EXTENSION_BYTES_MAX)
            return lb_steer_pass_malformed;
    }
    return lb_steer_pass_malformed;
}

/* Both return what stands in the way of looking the service up, or lb_steer_steered. */
static __always_inline __u32 read_ipv4(const void* start, const void* end,
                                       struct reading* reading) {
    const struct iphdr* ip = start;

    if ((const void*)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
        return lb_steer_pass_malformed;
    set_ipv4(&reading->key, ip->daddr);
    reading->protocol = ip->protocol;
    reading->transport = start + ip->ihl * 4;
    if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
        return lb_steer_pass_fragment;
    return lb_steer_steered;
}

static __always_inline __u32 read_ipv6(const void* start, const void* end,
                                       struct reading* reading) {
    const struct ipv6hdr* ip = start;

    if ((const void*)(ip + 1) > end || ip->version != 6)
        return lb_steer_pass_malformed;
    __builtin_memcpy(reading->key.address_be, &ip->daddr, sizeof(reading->key.address_be));
    reading->protocol = ip->nexthdr;

    __u32 behind = 0;
    __u32 verdict = skip_extensions(ip + 1, end, &reading->protocol, &behind);

    reading->transport = (const void*)(ip + 1) + behind;
    return verdict;
}

/* RFC 792, RFC 4443: those that quote the packet which caused them. */
static __always_inline bool is_icmp_error(const struct reading* reading, __u8 type) {
    if (reading->protocol == IPPROTO_ICMPV6)
        return type >= 1 && type <= 4;
    return reading->protocol == IPPROTO_ICMP && (type == 3 || type == 11 || type == 12);
}

/* Turns the reading of an ICMP error into that of the packet it quotes, which a real server has
 * sent: the service is its source. False: it is none, or its ports are not there. */
static __always_inline bool read_quote(struct reading* reading, const void* end) {
    const struct icmp_header* icmp = reading->transport;

    if ((const void*)(icmp + 1) > end || !is_icmp_error(reading, icmp->type))
        return false;
    if (reading->protocol == IPPROTO_ICMP) {
        const struct iphdr* ip = (const void*)(icmp + 1);

        if ((const void*)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 ||
            (ip->frag_off & bpf_htons(IPV4_OFFSET_MASK)))
            return false;
        set_ipv4(&reading->key, ip->saddr);
        reading->protocol = ip->protocol;
        reading->transport = (const void*)ip + ip->ihl * 4;
        return is_carried(reading->protocol);
    }

    const struct ipv6hdr* ip = (const void*)(icmp + 1);

    if ((const void*)(ip + 1) > end || ip->version != 6)
        return false;
    __builtin_memcpy(reading->key.address_be, &ip->saddr, sizeof(reading->key.address_be));
    reading->protocol = ip->nexthdr;

    __u32 behind = 0;
    __u32 verdict = skip_extensions(ip + 1, end, &reading->protocol, &behind);

    if (verdict == lb_steer_pass_fragment) {
        const struct extension* header = (const void*)(ip + 1) + behind;

        if ((const void*)(header + 1) > end || (header->more & bpf_htons(IPV6_OFFSET_MASK)))
            return false;
        reading->protocol = header->next;
        behind += sizeof(*header);
        verdict = lb_steer_steered;
    }
    reading->transport = (const void*)(ip + 1) + behind;
    return verdict == lb_steer_steered && is_carried(reading->protocol);
}

static __always_inline bool is_service(struct lb_service_key* key, __u8 protocol, __be16 port) {
    key->protocol = protocol;
    key->port_be = port;
    if (bpf_map_lookup_elem(&services, key))
        return true;
    /* A service for every port of the address. */
    key->port_be = 0;
    return bpf_map_lookup_elem(&services, key);
}

/* What the core calls the opening of a handshake. The first datagram of a UDP flow looks like any
 * other. */
static __always_inline bool is_opening(const struct reading* reading, const void* end) {
    if (reading->protocol == IPPROTO_TCP) {
        const struct tcphdr* tcp = reading->transport;

        return (const void*)(tcp + 1) <= end && tcp->syn && !tcp->ack && !tcp->rst && !tcp->fin;
    }
    if (reading->protocol == IPPROTO_SCTP) {
        const struct sctp_header* sctp = reading->transport;

        return (const void*)(&sctp->chunk_type + 1) <= end && sctp->chunk_type == SCTP_INIT;
    }
    return false;
}

/* Why the packet goes to the kernel, or lb_steer_steered and whether it opens a connection. */
static __always_inline __u32 judge(const void* ip, const void* end, __be16 ethertype, bool* opens) {
    struct reading reading = {};
    __u32 verdict = lb_steer_pass_not_ip;

    if (ethertype == bpf_htons(ETH_P_IP))
        verdict = read_ipv4(ip, end, &reading);
    else if (ethertype == bpf_htons(ETH_P_IPV6))
        verdict = read_ipv6(ip, end, &reading);
    if (verdict == lb_steer_pass_fragment &&
        bpf_map_lookup_elem(&services, &reading.key)) /* LB_ADDRESS_ALONE */
        return lb_steer_steered;
    if (verdict != lb_steer_steered)
        return verdict;

    bool is_about_service = false;

    if (!is_carried(reading.protocol)) {
        if (!read_quote(&reading, end))
            return lb_steer_pass_protocol;
        is_about_service = true;
    }

    /* Source and destination port lie in the same place in TCP, UDP and SCTP. */
    const __be16* ports = reading.transport;

    if ((const void*)(ports + 2) > end)
        return is_about_service ? lb_steer_pass_protocol : lb_steer_pass_malformed;
    if (is_service(&reading.key, reading.protocol, ports[is_about_service ? 0 : 1])) {
        *opens = !is_about_service && is_opening(&reading, end);
        return lb_steer_steered;
    }
    return is_about_service ? lb_steer_pass_protocol : lb_steer_pass_no_service;
}

/* Whether the sender of a packet that judge() has read is blocked; but a worker that watches wants
 * to see those packets, too, and drops them itself. */
static __always_inline bool is_blocked(const void* ip, const void* end, __be16 ethertype,
                                       __u32 queue) {
    const struct lb_flow_control* control = bpf_map_lookup_elem(&flow_controls, &queue);

    if (control && control->bypassed)
        return false;
    if (ethertype == bpf_htons(ETH_P_IP)) {
        const struct iphdr* header = ip;
        struct lb_prefix4 client = {.length = 32};

        if ((const void*)(header + 1) > end)
            return false;
        client.address_be = header->saddr;
        return bpf_map_lookup_elem(&blocked4, &client);
    }

    const struct ipv6hdr* header = ip;
    struct lb_prefix6 client = {.length = 128};

    if ((const void*)(header + 1) > end)
        return false;
    __builtin_memcpy(client.address_be, &header->saddr, sizeof(client.address_be));
    return bpf_map_lookup_elem(&blocked6, &client);
}

/* What becomes of a service's packet that no worker can take. */
static __always_inline int without_worker(__u32 queue) {
    const struct lb_flow_control* control = bpf_map_lookup_elem(&flow_controls, &queue);

    if (!control || bpf_ktime_get_coarse_ns() >= control->others_until)
        return pass(lb_steer_pass_no_socket);
    count(lb_steer_drop_no_worker);
    return XDP_DROP;
}

/* Whether one more packet that opens a connection may go to the worker of this queue. */
static __always_inline bool take_share(__u32 queue) {
    struct lb_opening_share* share = bpf_map_lookup_elem(&opening_shares, &queue);

    if (!share || share->passed >= share->limit)
        return false;
    /* In generic mode several CPUs can have packets of one queue. */
    __sync_fetch_and_add(&share->passed, 1);
    return true;
}

SEC("xdp")
int headgate_steer(struct xdp_md* ctx) {
    void* data = (void*)(long)ctx->data;
    void* data_end = (void*)(long)ctx->data_end;
    const struct ethhdr* eth = data;
    const void* ip = eth + 1;

    if (ip > data_end)
        return pass(lb_steer_pass_malformed);

    int answer = forward_cached(data, data_end, ctx->rx_queue_index);

    if (answer != NOT_CACHED)
        return answer;

    __be16 ethertype = eth->h_proto;

    for (int i = 0; i < VLAN_TAGS_MAX; i++) {
        const struct vlan_tag* tag = ip;

        if (ethertype != bpf_htons(ETH_P_8021Q) && ethertype != bpf_htons(ETH_P_8021AD))
            break;
        if ((const void*)(tag + 1) > data_end)
            return pass(lb_steer_pass_malformed);
        ethertype = tag->ethertype;
        ip = tag + 1;
    }

    bool opens = false;
    __u32 verdict = judge(ip, data_end, ethertype, &opens);

    if (verdict != lb_steer_steered)
        return pass(verdict);
    if (was_returned(eth))
        return pass(lb_steer_pass_returned);
    if (is_blocked(ip, data_end, ethertype, ctx->rx_queue_index)) {
        count(lb_steer_drop_blocked);
        return XDP_DROP;
    }

    /* The lower bits of the flags are the answer for a queue without a socket. */
    long action = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);

    if (action != XDP_REDIRECT)
        return without_worker(ctx->rx_queue_index);
    if (opens && !take_share(ctx->rx_queue_index)) {
        count(lb_steer_drop_opening);
        return XDP_DROP;
    }
    count(lb_steer_steered);
    return XDP_REDIRECT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
