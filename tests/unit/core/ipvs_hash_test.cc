// Goal: the hashes are the kernel's. Expected values: the test vectors of Linux's lib/siphash.c on
// a 64-bit machine, and figures worked out by hand.
#include <array>

#include <gtest/gtest.h>

#include "dataplane/core/ipvs_hash.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

TEST(IpvsHash, SipHashIsThatOfTheKernel) {
    constexpr SipKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    EXPECT_EQ(sip_hash(0x03020100U, key), 0x88d38328U);
}

TEST(IpvsHash, GoldenHashTakesTheUpperBits) {
    EXPECT_EQ(golden_hash(1, 8), 0x61U);
    EXPECT_EQ(golden_hash(4, 8), 0x87U);  // 4 * 0x61c88647 = 0x1_8722191c
    EXPECT_EQ(golden_hash(1, 16), 0x61c8U);
}

TEST(IpvsHash, AddressesAreFoldedInHostOrder) {
    EXPECT_EQ(fold_address(wide_v4(Be32(0x0a010203U))), 0x0a010203U);
    // 2001:db8::1 as it lies in memory.
    const WideAddress v6{0x00000000b80d0120U, 0x0100000000000000U};
    EXPECT_EQ(fold_address(v6), 0x20010db8U ^ 0x00000001U);
}

}  // namespace
}  // namespace headgate::dataplane
