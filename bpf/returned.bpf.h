/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets that a worker has given back to the kernel. */
#pragma once

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>

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
