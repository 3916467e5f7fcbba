// Goal: addresses are read strictly and written back as they are customarily written.
#include "common/net.h"

#include <unordered_set>

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(BigEndian, KeepsNetworkOrderInMemoryAndComparesAsANumber) {
    const Be16 port(0x1234);
    const auto raw = port.raw();
    EXPECT_EQ(reinterpret_cast<const std::uint8_t*>(&raw)[0], 0x12);
    EXPECT_EQ(port.host(), 0x1234);
    EXPECT_LT(Be16(0x00ff), Be16(0x0100));
    EXPECT_EQ(Be32::from_raw(Be32(77).raw()), Be32(77));
}

TEST(MacAddress, RoundTripsAndRejectsOtherForms) {
    const auto mac = MacAddress::parse("02:00:0a:ff:00:0b");
    ASSERT_TRUE(mac);
    EXPECT_EQ(mac->to_string(), "02:00:0a:ff:00:0b");
    for (const char* bad : {"", "02:00:0a:ff:00", "02-00-0a-ff-00-0b", "02:00:0a:ff:00:0g",
                            "02:00:0a:ff:00:0b:0c", "2:0:a:ff:0:b:::::::"})
        EXPECT_FALSE(MacAddress::parse(bad)) << bad;
}

TEST(IpAddress, RoundTripsBothFamilies) {
    for (const char* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::"}) {
        const auto address = IpAddress::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_string(), text);
    }
    for (const char* bad :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4x", "2001:db8", "fe80::1%eth0"})
        EXPECT_FALSE(IpAddress::parse(bad)) << bad;
}

TEST(IpAddress, KnowsItsKind) {
    EXPECT_TRUE(IpAddress::parse("224.0.0.18")->is_multicast());
    EXPECT_TRUE(IpAddress::parse("ff02::12")->is_multicast());
    EXPECT_FALSE(IpAddress::parse("10.0.0.1")->is_multicast());
    EXPECT_TRUE(IpAddress::parse("0.0.0.0")->is_unspecified());
    EXPECT_EQ(IpAddress::parse("1.2.3.4")->as_v4().host(), 0x01020304U);
    // The same leading bytes in another family are another address.
    EXPECT_NE(*IpAddress::parse("0.0.0.0"), *IpAddress::parse("::"));
}

TEST(Prefix, DefaultsToTheFullLengthAndContainsItsAddresses) {
    EXPECT_EQ(Prefix::parse("10.0.0.1")->length, 32);
    EXPECT_EQ(Prefix::parse("fd00::1")->length, 128);
    const auto prefix = Prefix::parse("192.0.2.77/26");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->to_string(), "192.0.2.77/26");
    EXPECT_TRUE(prefix->contains(*IpAddress::parse("192.0.2.127")));
    EXPECT_FALSE(prefix->contains(*IpAddress::parse("192.0.2.128")));
    EXPECT_FALSE(prefix->contains(*IpAddress::parse("2001:db8::1")));
    EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
    for (const char* bad : {"10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/8x", "/8"})
        EXPECT_FALSE(Prefix::parse(bad)) << bad;
}

TEST(Endpoint, IsWrittenWithBracketsForIpv6AndHashesByValue) {
    const Endpoint v4{*IpAddress::parse("192.0.2.1"), 80};
    const Endpoint v6{*IpAddress::parse("2001:db8::1"), 443};
    EXPECT_EQ(v4.to_string(), "192.0.2.1:80");
    EXPECT_EQ(v6.to_string(), "[2001:db8::1]:443");
    const std::unordered_set<Endpoint> endpoints{v4, v6, v4, Endpoint{v4.address, 81}};
    EXPECT_EQ(endpoints.size(), 3U);
}

}  // namespace
}  // namespace headgate
