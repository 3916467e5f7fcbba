// Goal: wire formats are read and written in network order and never out of bounds.
#include "common/bytes.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "common/checksum.h"

namespace headgate {
namespace {

TEST(ByteReader, ReadsBigEndianAndFailsForGoodPastTheEnd) {
    const std::array<std::uint8_t, 7> bytes{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.read<std::uint8_t>(), 0x12);
    EXPECT_EQ(reader.read<std::uint32_t>(), 0x3456789aU);
    EXPECT_EQ(reader.remaining(), 2U);
    EXPECT_EQ(reader.read<std::uint32_t>(), 0U);
    EXPECT_TRUE(reader.failed());
    EXPECT_EQ(reader.read<std::uint8_t>(), 0) << "a failed reader must not resume";
}

TEST(ByteWriter, WritesWhatAReaderReads) {
    std::array<std::uint8_t, 7> bytes{};
    ByteWriter writer(bytes);
    writer.write(std::uint32_t{0xdeadbeef});
    writer.write(std::uint16_t{0x0102});
    writer.write(std::span<const std::uint8_t>(std::array<std::uint8_t, 1>{0x7f}));
    EXPECT_EQ(bytes, (std::array<std::uint8_t, 7>{0xde, 0xad, 0xbe, 0xef, 1, 2, 0x7f}));
    EXPECT_DEATH(writer.write(std::uint8_t{0}), "invariant broken");
}

TEST(InternetChecksum, MatchesTheRfc1071Example) {
    const std::array<std::uint8_t, 8> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(internet_checksum(bytes), 0x220d);
}

TEST(InternetChecksum, OfACompleteMessageIsZeroAlsoWithAnOddLength) {
    std::vector<std::uint8_t> bytes{0x45, 0x00, 0x00, 0x00, 0xab};
    const std::uint16_t sum = internet_checksum(bytes);
    bytes[2] = static_cast<std::uint8_t>(sum >> 8U);
    bytes[3] = static_cast<std::uint8_t>(sum);
    EXPECT_EQ(internet_checksum(bytes), 0);
}

}  // namespace
}  // namespace headgate
