// Goal: what a bfd_instance says arrives in the model with keepalived's defaults, and every mistake
// gives exactly one diagnostic, at the right place, that says what to write instead.
// Method: as broken_test.cc; in the texts, >> marks the place.
#include <ostream>

#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"

namespace headgate::config {
namespace {

using std::chrono::microseconds;

std::string bfd_with(std::string_view lines, std::string_view neighbor = "192.0.2.3") {
    return "bfd_instance b1 {\n    neighbor_ip " + std::string(neighbor) + "\n" +
           std::string(lines) + "\n}\n";
}

// The only instance of a text in which nothing is wrong.
BfdInstance bfd_of(const std::string& text) {
    const LoadResult result = load_text(text);
    EXPECT_TRUE(result.diagnostics.empty()) << text << render_report(result.diagnostics);
    EXPECT_EQ(result.exit_code, exit_fine);
    return result.config.value().bfd_instances.at(0);
}

TEST(BfdModel, HasTheDefaultsOfKeepalived) {
    BfdInstance expected;
    expected.name = "b1";
    expected.neighbor = IpAddress::parse("192.0.2.3").value();
    EXPECT_EQ(bfd_of(bfd_with("")), expected);
    EXPECT_EQ(expected.min_rx, microseconds(10'000));
    EXPECT_EQ(expected.min_tx, microseconds(10'000));
    EXPECT_EQ(expected.idle_tx, microseconds(1'000'000));
    EXPECT_EQ(expected.multiplier, 5);
    EXPECT_EQ(expected.ttl_min, 255);
}

TEST(BfdModel, TakesEveryKeyword) {
    const BfdInstance instance = bfd_of(
        "bfd_instance b2 {\n neighbour_ip 2001:db8::2\n source_ip 2001:db8::1\n min_rx 20\n"
        " min_tx 3.312\n idle_tx 2000\n multiplier 3\n passive\n hoplimit 200\n max_hops 2\n"
        " multihop\n vrrp\n}\n");
    EXPECT_EQ(instance.name, "b2");
    EXPECT_EQ(instance.neighbor.to_string(), "2001:db8::2");
    EXPECT_EQ(instance.source.value().to_string(), "2001:db8::1");
    EXPECT_EQ(instance.min_rx, microseconds(20'000));
    EXPECT_EQ(instance.min_tx, microseconds(3'312));
    EXPECT_EQ(instance.idle_tx, microseconds(2'000'000));
    EXPECT_EQ(instance.multiplier, 3);
    EXPECT_TRUE(instance.passive);
    EXPECT_TRUE(instance.multihop);
    EXPECT_EQ(instance.ttl, 200);
    EXPECT_EQ(instance.ttl_min, 198);
    EXPECT_TRUE(instance.for_vrrp);
    EXPECT_FALSE(instance.for_checkers);
}

TEST(BfdModel, MaxHopsLowersWhatIsExpected) {
    EXPECT_EQ(bfd_of(bfd_with(" max_hops 3")).ttl_min, 252);
    EXPECT_EQ(bfd_of(bfd_with(" max_hops 255")).ttl_min, std::nullopt);
    EXPECT_EQ(bfd_of(bfd_with(" max_hops -1")).ttl_min, std::nullopt);
}

TEST(BfdModel, ExpectsOfAnIpv6NeighborWhatKeepalivedSends) {
    const BfdInstance instance = bfd_of(bfd_with("", "2001:db8::2"));
    EXPECT_EQ(instance.ttl, 255);
    EXPECT_EQ(instance.ttl_min, 64);
    EXPECT_EQ(bfd_of(bfd_with(" hoplimit 255", "2001:db8::2")).ttl_min, 255);
}

TEST(BfdModel, OneNeighborMayHaveASessionForEachSource) {
    const LoadResult result =
        load_text(bfd_with(" source_ip 192.0.2.1") +
                  "bfd_instance b2 {\n neighbor_ip 192.0.2.3\n source_ip 192.0.2.2\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_EQ(result.config.value().bfd_instances.size(), 2U);
}

TEST(BfdModel, IsTrackedWithItsWeight) {
    const std::string sessions =
        bfd_with(" weight -20 reverse") + "bfd_instance b2 {\n neighbor_ip 192.0.2.4\n}\n";
    const LoadResult result = load_text(
        instance_with("    track_bfd {\n        b1\n        b2 weight 10\n    }", sessions));
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    const std::vector<TrackerUse> expected{
        {.tracker = {TrackerKind::bfd, "b1"}, .weight = -20, .reverse = true},
        {.tracker = {TrackerKind::bfd, "b2"}, .weight = 10, .reverse = false}};
    EXPECT_EQ(result.config.value().vrrp.instances.at(0).trackers, expected);
}

TEST(BfdModel, OneForChecksAloneIsNotThereForVrrp) {
    const LoadResult result =
        load_text(instance_with("    track_bfd {\n        b1\n    }", bfd_with(" checker")));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_TRUE(result.config.value().vrrp.instances.at(0).trackers.empty());
}

struct BfdMistake {
    Broken broken;              // behind a good instance
    std::size_t instances = 2;  // that are left
};

void PrintTo(const BfdMistake& mistake, std::ostream* out) {
    PrintTo(mistake.broken, out);
}

class BrokenBfd : public testing::TestWithParam<BfdMistake> {};

TEST_P(BrokenBfd, GivesOneDiagnosticThatHelps) {
    Broken broken = GetParam().broken;
    broken.text = "bfd_instance good {\n    neighbor_ip 192.0.2.9\n}\n" + broken.text;
    const LoadResult result = expect_one_diagnostic(broken);
    EXPECT_EQ(result.config.value().bfd_instances.size(), GetParam().instances);
}

INSTANTIATE_TEST_SUITE_P(
    Bfd, BrokenBfd,
    testing::Values(
        BfdMistake{{"NoNeighbor", ">>bfd_instance b1 {\n    min_rx 20\n}\n", "has no `neighbor_ip`",
                    "write `neighbor_ip`"},
                   1},
        BfdMistake{{"MulticastNeighbor", "bfd_instance b1 {\n    neighbor_ip >>224.0.0.1\n}\n",
                    "224.0.0.1 is not the address of a host", "the one host"},
                   1},
        BfdMistake{{"LinkLocalNeighbor", "bfd_instance b1 {\n    neighbor_ip >>fe80::1\n}\n",
                    "link-local", "unique local"},
                   1},
        BfdMistake{{"UnspecifiedSource", bfd_with("    source_ip >>0.0.0.0"),
                    "not the address of a host", "the one host"},
                   1},
        BfdMistake{{"TwoFamilies", bfd_with("    source_ip >>2001:db8::1"), "not of one family",
                    "two IPv4 or two IPv6"},
                   1},
        BfdMistake{{"TooFast", bfd_with("    min_tx >>0.5"), "`0.5` is out of range for min_tx",
                    "milliseconds from 1 to 4294967"}},
        BfdMistake{{"NoTime", bfd_with("    min_rx >>fast"), "is not a number of milliseconds",
                    "milliseconds from 1"}},
        BfdMistake{{"TimeWithUnit", bfd_with("    min_rx >>20ms"),
                    "is not a number of milliseconds", "without a unit"}},
        BfdMistake{{"IdlesTooFast", bfd_with("    idle_tx >>500"), "out of range for idle_tx",
                    "from 1000"}},
        BfdMistake{
            {"MultiplierOfZero", bfd_with("    multiplier >>0"), "out of range", "from 1 to 255"}},
        BfdMistake{{"MoreHopsThanTtl", bfd_with("    ttl 10\n    max_hops >>20"),
                    "`max_hops` exceeds the TTL of 10", "at most 10"}},
        BfdMistake{{"MultihopOverNoRouter", bfd_with("    >>multihop"), "without `max_hops`",
                    "the number of routers", Severity::warning}},
        BfdMistake{{"NameTaken", ">>bfd_instance good {\n    neighbor_ip 192.0.2.3\n}\n",
                    "the name `good` is taken", "on line 1 has it"},
                   1},
        BfdMistake{{"NeighborTaken", "bfd_instance b1 {\n    neighbor_ip >>192.0.2.9\n}\n",
                    "bfd_instance `good` has this neighbor already", "a `source_ip` of its own"},
                   1},
        BfdMistake{{"UnknownKeyword", bfd_with("    >>multiplyer 3"),
                    "`multiplyer` is not a keyword of bfd_instance",
                    "did you mean `multiplier`?"}}),
    [](const auto& tested) { return tested.param.broken.name; });

}  // namespace
}  // namespace headgate::config
