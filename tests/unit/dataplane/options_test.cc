// Goal: the command line is understood, and what is wrong with it is said.
#include "dataplane/options.h"

#include <getopt.h>
#include <gtest/gtest.h>

namespace headgate::dataplane {
namespace {

Result<Options> parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "headgate-dataplane");
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::optind = 0;  // getopt starts over
    ::opterr = 0;
    return parse_options(static_cast<int>(arguments.size()), argv.data());
}

TEST(DataplaneOptions, TakesAll) {
    const auto options =
        parse({"--interface", "eth0", "-i", "eth1", "--socket", "/run/x.sock", "--table", "t.json",
               "--xdp-mode", "generic", "--connections", "65536", "--flow-cache", "0", "--pins",
               "/x", "--syslog", "--verbose"});
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->interfaces, (std::vector<std::string>{"eth0", "eth1"}));
    EXPECT_EQ(options->socket, "/run/x.sock");
    EXPECT_EQ(options->table, "t.json");
    EXPECT_EQ(options->xdp_mode, XdpMode::generic);
    EXPECT_EQ(options->connections_max, 65536U);
    EXPECT_EQ(options->cached_flows, 0U);
    EXPECT_EQ(options->pins, "/x");
    EXPECT_TRUE(options->syslog);
    EXPECT_TRUE(options->verbose);
}

TEST(DataplaneOptions, SaysWhatIsWrong) {
    struct Case {
        std::vector<std::string> arguments;
        const char* words;
    };
    const std::vector<Case> cases{
        {{"--socket", "s"}, "no --interface"},
        {{"--interface", "eth0"}, "no --socket"},
        {{"-i", "eth0", "-i", "eth0", "-s", "s"}, "eth0 is given twice"},
        {{"-i", "eth0", "-s", "s", "--xdp-mode", "fast"}, "auto, native or generic"},
        {{"-i", "eth0", "-s", "s", "--connections", "12x"}, "--connections 12x"},
        {{"-i", "eth0", "-s", "s", "--connections", "1"}, "from 1024"},
        {{"-i", "eth0", "-s", "s", "--flow-cache", "99999999"}, "from 0 to 67108864"},
        {{"-i", "eth0", "-s", "s", "extra"}, "extra is not an option"},
        {{"--no-such-option"}, "--help"},
    };
    for (const Case& test : cases) {
        const auto options = parse(test.arguments);
        ASSERT_FALSE(options) << test.words;
        EXPECT_NE(options.error().message.find(test.words), std::string::npos)
            << options.error().message;
    }
}

TEST(DataplaneOptions, NeedsNothingElseForHelp) {
    const auto options = parse({"--help"});
    ASSERT_TRUE(options);
    EXPECT_TRUE(options->help);
}

}  // namespace
}  // namespace headgate::dataplane
