// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Passes every packet to the kernel. It has two uses:
 *
 * 1. headgate-dataplane runs it over live frames (BPF_F_TEST_XDP_LIVE_FRAMES) to hand a packet that
 *    a worker has received back to the kernel, as if it had just come in on its interface.
 * 2. The peer of a veth whose other end transmits from XDP or AF_XDP must have an XDP program of
 *    its own, or the frames are lost. In a test network, attach this one to the peer:
 *        ip link set dev PEER xdpdrv obj build/bpf/pass.bpf.o sec xdp
 *    and `ip link set dev PEER xdpdrv off` takes it away. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int headgate_pass(struct xdp_md* ctx) {
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
