#include "common/write_file.h"

#include <random>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

namespace headgate {

namespace {

constexpr mode_t file_mode = 0600;

Result<void> write_all(const Fd& file, std::string_view text, const std::filesystem::path& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_errno("write {}", path.string());
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

Result<void> write_file(const std::filesystem::path& path, std::string_view text) {
    // Nobody can guess the name, and one that is taken all the same is an error, not a trap.
    std::random_device random;
    std::filesystem::path fresh = path;
    fresh += fmt::format(".{:08x}{:08x}", random(), random());
    const Fd file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
    if (!file)
        return fail_errno("create {}", fresh.string());
    Result<void> done = write_all(file, text, fresh);
    if (done && ::rename(fresh.c_str(), path.c_str()) != 0)
        done = fail_errno("rename {} to {}", fresh.string(), path.string());
    if (!done)
        ::unlink(fresh.c_str());
    return done;
}

}  // namespace headgate
