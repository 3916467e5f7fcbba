#include "controlplane/background.h"

#include <array>
#include <cstdlib>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace headgate {

namespace {

// The first process: waits for the daemon's word.
[[noreturn]] void wait_for_report(const Fd& report, pid_t middle) {
    ::waitpid(middle, nullptr, 0);
    int exit_code = EXIT_FAILURE;
    ssize_t size = -1;
    do {
        size = ::read(report.get(), &exit_code, sizeof(exit_code));
    } while (size < 0 && errno == EINTR);
    // End of file without a word: the daemon died while starting.
    ::_exit(size == sizeof(exit_code) ? exit_code : EXIT_FAILURE);
}

void report(Fd& pipe, int exit_code) {
    if (!pipe)
        return;
    [[maybe_unused]] const ssize_t written = ::write(pipe.get(), &exit_code, sizeof(exit_code));
    pipe.reset();
}

}  // namespace

Result<Background> Background::enter() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno("create a pipe");
    Fd reading(ends[0]);
    Fd writing(ends[1]);

    const pid_t middle = ::fork();
    if (middle < 0)
        return fail_errno("fork");
    if (middle > 0) {
        writing.reset();
        wait_for_report(reading, middle);
    }
    ::setsid();
    // Once more, so that the daemon is no session leader and never gets a terminal back.
    const pid_t daemon = ::fork();
    if (daemon != 0)
        ::_exit(daemon < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    reading.reset();
    if (::chdir("/") != 0)
        return fail_errno("change to /");
    return Background(std::move(writing));
}

void Background::up() {
    if (!report_)
        return;
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        ::dup2(null.get(), standard);
    report(report_, EXIT_SUCCESS);
}

void Background::failed(int exit_code) {
    report(report_, exit_code);
}

}  // namespace headgate
