// See load.h: reads the files, resolves includes, and runs lexer → tree → drafts → model.
#include "controlplane/config/load.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/config/finish.h"
#include "controlplane/config/finish_election.h"
#include "controlplane/config/lexer.h"
#include "controlplane/config/parser.h"
#include "controlplane/config/reader.h"

namespace headgate::config {
namespace {

constexpr std::size_t files_max = 1000;
constexpr std::size_t include_depth_max = 16;
constexpr std::size_t total_bytes_max = 32U << 20U;

// Reads the files of one configuration into one tree.
class TreeLoader {
public:
    TreeLoader(const FileAccess& access, Report& report) : access_(access), report_(report) {}

    // `where` is the include that names the file, or no place for the first one.
    std::vector<Statement> load(const std::string& path, Block block, const Span& where) {
        auto text = access_.read(path);
        if (!text) {
            report_unreadable(path, where, text.error().message, "check its path and permissions");
            return {};
        }
        total_bytes_ += text->size();
        if (text->size() > file_bytes_max || total_bytes_ > total_bytes_max) {
            report_unreadable(path, where,
                              fmt::format("{} is too large for a configuration", quote(path)),
                              "check that it is the file you mean");
            return {};
        }
        ++files_;
        const SourceFile& file = sources_.add(path, std::move(*text));
        open_.push_back(path);
        auto statements = parse(
            file, block,
            [this](const Statement& include, Block inner) { return expand(include, inner); },
            definitions_, report_);
        open_.pop_back();
        return statements;
    }

private:
    std::vector<Statement> expand(const Statement& include, Block block) {
        const auto value = read_arguments(*find_keyword(block, "include"), include, report_);
        if (!value)
            return {};
        std::filesystem::path pattern(value->text);
        if (pattern.is_relative())
            pattern = std::filesystem::path(open_.back()).parent_path() / pattern;
        std::vector<Statement> statements;
        for (const std::string& path : access_.expand(pattern.string())) {
            if (may_open(path, value->where))
                std::ranges::move(load(path, block, value->where), std::back_inserter(statements));
        }
        return statements;
    }

    bool may_open(const std::string& path, const Span& where) {
        if (std::ranges::find(open_, path) != open_.end()) {
            report_.error(where, fmt::format("{} includes itself", quote(path)),
                          "remove this line; it is ignored");
            return false;
        }
        if (open_.size() >= include_depth_max || files_ >= files_max) {
            if (!std::exchange(is_over_limit_, true))
                report_.fatal(where,
                              fmt::format("more than {} files, or {} within each other", files_max,
                                          include_depth_max),
                              "include fewer files");
            return false;
        }
        return true;
    }

    void report_unreadable(const std::string& path, Span where, std::string_view message,
                           std::string_view hint) {
        if (where.file == nullptr)
            where.file = &sources_.add(path, {});
        report_.fatal(where, message, hint);
    }

    const FileAccess& access_;
    Report& report_;
    Sources sources_;
    Definitions definitions_;
    std::vector<std::string> open_;  // the files that include each other, outermost first
    std::size_t files_ = 0;
    std::size_t total_bytes_ = 0;
    bool is_over_limit_ = false;
};

Result<std::string> read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (!file)
        return fail_errno("cannot open {}", quote(path));
    struct stat status {};
    if (::fstat(::fileno(file.get()), &status) != 0)
        return fail_errno("cannot read {}", quote(path));
    if (!S_ISREG(status.st_mode))
        return fail("cannot read {}: it is not a regular file", quote(path));
    // One byte more than is accepted, so that the caller sees what is too large.
    std::string text(
        std::min<std::size_t>(static_cast<std::size_t>(status.st_size), file_bytes_max) + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0)
        return fail_errno("cannot read {}", quote(path));
    return text;
}

std::vector<std::string> expand_pattern(const std::string& pattern) {
    glob_t matches{};
    std::vector<std::string> paths;
    if (::glob(pattern.c_str(), GLOB_BRACE, nullptr, &matches) == 0) {
        for (std::size_t index = 0; index < matches.gl_pathc; ++index)
            paths.emplace_back(matches.gl_pathv[index]);
    }
    ::globfree(&matches);
    return paths;
}

std::string local_host_name() {
    std::string name(HOST_NAME_MAX + 1, '\0');
    if (::gethostname(name.data(), name.size() - 1) != 0)
        return "localhost";
    name.resize(name.find('\0'));
    return name;
}

}  // namespace

LoadResult load(const std::string& file, const FileAccess& access, const std::string& host_name) {
    Report report;
    TreeLoader loader(access, report);
    const std::vector<Statement> tree = loader.load(file, Block::root, {});
    Drafts drafts = read_configuration(tree, RouteNames(access.read), report);
    place_rules(drafts, report);
    Config config;
    config.file = file;
    config.router_id = value_or(drafts.global.router_id, host_name);
    config.dataplane = drafts.dataplane;
    config.dataplane.protection = finish_protection(drafts.protection, report);
    config.vrrp.announce_limits = finish_announce_limits(drafts.garp_groups, drafts.global, report);
    config.virtual_servers = finish_servers(drafts.servers, drafts.server_groups, report);
    TrackerCatalog catalog(config.virtual_servers, drafts.trackers.broken);
    config.bfd_instances = finish_bfd_instances(drafts.bfd_instances, catalog, report);
    config.trackers = finish_trackers(drafts.trackers, catalog, report);
    config.vrrp.instances = finish_instances(drafts.instances, drafts.global, catalog, report);
    config.vrrp.interface_delays =
        finish_interface_delays(drafts.trackers, config.vrrp.instances, report);
    config.connection_timeouts = drafts.global.connection_timeouts;
    config.dump_files = drafts.dump_files;
    config.vrrp.sync_groups =
        finish_sync_groups(drafts.sync_groups, drafts.instances, config.vrrp.instances, report);
    finish_group_trackers(drafts, catalog, config.vrrp, report);
    config.vrrp.startup_delay = finish_startup(drafts.global.startup);
    config.vrrp.firewall = drafts.firewall;
    config.vrrp.statics = finish_statics(drafts.statics, config.vrrp.instances, report);
    config.vrrp.scheduling = drafts.global.vrrp_scheduling;
    config.vrrp.log_unknown_vrids = drafts.global.log_unknown_vrids;
    config.bfd_scheduling = drafts.global.bfd_scheduling;
    config.ipvs = drafts.ipvs;
    config.ipvs.sync_daemon = finish_sync_daemon(drafts, config.vrrp.instances, report);
    check_engine(config, drafts, report);

    LoadResult result;
    const bool has_problems = report.count() > 0;
    const bool is_empty = config.vrrp.instances.empty() && config.vrrp.statics.empty() &&
                          config.virtual_servers.empty() && config.bfd_instances.empty();
    if (report.has_fatal() || (has_problems && is_empty))
        result.exit_code = exit_unusable;
    else if (has_problems)
        result.exit_code = exit_usable_with_errors;
    if (result.exit_code != exit_unusable)
        result.config = std::move(config);
    result.diagnostics = report.take();
    return result;
}

LoadResult load_file(const std::filesystem::path& file) {
    return load(file.string(), FileAccess{read_file, expand_pattern}, local_host_name());
}

}  // namespace headgate::config
