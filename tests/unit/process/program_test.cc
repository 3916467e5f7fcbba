// Goal: a command of the configuration is found, gets its user, and is refused when others than
// root could change what root would run. Method: files in a directory of its own, with owners and
// modes that are wrong in one way each; needs root, as the daemon does.
#include "controlplane/process/program.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate::process {
namespace {

namespace fs = std::filesystem;

class ProgramTest : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "owners can only be changed by root";
        // Not in /tmp itself, where the sticky bit would be part of each case.
        std::string pattern = "/var/tmp/headgate-program-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        fs::create_directory(directory_ / "bin");
        ::chmod(directory_.c_str(), 0755);
        ::chmod((directory_ / "bin").c_str(), 0755);
        make(script());
    }
    void TearDown() override {
        if (!directory_.empty())
            fs::remove_all(directory_);
    }

    static void make(const fs::path& path) {
        std::ofstream(path) << "#!/bin/sh\n";
        ::chmod(path.c_str(), 0755);
    }
    [[nodiscard]] fs::path script() const { return directory_ / "bin" / "check"; }

    [[nodiscard]] std::string refusal(const Rules& rules = {.user = "root",
                                                            .security = true}) const {
        const auto program = prepare({script().string()}, "", "", rules);
        return program ? "" : program.error().message;
    }

    fs::path directory_;
};

TEST_F(ProgramTest, FindsPrograms) {
    const auto found = prepare({"sh", "-c", "true"}, "root", "", {});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(fs::path(found->path), fs::canonical(found->path));
    EXPECT_EQ(found->words, (std::vector<std::string>{"sh", "-c", "true"}));
    EXPECT_NE(prepare({"no-such-program"}, "root", "", {}).error().message.find("PATH"),
              std::string::npos);
    EXPECT_FALSE(prepare({"/no/such/program"}, "root", "", {}).has_value());
    EXPECT_FALSE(prepare({"/etc"}, "root", "", {}).has_value());
    EXPECT_FALSE(prepare({}, "root", "", {}).has_value());
}

TEST_F(ProgramTest, TellsWhatIsNotExecutable) {
    ::chmod(script().c_str(), 0644);
    EXPECT_NE(refusal().find("not executable"), std::string::npos);
    ::chmod(script().c_str(), 0700);
    EXPECT_EQ(refusal(), "");
    EXPECT_NE(refusal({.user = "nobody"}).find("not executable"), std::string::npos);
}

TEST_F(ProgramTest, ChoosesTheUser) {
    const Rules rules{.user = "nobody", .group = "root"};
    const auto user_of = [&](const std::string& user, const std::string& group, const Rules& with) {
        const auto program = prepare({"/bin/sh"}, user, group, with);
        return program ? program->credentials : Credentials{.user = 1, .group = 1};
    };
    const auto nobody = find_credentials("nobody", "", false);
    ASSERT_TRUE(nobody);
    EXPECT_EQ(user_of("", "", rules), (Credentials{.user = nobody->user, .group = 0}));
    EXPECT_EQ(user_of("root", "", rules), Credentials{});
    EXPECT_EQ(user_of("nobody", "", {}), *nobody);
    EXPECT_EQ(user_of("1234", "5678", {}), (Credentials{.user = 1234, .group = 5678}));
    EXPECT_NE(prepare({"/bin/sh"}, "no-such-user", "", {}).error().message.find("no-such-user"),
              std::string::npos);
    EXPECT_NE(prepare({"/bin/sh"}, "root", "no-such-group", {}).error().message.find("no-such"),
              std::string::npos);
    EXPECT_NE(user_of("root", "", {.supplementary_groups = true}).supplementary.size(), 0U);
}

TEST_F(ProgramTest, RefusesWhatOthersCanChange) {
    EXPECT_EQ(refusal(), "");
    ::chmod(script().c_str(), 0757);
    EXPECT_NE(refusal().find("everybody"), std::string::npos);
    ::chmod(script().c_str(), 0775);
    EXPECT_EQ(refusal(), "") << "root's group is root";
    ASSERT_EQ(::chown(script().c_str(), 0, 1234), 0);
    EXPECT_NE(refusal().find("group 1234"), std::string::npos);
    ASSERT_EQ(::chown(script().c_str(), 1234, 0), 0);
    ::chmod(script().c_str(), 0755);
    EXPECT_NE(refusal().find("user 1234"), std::string::npos);
    EXPECT_EQ(refusal({.user = "root"}), "") << "without enable_script_security";
    EXPECT_EQ(refusal({.user = "nobody", .security = true}), "") << "not run as root";
}

TEST_F(ProgramTest, ADirectoryOnTheWayCountsToo) {
    ::chmod((directory_ / "bin").c_str(), 0777);
    EXPECT_NE(refusal().find("/bin can be changed"), std::string::npos);
    ::chmod((directory_ / "bin").c_str(), 01777);
    EXPECT_EQ(refusal(), "") << "sticky";
    ASSERT_EQ(::chown((directory_ / "bin").c_str(), 1234, 0), 0);
    EXPECT_NE(refusal().find("user 1234"), std::string::npos);
}

TEST_F(ProgramTest, FollowsEveryLink) {
    // open/link -> ../bin/check, where anybody may turn the link elsewhere.
    const fs::path open = directory_ / "open";
    fs::create_directory(open);
    ::chmod(open.c_str(), 0777);
    const fs::path link = open / "link";
    fs::create_symlink("../bin/check", link);
    const Rules real{.user = "root", .security = true};
    Rules linked = real;
    linked.keep_symlinks = true;
    const auto through_real = prepare({link.string()}, "", "", real);
    ASSERT_TRUE(through_real) << through_real.error().message;
    EXPECT_EQ(through_real->path, script().string());
    EXPECT_FALSE(prepare({link.string()}, "", "", linked).has_value());

    ::chmod(open.c_str(), 0755);
    const auto through_link = prepare({link.string()}, "", "", linked);
    ASSERT_TRUE(through_link) << through_link.error().message;
    EXPECT_EQ(through_link->path, link.string());
    ::chmod((directory_ / "bin").c_str(), 0777);
    EXPECT_FALSE(prepare({link.string()}, "", "", linked).has_value()) << "behind the link";
    ::chmod((directory_ / "bin").c_str(), 0755);

    fs::create_symlink("loop", open / "loop");
    EXPECT_FALSE(check_only_root_can_change((open / "loop").string()).has_value());
}

}  // namespace
}  // namespace headgate::process
