// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The traffic of the afxdp benchmark, without a packet generator to install:
 *   source  run over live frames, writes a packet into each and transmits it on its device: UDP, or
 *           TCP of some flows, with a flood of SYNs between them
 *   sink    counts what comes back to that device, and drops it
 *   swap    a reference: swaps the MAC addresses and transmits, the least any XDP forwarder does
 *   redirect  another: gives every frame to an AF_XDP socket
 *
 * Live frames are recycled with the bytes the receiver left in them, so the source writes every
 * byte of the headers each time. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Set by the loader. */
const volatile __u32 flows = 1;
const volatile __u8 source_mac[ETH_ALEN] = {};
const volatile __u8 target_mac[ETH_ALEN] = {};
const volatile __be32 target_address = 0;
const volatile __be16 target_port = 0;

/* Set by the loader between runs: what the source sends. */
enum { send_udp, send_syns, send_acks, send_flood };
volatile __u32 traffic = send_udp;

/* Of a flood one packet in so many is of an established flow. */
#define FLOOD_SHARE 16

/* Sources are 10.128.0.0 and up, with this many ports each, from 1024. */
#define FIRST_SOURCE 0x0a800000
#define PORTS_PER_SOURCE 4096
#define FIRST_PORT 1024

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} sent SEC(".maps"), received SEC(".maps"), sent_acks SEC(".maps"), received_acks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} sockets SEC(".maps");

static __always_inline __u64 count(void* map) {
    __u32 zero = 0;
    __u64* value = bpf_map_lookup_elem(map, &zero);

    return value ? (*value)++ : 0;
}

static __always_inline __u16 header_checksum(const struct iphdr* ip) {
    const __u16* words = (const void*)ip;
    __u32 sum = 0;

    for (int i = 0; i < (int)sizeof(*ip) / 2; i++)
        sum += words[i];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

static __always_inline void write_headers(struct ethhdr* eth, struct iphdr* ip, __u8 protocol,
                                          __u16 ip_bytes, __u32 source) {
    for (int i = 0; i < ETH_ALEN; i++) {
        eth->h_dest[i] = target_mac[i];
        eth->h_source[i] = source_mac[i];
    }
    eth->h_proto = bpf_htons(ETH_P_IP);
    *ip = (struct iphdr){
        .version = 4,
        .ihl = 5,
        .tot_len = bpf_htons(ip_bytes),
        .ttl = 64,
        .protocol = protocol,
        .saddr = bpf_htonl(source),
        .daddr = target_address,
    };
    ip->check = header_checksum(ip);
}

/* A segment of the next flow, or of a flood. */
static __always_inline void write_tcp(struct ethhdr* eth, struct iphdr* ip, struct tcphdr* tcp,
                                      __u16 ip_bytes) {
    __u32 number = count(&sent);
    int is_flood = traffic == send_flood && number % FLOOD_SHARE != 0;
    int is_ack = !is_flood && traffic != send_syns;
    __u32 flow = (traffic == send_flood ? number / FLOOD_SHARE : number) % flows;
    /* Any address of 16.0.0.0/4. */
    __u32 random = bpf_get_prandom_u32() >> 4 | 0x10000000;

    write_headers(eth, ip, IPPROTO_TCP, ip_bytes,
                  is_flood ? random : FIRST_SOURCE + flow / PORTS_PER_SOURCE);
    *tcp = (struct tcphdr){
        .source = bpf_htons(FIRST_PORT + (is_flood ? number : flow) % PORTS_PER_SOURCE),
        .dest = target_port,
        .doff = sizeof(*tcp) / 4,
        .syn = !is_ack,
        .ack = is_ack,
    };
    if (is_ack)
        count(&sent_acks);
}

SEC("xdp")
int source(struct xdp_md* ctx) {
    void* data_end = (void*)(long)ctx->data_end;
    struct ethhdr* eth = (void*)(long)ctx->data;
    struct iphdr* ip = (void*)(eth + 1);
    struct udphdr* udp = (void*)(ip + 1);
    struct tcphdr* tcp = (void*)(ip + 1);

    if ((void*)(tcp + 1) > data_end)
        return XDP_ABORTED;

    __u16 ip_bytes = data_end - (void*)ip;

    if (traffic != send_udp) {
        write_tcp(eth, ip, tcp, ip_bytes);
        return XDP_TX;
    }

    __u32 flow = count(&sent) % flows;

    write_headers(eth, ip, IPPROTO_UDP, ip_bytes, FIRST_SOURCE + flow / PORTS_PER_SOURCE);
    *udp = (struct udphdr){
        .source = bpf_htons(FIRST_PORT + flow % PORTS_PER_SOURCE),
        .dest = target_port,
        .len = bpf_htons(ip_bytes - sizeof(*ip)),
    };
    return XDP_TX;
}

SEC("xdp")
int sink(struct xdp_md* ctx) {
    void* data_end = (void*)(long)ctx->data_end;
    struct ethhdr* eth = (void*)(long)ctx->data;
    struct iphdr* ip = (void*)(eth + 1);
    struct tcphdr* tcp = (void*)(ip + 1);

    count(&received);
    if ((void*)(tcp + 1) <= data_end && ip->protocol == IPPROTO_TCP && tcp->ack)
        count(&received_acks);
    return XDP_DROP;
}

SEC("xdp")
int swap(struct xdp_md* ctx) {
    void* data_end = (void*)(long)ctx->data_end;
    struct ethhdr* eth = (void*)(long)ctx->data;
    __u8 mac[ETH_ALEN];

    if ((void*)(eth + 1) > data_end)
        return XDP_DROP;
    __builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
    __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
    __builtin_memcpy(eth->h_source, mac, ETH_ALEN);
    return XDP_TX;
}

SEC("xdp")
int redirect(struct xdp_md* ctx) {
    return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
