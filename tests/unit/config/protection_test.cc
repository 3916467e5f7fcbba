// Goal: what the dataplane block says against floods is understood, also from files of their own,
// and what cannot be is one diagnostic each.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/limits.h"
#include "tests/unit/config/support.h"
#include "tests/unit/effort.h"

namespace headgate::config {
namespace {

std::string with_dataplane(const std::string& lines) {
    return instance_with("", "dataplane {\n" + lines + "\n}\n");
}

Protection protection_of(const std::string& lines) {
    return load_fine(with_dataplane(lines)).dataplane.protection;
}

// The only diagnostic.
std::string complaint_about(const std::string& lines, Protection& protection) {
    const LoadResult result = load_text(with_dataplane(lines));
    EXPECT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    if (!result.config || result.diagnostics.empty())
        return {};
    protection = result.config->dataplane.protection;
    return result.diagnostics[0].message;
}

std::vector<std::string> words(const std::vector<Prefix>& prefixes) {
    std::vector<std::string> words;
    words.reserve(prefixes.size());
    for (const Prefix& prefix : prefixes)
        words.push_back(prefix.to_string());
    return words;
}

using Words = std::vector<std::string>;

TEST(ProtectionTest, IsTheDataplanesOwnUnlessSaid) {
    const Protection protection = protection_of("interface eth0");
    EXPECT_FALSE(protection.connection_rate);
    EXPECT_EQ(protection.source_rate, 0U);
    EXPECT_EQ(protection.fragment_rate, 16000U);
    EXPECT_EQ(protection.icmp_error_rate, 10000U);
    EXPECT_EQ(protection.icmp_answer_rate, 100U);
    EXPECT_EQ(protection.source_prefix_length_v4, 24);
    EXPECT_EQ(protection.source_prefix_length_v6, 56);
    EXPECT_TRUE(protection.blocked.empty() && protection.allowed.empty());
}

TEST(ProtectionTest, TakesEveryRate) {
    const Protection protection = protection_of(
        "new_connection_rate 50000\nsource_connection_rate 100\nsource_prefix_length 32\n"
        "source_prefix_length_v6 64\nfragment_rate 2000\nicmp_error_rate 300\n"
        "icmp_answer_rate 0");
    EXPECT_EQ(protection.connection_rate, 50000U);
    EXPECT_EQ(protection.source_rate, 100U);
    EXPECT_EQ(protection.source_prefix_length_v4, 32);
    EXPECT_EQ(protection.source_prefix_length_v6, 64);
    EXPECT_EQ(protection.fragment_rate, 2000U);
    EXPECT_EQ(protection.icmp_error_rate, 300U);
    EXPECT_EQ(protection.icmp_answer_rate, 0U);
}

TEST(ProtectionTest, TakesLists) {
    const Protection protection = protection_of(
        "block_list {\n198.51.100.0/24 203.0.113.7\n2001:db8:bad::/48\n}\n"
        "allow_list {\n198.51.100.128/25\n}\nblock_list {\n192.0.2.0/24\n}");
    EXPECT_EQ(words(protection.blocked),
              (Words{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.7/32", "2001:db8:bad::/48"}));
    EXPECT_EQ(words(protection.allowed), Words{"198.51.100.128/25"});
}

TEST(ProtectionTest, TakesListsFromFiles) {
    const LoadResult result = load_files(
        {{"test.conf", with_dataplane("block_list {\ninclude blocked.txt\n203.0.113.0/24\n}")},
         {"blocked.txt", "# of this morning\n198.51.100.1\n198.51.100.2/32  # again\n"}},
        "test.conf");
    EXPECT_EQ(result.exit_code, exit_fine) << render_report(result.diagnostics);
    ASSERT_TRUE(result.config);
    EXPECT_EQ(words(result.config->dataplane.protection.blocked),
              (Words{"198.51.100.1/32", "198.51.100.2/32", "203.0.113.0/24"}));
}

TEST(ProtectionTest, NetworksAreThereOnceWithoutHostBits) {
    const Protection protection =
        protection_of("block_list {\n192.0.2.77/24 192.0.2.1/24\n2001:db8::7/33\n}");
    EXPECT_EQ(words(protection.blocked), (Words{"192.0.2.0/24", "2001:db8::/33"}));
}

TEST(ProtectionTest, RefusesWhatIsNoPrefix) {
    Protection protection;
    EXPECT_NE(complaint_about("block_list {\n192.0.2.0/33 198.51.100.0/24\n}", protection)
                  .find("is not an address or a prefix"),
              std::string::npos);
    EXPECT_EQ(words(protection.blocked), Words{"198.51.100.0/24"});
}

TEST(ProtectionTest, RefusesMappedAddresses) {
    Protection protection;
    EXPECT_NE(complaint_about("block_list {\n::ffff:192.0.2.0/120\n::/0\n}", protection)
                  .find("stands for IPv4 addresses"),
              std::string::npos);
    EXPECT_EQ(words(protection.blocked), Words{"::/0"});
}

TEST(ProtectionTest, RefusesANetworkInBothLists) {
    Protection protection;
    const std::string complaint = complaint_about(
        "block_list {\n192.0.2.0/24\n}\nallow_list {\n192.0.2.1/24 192.0.2.0/25\n}", protection);
    EXPECT_NE(complaint.find("192.0.2.0/24 is in the block_list, too (see line 11)"),
              std::string::npos)
        << complaint;
    EXPECT_EQ(words(protection.blocked), Words{"192.0.2.0/24"});
    EXPECT_EQ(words(protection.allowed), Words{"192.0.2.0/25"});
}

TEST(ProtectionTest, HasRoomForLongLists) {
    std::string list;
    for (std::uint32_t number = 0; number < limits::access_prefixes_max; ++number)
        list += IpAddress::v4(Be32(0x0a000000U + 2 * number)).to_string() + "\n";
    // The sanitizer takes a quarter of a minute for each, and sees the same in both.
    if constexpr (!has_address_sanitizer) {
        EXPECT_EQ(protection_of("block_list {\n" + list + "}").blocked.size(),
                  limits::access_prefixes_max);
    }
    Protection protection;
    EXPECT_NE(
        complaint_about("block_list {\n" + list + "9.9.9.9\n}", protection).find("longer than the"),
        std::string::npos);
    EXPECT_EQ(protection.blocked.size(), limits::access_prefixes_max);
}

}  // namespace
}  // namespace headgate::config
