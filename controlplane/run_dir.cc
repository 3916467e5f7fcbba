#include "controlplane/run_dir.h"

#include <array>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace headgate {

namespace {

constexpr mode_t pid_file_mode = 0644;

// The process id in a pid file, for the message; "?" when it says nothing.
std::string holder_of(int fd) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(fd, text.data(), text.size() - 1, 0);
    std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    while (!holder.empty() && holder.back() == '\n')
        holder.pop_back();
    return holder.empty() ? "?" : holder;
}

}  // namespace

Result<RunDir> RunDir::take(const std::filesystem::path& directory,
                            const std::filesystem::path& pid_file) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail_code(error.value(), "create {}", directory.string());

    // The directory itself is locked as well: -p may put two pid files beside one set of sockets.
    Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lock)
        return fail_errno("open {}", directory.string());
    Fd pid_lock(::open(pid_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, pid_file_mode));
    if (!pid_lock)
        return fail_errno("open {}", pid_file.string());
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
        ::flock(pid_lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return fail("another headgated (pid {}) runs in {}: use another --run-dir",
                        holder_of(pid_lock.get()), directory.string());
        return fail_errno("lock {}", pid_file.string());
    }
    const std::string text = fmt::format("{}\n", ::getpid());
    if (::ftruncate(pid_lock.get(), 0) != 0 ||
        ::pwrite(pid_lock.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        return fail_errno("write {}", pid_file.string());
    return RunDir(directory, pid_file, std::move(lock), std::move(pid_lock));
}

RunDir::~RunDir() {
    if (pid_lock_)
        ::unlink(pid_file_.c_str());
}

}  // namespace headgate
