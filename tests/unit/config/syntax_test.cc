// Goal: a configuration is cut into words, statements and blocks as keepalived does it, files
// include others, and no input, however large or odd, does more than give diagnostics.
#include <gtest/gtest.h>

#include "controlplane/config/lexer.h"
#include "controlplane/config/suggest.h"
#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

// The words of a text, each in [ ], braces as they are, and a / for each end of line.
std::string tokens_of(std::string text) {
    Sources sources;
    Report report;
    std::string shown;
    for (const Token& token : tokenize(sources.add("test.conf", std::move(text)), report)) {
        switch (token.kind) {
            case TokenKind::word:
                shown += "[" + token.text + "]";
                break;
            case TokenKind::open:
                shown += "{";
                break;
            case TokenKind::close:
                shown += "}";
                break;
            case TokenKind::definition:
                shown += "$" + token.text;
                break;
            case TokenKind::end_of_line:
                shown += "/";
                break;
            case TokenKind::end_of_file:
                break;
        }
    }
    return shown + (report.count() == 0 ? "" : "?");
}

struct Lexed {
    const char* name;
    std::string text;
    std::string tokens;
};

class LexerTest : public testing::TestWithParam<Lexed> {};

TEST_P(LexerTest, CutsAsKeepalivedDoes) {
    EXPECT_EQ(tokens_of(GetParam().text), GetParam().tokens);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, LexerTest,
    testing::Values(Lexed{"Empty", "", "/"}, Lexed{"Words", "a  b\tc\r\nd", "[a][b][c]/[d]/"},
                    Lexed{"Comments", "a # b\n! c\nd", "[a]//[d]/"},
                    Lexed{"CommentWithinAWord", "priority 99!really", "[priority][99]/"},
                    Lexed{"NoCommentInQuotes", "a \"b#c!d\"", "[a][b#c!d]/"},
                    Lexed{"GluedBraces", "vrrp_instance V{\n}", "[vrrp_instance][V]{/}/"},
                    Lexed{"BracesOnOneLine", "a { b }", "[a]{[b]}/"},
                    Lexed{"JoinedQuotes", "abcd\" efg h jkl \"mnop", "[abcd efg h jkl mnop]/"},
                    Lexed{"SeparateQuotes", "abcd \"efg h jkl\" mnop", "[abcd][efg h jkl][mnop]/"},
                    Lexed{"BothKindsOfQuotes", "\"a 'b\"'c \"d'", "[a 'bc \"d]/"},
                    Lexed{"EmptyString", "a \"\" b", "[a][][b]/"},
                    Lexed{"QuotedBraces", "a \"{ }\"", "[a][{ }]/"},
                    Lexed{"Escapes", R"("\t\101\x4F\x6a\cC\q\"")", "[\tAOj\x03q\"]/"},
                    Lexed{"EscapesOutsideQuotes", R"(a\ b\"c)", "[a b\"c]/"},
                    Lexed{"UnclosedString", "a \"b c\nd", "[a][b c]/[d]/?"},
                    Lexed{"ByteOrderMark",
                          "\xef\xbb\xbf"
                          "a",
                          "[a]/"},
                    Lexed{"VariableInBraces", "a ${B}c {", "[a][${B}c]{/"},
                    Lexed{"RepetitionWithBraces", "~LST(v,{a,b}) $v", "[~LST(v,{a,b})][$v]/"},
                    Lexed{"Definition", "$A=b c\nd", "$A/[d]/"},
                    Lexed{"DefinitionOverLines", "$A=b {\\\n c\\\n}\nd", "$A/[d]/"},
                    Lexed{"DollarWithoutDefinition", "$ $A =b", "[$][$A][=b]/"}),
    [](const auto& lexed) { return std::string(lexed.param.name); });

TEST(Tokens, TellsLinesAndColumns) {
    Sources sources;
    Report report;
    const auto tokens = tokenize(sources.add("test.conf", "a\n\n  bc \"d e\""), report);
    const Token& quoted = tokens[4];
    EXPECT_EQ(quoted.text, "d e");
    EXPECT_EQ(quoted.span.line, 3U);
    EXPECT_EQ(quoted.span.column, 6U);
    EXPECT_EQ(quoted.span.length, 5U);
    EXPECT_EQ(quoted.span.source_line(), "  bc \"d e\"");
}

// All ways of writing one configuration give the same model.
TEST(Syntax, LeavesTheLayoutToTheAuthor) {
    const std::string usual = instance_with("    priority 150");
    const std::string expected = describe(*load_text(usual).config);
    const std::string_view others[] = {
        // `{` on the next line, also after blank lines and comments
        "vrrp_instance VI_1\n{\n interface eth0\n virtual_router_id 51\n priority 150\n"
        " virtual_ipaddress\n\n # here\n {\n192.0.2.10/24\n}\n}\n",
        // glued, and blocks of one line
        "vrrp_instance VI_1{\ninterface eth0\nvirtual_router_id 51\npriority 150\n"
        "virtual_ipaddress { 192.0.2.10/24 }}",
        // quoted arguments, comments at the end of lines, carriage returns
        "vrrp_instance \"VI_1\" { ! first\r\n interface 'eth0'\r\n virtual_router_id \"5\"1\r\n"
        " priority 150 # high\r\n virtual_ipaddress {\r\n 192.0.2.10/24\r\n }\r\n}\r\n",
    };
    for (const std::string_view other : others) {
        const LoadResult result = load_text(other);
        ASSERT_EQ(result.exit_code, exit_fine) << render_report(result.diagnostics);
        EXPECT_EQ(describe(*result.config), expected) << other;
    }
}

TEST(Syntax, TakesAQuotedWordForAnArgumentNotForAKeyword) {
    const LoadResult result = load_text(instance_with("    \"priority\" 150"));
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.config->vrrp.instances[0].priority, 100);
}

// Two mistakes in one place: the block is ignored, and its end is missing.
TEST(Syntax, DoesNotLoseWhatFollowsAnIgnoredBlockWithoutEnd) {
    const LoadResult result =
        load_text("SSL {\n    password \"secret\"\n    ca ca.pem\n" + instance_with(""));
    ASSERT_EQ(result.diagnostics.size(), 2U) << render_report(result.diagnostics);
    EXPECT_NE(result.diagnostics[0].hint.find("before `vrrp_instance` on line 4"),
              std::string::npos);
    ASSERT_TRUE(result.config);
    EXPECT_EQ(result.config->vrrp.instances.size(), 1U);
}

TEST(Include, SplicesFilesIntoAnyBlock) {
    const Files files{
        {"etc/main.conf", "include conf.d/site-*\n"},
        {"etc/conf.d/site-a", "vrrp_instance VI_1 {\ninclude ../vips\ninclude ../common\n}\n"},
        {"etc/conf.d/../common", "interface eth0\nvirtual_router_id 51\n"},
        {"etc/conf.d/../vips", "virtual_ipaddress {\n192.0.2.10/24\ninclude more\n}\n"},
        {"etc/conf.d/../more", "192.0.2.11/24\n"},
        {"etc/conf.d/site-b", "global_defs {\nrouter_id included\n}\n"},
    };
    const LoadResult result = load_files(files, "etc/main.conf");
    ASSERT_EQ(result.exit_code, exit_fine) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->router_id, "included");
    ASSERT_EQ(result.config->vrrp.instances.size(), 1U);
    EXPECT_EQ(result.config->vrrp.instances[0].virtual_addresses.size(), 2U);
}

TEST(Include, IsNoErrorWhenNothingMatches) {
    EXPECT_EQ(load_text(instance_with("include nowhere/*.conf")).exit_code, exit_fine);
}

TEST(Include, StopsAtALoop) {
    const LoadResult result =
        load_files({{"a", instance_with("", "include b\n")}, {"b", "\n  include a\n"}}, "a");
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.diagnostics[0].location, (SourceLocation{"b", 2, 11}));
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
}

TEST(Include, NamesTheOtherFileInADiagnostic) {
    const std::string instance = instance_with("");
    const LoadResult result = load_files({{"a", "include b\n" + instance}, {"b", instance}}, "a");
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.diagnostics[0].location, (SourceLocation{"a", 2, 1}));
    EXPECT_NE(result.diagnostics[0].hint.find("on line 1 of b"), std::string::npos);
}

TEST(Include, IsBoundedInDepth) {
    Files files;
    for (int depth = 0; depth < 100; ++depth)
        files["f" + std::to_string(depth)] = "include f" + std::to_string(depth + 1) + "\n";
    const LoadResult result = load_files(files, "f0");
    EXPECT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_EQ(result.exit_code, exit_unusable);
}

TEST(Include, ReportsAFileThatCannotBeReadAtItsInclude) {
    FileAccess access;
    access.read = [](const std::string& path) -> Result<std::string> {
        if (path == "main.conf")
            return "include secret.conf\n";
        return fail("cannot open `{}`: Permission denied", path);
    };
    access.expand = [](const std::string& pattern) { return std::vector<std::string>{pattern}; };
    const LoadResult result = load("main.conf", access, "testhost");
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.diagnostics[0].location, (SourceLocation{"main.conf", 1, 9}));
    EXPECT_EQ(result.exit_code, exit_unusable);
}

TEST(Load, CannotUseAFileThatIsNotThere) {
    const LoadResult result = load_file("/nonexistent/headgate.conf");
    EXPECT_EQ(result.exit_code, exit_unusable);
    EXPECT_FALSE(result.config);
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_NE(render_report(result.diagnostics).find("No such file or directory"),
              std::string::npos);
}

TEST(Load, CannotUseADirectory) {
    EXPECT_EQ(load_file("/").exit_code, exit_unusable);
}

TEST(Load, AcceptsAnEmptyFile) {
    const LoadResult result = load_text("# nothing yet\n");
    EXPECT_EQ(result.exit_code, exit_fine);
    ASSERT_TRUE(result.config);
    EXPECT_EQ(result.config->router_id, "testhost");
}

TEST(Load, CannotUseAFileOfWhichNothingIsLeft) {
    EXPECT_EQ(load_text("frontend www\n    bind *:80\n").exit_code, exit_unusable);
}

TEST(Load, IsBoundedInEveryDirection) {
    const std::string deep = [] {
        std::string text;
        for (int depth = 0; depth < 100'000; ++depth)
            text += "a {\n";
        return text;
    }();
    EXPECT_LE(load_text(deep).diagnostics.size(), 1001U);
    EXPECT_LE(load_text(std::string(200'000, '}')).diagnostics.size(), 1001U);
    EXPECT_LE(load_text(std::string(1'000'000, 'a')).diagnostics.size(), 2U);
    EXPECT_EQ(load_text(std::string(9U << 20U, '\n')).exit_code, exit_unusable);
}

TEST(Diagnostic, IsShownWithItsLineAndAMarkUnderIt) {
    const LoadResult result = load_text(instance_with("\tprioritty 101"));
    EXPECT_EQ(render_report(result.diagnostics),
              "error: `prioritty` is not a keyword of vrrp_instance\n"
              "  --> test.conf:7:2\n"
              "   |\n"
              " 7 | \tprioritty 101\n"
              "   | \t^^^^^^^^^\n"
              "   = help: did you mean `priority`?\n"
              "\n"
              "1 error, 0 warnings\n");
}

// Whatever a writer of a diagnostic puts into it.
TEST(Diagnostic, CannotDisturbTheTerminal) {
    const std::string red = "\x1b[31mred\x07\x7f";
    Sources sources;
    Report report;
    const SourceFile& file = sources.add(red, red + " {");
    report.error({.file = &file, .offset = 0, .length = 4, .line = 1, .column = 1}, red, red);
    const std::string shown = render_report(report.take());
    EXPECT_NE(shown.find("error: ?[31mred??"), std::string::npos) << shown;
    EXPECT_TRUE(std::ranges::none_of(shown, [](unsigned char byte) {
        return (byte < 0x20 && byte != '\n') || byte == 0x7f;
    })) << shown;
}

TEST(Suggestion, IsTheNearestAndNeverAFarOne) {
    const std::string_view names[] = {"priority", "preempt", "preempt_delay", "state", "TCP_CHECK"};
    EXPECT_EQ(nearest("prioritty", names), "priority");
    EXPECT_EQ(nearest("tcp-check", names), "TCP_CHECK");
    EXPECT_EQ(nearest("satte", names), "state");
    EXPECT_EQ(nearest("prio", names), "priority");
    EXPECT_EQ(nearest("preemptt", names), "preempt");
    EXPECT_EQ(nearest("bogus", names), "");
    EXPECT_EQ(nearest("", names), "");
    EXPECT_EQ(nearest(std::string(10'000, 'p'), names), "");
}

}  // namespace
}  // namespace headgate::config
