#include "controlplane/process/program.h"

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate::process {

namespace {

constexpr const char* default_user = "keepalived_script";
constexpr const char* fallback_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int links_max = 40;  // as the kernel

std::optional<id_t> number_of(const std::string& text) {
    id_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || rest != end)
        return std::nullopt;
    return number;
}

// getpwnam_r() and its sisters: the buffer grows until the entry fits.
template <typename Entry, typename Find>
std::optional<Entry> look_up(std::vector<char>& buffer, Find find) {
    constexpr std::size_t bytes_max = 1U << 20U;
    for (buffer.resize(1024); buffer.size() <= bytes_max; buffer.resize(buffer.size() * 2)) {
        Entry entry{};
        Entry* found = nullptr;
        const int error = find(&entry, buffer.data(), buffer.size(), &found);
        if (error == 0 && found != nullptr)
            return entry;
        if (error != ERANGE)
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<passwd> find_user(const std::string& name, std::vector<char>& buffer) {
    return look_up<passwd>(buffer,
                           [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); });
}

std::optional<passwd> find_user(uid_t uid, std::vector<char>& buffer) {
    return look_up<passwd>(buffer, [&](auto... rest) { return ::getpwuid_r(uid, rest...); });
}

std::optional<group> find_group(const std::string& name, std::vector<char>& buffer) {
    return look_up<group>(buffer,
                          [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); });
}

std::vector<gid_t> groups_of(const char* user, gid_t primary) {
    std::vector<gid_t> groups(16);
    int count = static_cast<int>(groups.size());
    while (::getgrouplist(user, primary, groups.data(), &count) < 0) {
        const auto wanted = static_cast<std::size_t>(std::max(count, 0));
        groups.resize(std::max(wanted, groups.size() * 2));
        count = static_cast<int>(groups.size());
    }
    groups.resize(static_cast<std::size_t>(count));
    return groups;
}

Result<std::string> find_in_path(const std::string& name) {
    const char* const set = std::getenv("PATH");
    std::string_view list = set != nullptr ? set : fallback_path;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(':'), list.size());
        std::string candidate = fmt::format("{}/{}", list.substr(0, end), name);
        struct stat status {};
        if (candidate.front() == '/' && ::stat(candidate.c_str(), &status) == 0 &&
            S_ISREG(status.st_mode) && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return fail("{} is not found in PATH", name);
}

Result<std::string> real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                           &std::free);
    if (!real)
        return fail_errno("find {}", path);
    return std::string(real.get());
}

// The kernel decides when it is run; this tells in advance.
bool may_execute(const struct stat& status, const Credentials& credentials) {
    if (credentials.user == 0)
        return (status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    if (status.st_uid == credentials.user)
        return (status.st_mode & S_IXUSR) != 0;
    const bool in_group = status.st_gid == credentials.group ||
                          std::ranges::find(credentials.supplementary, status.st_gid) !=
                              credentials.supplementary.end();
    return (status.st_mode & (in_group ? S_IXGRP : S_IXOTH)) != 0;
}

Result<void> check_executable(const std::string& path, const Credentials& credentials) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return fail_errno("find {}", path);
    if (!S_ISREG(status.st_mode))
        return fail("{} is not a file that can be run", path);
    if (!may_execute(status, credentials))
        return fail("{} is not executable for user {} and group {}", path, credentials.user,
                    credentials.group);
    return {};
}

void push_components(std::deque<std::string>& components, std::string_view path) {
    std::deque<std::string> added;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0 && path.substr(0, end) != ".")
            added.emplace_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    components.insert(components.begin(), added.begin(), added.end());
}

Result<void> check_component(const std::string& path, const struct stat& status) {
    const auto refuse = [&](std::string_view who) {
        return fail("{} can be changed by {}, not only by root", path, who);
    };
    if (status.st_uid != 0)
        return refuse(fmt::format("its owner (user {})", status.st_uid));
    if (status.st_gid != 0 && (status.st_mode & S_IWGRP) != 0)
        return refuse(fmt::format("group {}", status.st_gid));
    // In a directory like /tmp nobody can replace what belongs to root.
    const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    if ((status.st_mode & S_IWOTH) != 0 && !is_sticky)
        return refuse("everybody");
    return {};
}

Result<std::string> read_link(const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0)
        return fail_errno("read the link {}", path);
    target.resize(static_cast<std::size_t>(size));
    return target;
}

}  // namespace

Result<Credentials> find_credentials(const std::string& user, const std::string& group,
                                     bool with_supplementary) {
    std::vector<char> buffer;
    Credentials credentials;
    const auto uid = number_of(user);
    const auto entry = uid ? find_user(*uid, buffer) : find_user(user, buffer);
    if (!entry && !uid)
        return fail("there is no user {}", user);
    if (!entry && group.empty())
        return fail("user {} is unknown, so that a group has to be named beside it", user);
    credentials.user = entry ? entry->pw_uid : *uid;
    credentials.group = entry ? entry->pw_gid : 0;
    if (!group.empty()) {
        std::vector<char> group_buffer;
        const auto gid = number_of(group);
        const auto found = gid ? std::nullopt : find_group(group, group_buffer);
        if (!found && !gid)
            return fail("there is no group {}", group);
        credentials.group = gid ? *gid : found->gr_gid;
    }
    if (with_supplementary && entry)
        credentials.supplementary = groups_of(entry->pw_name, credentials.group);
    return credentials;
}

Result<void> check_only_root_can_change(const std::string& path) {
    std::deque<std::string> components;
    push_components(components, path);
    std::string current = "/";
    int links = 0;
    while (true) {
        struct stat status {};
        if (::lstat(current.c_str(), &status) != 0)
            return fail_errno("find {}", current);
        if (S_ISLNK(status.st_mode)) {
            const auto target = read_link(current);
            if (!target)
                return tl::unexpected(target.error());
            if (++links > links_max)
                return fail("{} is one symbolic link too many", current);
            // The directory that holds the link has been checked; the link itself has no rights.
            push_components(components, *target);
            current = target->starts_with('/') ? "/" : current.substr(0, current.rfind('/'));
            if (current.empty())
                current = "/";
        } else if (auto safe = check_component(current, status); !safe) {
            return safe;
        }
        if (components.empty())
            return {};
        const std::string next = components.front();
        components.pop_front();
        if (next == "..") {
            const std::size_t slash = current.rfind('/');
            current = slash == 0 ? "/" : current.substr(0, slash);
        } else {
            current += (current == "/" ? "" : "/") + next;
        }
    }
}

Result<Program> prepare(const std::vector<std::string>& words, const std::string& user,
                        const std::string& group, const Rules& rules) {
    if (words.empty() || words.front().empty())
        return fail("the command is empty");
    std::vector<char> buffer;
    std::string who = user.empty() ? rules.user : user;
    if (who.empty())
        who = find_user(default_user, buffer) ? default_user : "root";
    auto credentials =
        find_credentials(who, user.empty() ? rules.group : group, rules.supplementary_groups);
    if (!credentials)
        return tl::unexpected(credentials.error());

    Program program{.path = words.front(), .words = words, .credentials = std::move(*credentials)};
    if (program.path.find('/') == std::string::npos) {
        auto found = find_in_path(program.path);
        if (!found)
            return tl::unexpected(found.error());
        program.path = std::move(*found);
    }
    auto real = real_path(program.path);
    if (!real)
        return tl::unexpected(real.error());
    if (auto executable = check_executable(*real, program.credentials); !executable)
        return tl::unexpected(executable.error());
    if (rules.security && program.credentials.user == 0) {
        const auto safe = check_only_root_can_change(rules.keep_symlinks ? program.path : *real);
        if (!safe)
            return fail("{}, and enable_script_security forbids to run that as root",
                        safe.error().message);
    }
    if (!rules.keep_symlinks)
        program.path = std::move(*real);
    return program;
}

}  // namespace headgate::process
