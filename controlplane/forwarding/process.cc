#include "controlplane/forwarding/process.h"

#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
// glibc 2.36 forgot to tell C++ that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include "common/check.h"

namespace headgate::forwarding {

namespace {

// posix_spawn's two objects, destroyed whatever happens. Their setters fail only without memory.
struct SpawnPlan {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    SpawnPlan() {
        sigset_t all{};
        sigset_t none{};
        sigfillset(&all);
        sigemptyset(&none);
        bool ready = posix_spawn_file_actions_init(&files) == 0;
        ready = posix_spawnattr_init(&attributes) == 0 && ready;
        ready =
            posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
            ready;
        ready = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1) == 0 && ready;
        ready = posix_spawnattr_setsigmask(&attributes, &none) == 0 && ready;
        ready = posix_spawnattr_setsigdefault(&attributes, &all) == 0 && ready;
        ready = posix_spawnattr_setflags(&attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
                ready;
        check(ready, "there is memory to plan a process");
    }
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&files);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
};

}  // namespace

Result<Process> Process::spawn(const std::filesystem::path& executable,
                               const std::vector<std::string>& arguments) {
    std::vector<std::string> words{executable.filename().string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);

    const SpawnPlan plan;
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, executable.c_str(), &plan.files, &plan.attributes, argv.data(), environ);
    if (error != 0)
        return fail_code(error, "start {}", executable.string());
    Fd pidfd(pidfd_open(pid, 0));
    if (!pidfd) {
        auto failure = fail_errno("watch process {}", pid);
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return failure;
    }
    return Process(pid, std::move(pidfd));
}

Result<Process> Process::adopt(pid_t pid) {
    Fd pidfd(pidfd_open(pid, 0));
    if (!pidfd)
        return fail_errno("watch process {}", pid);
    return Process(pid, std::move(pidfd));
}

bool Process::has_ended() const {
    pollfd watched{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, 0) > 0;
}

void Process::send(int signal) const {
    pidfd_send_signal(pidfd_.get(), signal, nullptr, 0);
}

std::string Process::reap() {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0)
        return "ended";
    if (info.si_code == CLD_EXITED)
        return fmt::format("exited with status {}", info.si_status);
    return fmt::format("was killed by signal {} ({})", info.si_status, ::strsignal(info.si_status));
}

}  // namespace headgate::forwarding
