// Goal: the documentation in the repository is what the schema table says, the examples load
// without a word, and each documented default is the one that the loader applies.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "controlplane/config/known_keywords.h"
#include "controlplane/config/reference.h"
#include "controlplane/config/schema.h"
#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

const std::filesystem::path source_root = HEADGATE_SOURCE_ROOT;

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Reference, IsTheOneInTheRepository) {
    const std::filesystem::path path = source_root / "docs" / "configuration.md";
    if (std::getenv("UPDATE_REFERENCE") != nullptr)
        std::ofstream(path) << render_reference();
    EXPECT_TRUE(content_of(path) == render_reference())
        << "docs/configuration.md is not what the schema table says; run\n"
           "    UPDATE_REFERENCE=1 meson test -C build config";
}

TEST(Reference, ExplainsAKeywordInEveryBlockThatHasIt) {
    const std::string text = explain("weight").value_or("");
    EXPECT_NE(text.find("weight 1..2147483647\n  in: virtual_server\n"), std::string::npos) << text;
    EXPECT_NE(text.find("weight 0..2147483647\n  in: real_server\n"), std::string::npos) << text;
}

TEST(Reference, ExplainsAKeywordThatIsNotActedOn) {
    const std::string text = explain("sorry_server").value_or("");
    EXPECT_NE(text.find("in: virtual_server"), std::string::npos) << text;
    EXPECT_NE(text.find("does not act on yet"), std::string::npos) << text;
}

TEST(Reference, SuggestsTheNearestOfAllKeywords) {
    std::string suggestion;
    EXPECT_FALSE(explain("virtual_adress", &suggestion));
    EXPECT_EQ(suggestion, "virtual_ipaddress");
}

TEST(Schema, HasEachKeywordOnceInABlock) {
    std::set<std::pair<int, std::string_view>> seen;
    for (int block = 0; block < static_cast<int>(Block::ignored); ++block) {
        for_each_keyword([&](const Keyword& row) {
            if (!row.blocks.contains(static_cast<Block>(block)))
                return;
            EXPECT_TRUE(seen.emplace(block, row.name).second) << row.name;
            EXPECT_FALSE(find_known_keyword(static_cast<Block>(block), row.name)) << row.name;
        });
    }
}

TEST(Schema, SaysSomethingAboutEveryKeyword) {
    for_each_keyword([](const Keyword& row) {
        EXPECT_TRUE(row.doc.ends_with('.')) << row.name;
        EXPECT_NE(row.handler, nullptr) << row.name;
        EXPECT_FALSE(expectation(row).empty()) << row.name;
    });
}

// `line` within `block`, in a configuration that needs nothing else; empty for blocks that have no
// keyword with a literal default.
std::string with_line(Block block, const std::string& line) {
    const std::string empty_server = server_with({});
    switch (block) {
        case Block::global_defs:
            return instance_with("", "global_defs {\n" + line + "\n}");
        case Block::vrrp_instance:
            return instance_with(line);
        case Block::virtual_server:
            return server_with({.server = line});
        case Block::real_server:
            return server_with({.real_server = line});
        case Block::http_get:
            return server_with({.http_get = line});
        case Block::url:
            return server_with({.url = line});
        case Block::bfd_instance:
            return "bfd_instance b1 {\n    neighbor_ip 192.0.2.2\n" + line + "\n}\n";
        case Block::dataplane:
            return empty_server + "dataplane {\n" + line + "\n}\n";
        default:
            return {};
    }
}

// Written out, a default must change nothing. Those that are no plain value, that are not carried,
// that turn something on by being there, or that need another keyword, are left out.
TEST(Schema, DocumentsTheDefaultsThatTheLoaderApplies) {
    const std::set<std::string_view> left_out{"lb_algo",    "lvs_sched", "lb_kind",
                                              "lvs_method", "protocol",  "persistence_granularity",
                                              "unicast_ttl"};
    std::size_t compared = 0;
    for (int index = 0; index < static_cast<int>(Block::ignored); ++index) {
        for_each_keyword([&](const Keyword& row) {
            const auto block = static_cast<Block>(index);
            const bool literal =
                !row.default_text.empty() && row.default_text.find(' ') == std::string_view::npos;
            if (!row.blocks.contains(block) || !literal || left_out.contains(row.name))
                return;
            const std::string line = std::string(row.name) + " " + std::string(row.default_text);
            const std::string text = with_line(block, line);
            if (text.empty())
                return;
            const LoadResult with = load_text(text);
            const LoadResult without = load_text(with_line(block, ""));
            ASSERT_EQ(with.exit_code, exit_fine) << text << render_report(with.diagnostics);
            EXPECT_EQ(describe(*with.config), describe(*without.config)) << text;
            ++compared;
        });
    }
    EXPECT_GE(compared, 15U);
}

TEST(Examples, LoadWithoutAWord) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(source_root / "docs/examples")) {
        if (entry.path().extension() != ".conf")
            continue;
        ++count;
        const LoadResult result = load_file(entry.path());
        EXPECT_EQ(result.exit_code, exit_fine) << render_report(result.diagnostics);
        EXPECT_TRUE(result.diagnostics.empty());
    }
    EXPECT_GE(count, 3U);
}

TEST(Examples, ThePairAgreesOnEverythingButItsRole) {
    const auto load_example = [](const char* name) {
        return *load_file(source_root / "docs/examples" / name).config;
    };
    Config master = load_example("vrrp-pair-master.conf");
    Config backup = load_example("vrrp-pair-backup.conf");
    EXPECT_GT(master.vrrp.instances[0].priority, backup.vrrp.instances[0].priority);
    backup.router_id = master.router_id;
    backup.vrrp.instances[0].initial_state = master.vrrp.instances[0].initial_state;
    backup.vrrp.instances[0].priority = master.vrrp.instances[0].priority;
    EXPECT_EQ(describe(master), describe(backup));
}

}  // namespace
}  // namespace headgate::config
