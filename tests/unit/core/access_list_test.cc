// Goal: a client is blocked, allowed or neither as the longest of its prefixes says.
// Method: small cases by hand; random lists beside a search through all of their prefixes.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/access_list.h"
#include "tests/packets/packet_builder.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

AccessRule rule(const char* prefix, Access access) {
    return {*Prefix::parse(prefix), access};
}

AccessList list_of(const std::vector<AccessRule>& rules) {
    Result<AccessList> list = AccessList::build(rules);
    EXPECT_TRUE(list.has_value());
    return *list;
}

Access access_of(const AccessList& list, const char* client) {
    return list.find(wide(packets::ip(client)));
}

// As slow and as obvious as can be.
Access search(const std::vector<AccessRule>& rules, const IpAddress& client) {
    const AccessRule* longest = nullptr;
    for (const AccessRule& candidate : rules)
        if (candidate.prefix.contains(client) &&
            (longest == nullptr || candidate.prefix.length > longest->prefix.length))
            longest = &candidate;
    return longest == nullptr ? Access::normal : longest->access;
}

TEST(AccessListTest, OfNothingKnowsNobody) {
    const AccessList list = list_of({});
    EXPECT_EQ(access_of(list, "192.0.2.1"), Access::normal);
    EXPECT_EQ(access_of(list, "2001:db8::1"), Access::normal);
    EXPECT_FALSE(list.blocks());
}

TEST(AccessListTest, KnowsTheClientsOfAPrefixAndNoOthers) {
    const AccessList list = list_of({rule("198.51.100.0/24", Access::blocked)});
    EXPECT_TRUE(list.blocks());
    EXPECT_EQ(access_of(list, "198.51.99.255"), Access::normal);
    EXPECT_EQ(access_of(list, "198.51.100.0"), Access::blocked);
    EXPECT_EQ(access_of(list, "198.51.100.255"), Access::blocked);
    EXPECT_EQ(access_of(list, "198.51.101.0"), Access::normal);
}

TEST(AccessListTest, TheLongestPrefixDecides) {
    const AccessList list =
        list_of({rule("10.1.2.3/32", Access::blocked), rule("10.0.0.0/8", Access::blocked),
                 rule("10.1.0.0/16", Access::allowed)});
    EXPECT_EQ(access_of(list, "10.0.255.255"), Access::blocked);
    EXPECT_EQ(access_of(list, "10.1.2.2"), Access::allowed);
    EXPECT_EQ(access_of(list, "10.1.2.3"), Access::blocked);
    EXPECT_EQ(access_of(list, "10.1.2.4"), Access::allowed);
    EXPECT_EQ(access_of(list, "10.2.0.0"), Access::blocked);
    EXPECT_EQ(access_of(list, "11.0.0.0"), Access::normal);
}

TEST(AccessListTest, PrefixesMayEndWithTheAddresses) {
    const AccessList list =
        list_of({rule("0.0.0.0/0", Access::blocked), rule("255.255.255.255/32", Access::allowed),
                 rule("::/0", Access::allowed), rule("ffff::/16", Access::blocked),
                 rule("8000::/1", Access::blocked)});
    EXPECT_EQ(access_of(list, "0.0.0.0"), Access::blocked);
    EXPECT_EQ(access_of(list, "255.255.255.254"), Access::blocked);
    EXPECT_EQ(access_of(list, "255.255.255.255"), Access::allowed);
    EXPECT_EQ(access_of(list, "7fff::"), Access::allowed);
    EXPECT_EQ(access_of(list, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Access::blocked);
}

TEST(AccessListTest, PrefixesOfIpv6AreNoneOfIpv4) {
    const AccessList list =
        list_of({rule("::/0", Access::blocked), rule("::/64", Access::blocked)});
    EXPECT_EQ(access_of(list, "192.0.2.1"), Access::normal);
    EXPECT_EQ(access_of(list, "::1"), Access::blocked);
}

TEST(AccessListTest, MappedAddressesAreRefused) {
    const auto list = AccessList::build({rule("::ffff:192.0.2.0/120", Access::blocked)});
    ASSERT_FALSE(list.has_value());
    EXPECT_NE(list.error().message.find("stands for IPv4 addresses"), std::string::npos);
}

TEST(AccessListTest, HostBitsDoNotCount) {
    const AccessList list = list_of(
        {rule("198.51.100.77/24", Access::blocked), rule("2001:db8::77/32", Access::blocked)});
    EXPECT_EQ(access_of(list, "198.51.100.1"), Access::blocked);
    EXPECT_EQ(access_of(list, "2001:db8:ffff::1"), Access::blocked);
    EXPECT_EQ(access_of(list, "2001:db9::1"), Access::normal);
}

TEST(AccessListTest, APrefixMayBeThereTwiceButNotInBothLists) {
    EXPECT_EQ(access_of(list_of({rule("192.0.2.1/24", Access::blocked),
                                 rule("192.0.2.0/24", Access::blocked)}),
                        "192.0.2.9"),
              Access::blocked);
    const auto list = AccessList::build(
        {rule("192.0.2.0/24", Access::blocked), rule("192.0.2.0/24", Access::allowed)});
    ASSERT_FALSE(list.has_value());
    EXPECT_NE(list.error().message.find("both blocked and allowed"), std::string::npos);
}

TEST(AccessListTest, ThatSaysTheSameIsTheSame) {
    const AccessList one =
        list_of({rule("192.0.2.0/25", Access::blocked), rule("192.0.2.128/25", Access::blocked)});
    EXPECT_EQ(one, list_of({rule("192.0.2.0/24", Access::blocked)}));
    EXPECT_FALSE(one == list_of({rule("192.0.2.0/23", Access::blocked)}));
}

// Addresses that differ in few bits, so that prefixes lie within each other.
class RandomRules {
public:
    IpAddress address(bool is_v4) {
        if (is_v4)
            return IpAddress::v4(Be32(dense() << 24U | dense() << 15U | dense() << 8U | dense()));
        std::array<std::uint8_t, 16> bytes{};
        for (const std::size_t at : {0U, 1U, 7U, 8U, 9U, 15U})
            bytes[at] = static_cast<std::uint8_t>(dense());
        return IpAddress::v6(bytes);
    }
    AccessRule rule() {
        const IpAddress any = address(below(2) == 0);
        const auto length = static_cast<std::uint8_t>(below(any.bits() + 1U));
        // The same prefix always has the same access.
        return {{any, length}, length % 3 == 0 ? Access::allowed : Access::blocked};
    }
    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
    }

private:
    std::uint32_t dense() { return below(2) == 0 ? below(4) : 255 - below(4); }

    std::mt19937 engine_{std::random_device{}()};
};

TEST(AccessListTest, FindsWhatASearchThroughAllFinds) {
    RandomRules random;
    for (std::uint32_t run = 0; run < rounds(200) && !HasFailure(); ++run) {
        std::vector<AccessRule> rules;
        for (std::uint32_t count = random.below(60); count > 0; --count)
            rules.push_back(random.rule());
        const AccessList list = list_of(rules);
        EXPECT_LE(list.ranges(), 2 * rules.size() + 2);
        for (int client = 0; client < 200; ++client) {
            const IpAddress address = random.address(client % 2 == 0);
            // One that really is IPv4: an IPv6 packet never has it.
            if (!address.is_v4() && is_v4(wide(address)))
                continue;
            ASSERT_EQ(list.find(wide(address)), search(rules, address)) << address.to_string();
        }
    }
}

TEST(AccessListTest, TellsWhatIsBlockedInPrefixesThatDoNotOverlap) {
    const auto blocked = [](const std::vector<AccessRule>& rules) {
        std::vector<std::string> texts;
        for (const Prefix& prefix : list_of(rules).blocked_prefixes())
            texts.push_back(prefix.to_string());
        return texts;
    };
    using Texts = std::vector<std::string>;
    EXPECT_EQ(blocked({}), Texts{});
    EXPECT_EQ(blocked({rule("10.0.0.0/8", Access::allowed)}), Texts{});
    EXPECT_EQ(blocked({rule("0.0.0.0/0", Access::blocked)}), Texts{"0.0.0.0/0"});
    EXPECT_EQ(blocked({rule("::/0", Access::blocked)}), Texts{"::/0"});
    EXPECT_EQ(blocked({rule("192.0.2.9/24", Access::blocked), rule("192.0.2.7", Access::blocked)}),
              Texts{"192.0.2.0/24"});
    EXPECT_EQ(blocked({rule("192.0.2.0/29", Access::blocked), rule("192.0.2.5", Access::allowed)}),
              (Texts{"192.0.2.0/30", "192.0.2.4/32", "192.0.2.6/31"}));
    EXPECT_EQ(
        blocked({rule("2001:db8::/125", Access::blocked), rule("2001:db8::6/127", Access::allowed),
                 rule("255.255.255.255", Access::blocked)}),
        (Texts{"255.255.255.255/32", "2001:db8::/126", "2001:db8::4/127"}));
}

TEST(AccessListTest, ItsBlockedPrefixesSayWhatTheListSays) {
    std::mt19937 random(7);
    const auto below = [&](std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random);
    };
    for (std::uint32_t round = 0; round < rounds(200); ++round) {
        std::vector<AccessRule> rules;
        for (std::uint32_t count = below(12); count > 0; --count) {
            const auto length = static_cast<std::uint8_t>(20 + below(13));
            const IpAddress address = IpAddress::v4(Be32(0x0a000000U + below(1U << 12U)));
            rules.push_back(
                {{address, length}, length % 2 == 0 ? Access::blocked : Access::allowed});
        }
        const AccessList list = list_of(rules);
        const std::vector<Prefix> prefixes = list.blocked_prefixes();
        for (std::uint32_t host = 0; host < 1U << 13U; host += 1 + below(5)) {
            const IpAddress client = IpAddress::v4(Be32(0x0a000000U + host));
            const auto in = std::ranges::count_if(
                prefixes, [&](const Prefix& prefix) { return prefix.contains(client); });
            ASSERT_EQ(in, list.find(wide(client)) == Access::blocked ? 1 : 0)
                << client.to_string() << " in round " << round;
        }
    }
}

}  // namespace
}  // namespace headgate::dataplane
