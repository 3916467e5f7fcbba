#include "controlplane/process/spawn.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace headgate::process {

namespace {

constexpr std::size_t stack_bytes = 256U << 10U;
constexpr rlim_t descriptors_usual = 1024;
constexpr int exit_not_started = 127;

// Everything that the child needs, laid out beforehand: until it has become the program it shares
// our memory and may neither allocate nor take a lock.
struct Plan {
    const char* path = nullptr;
    char* const* words = nullptr;
    char* const* environment = nullptr;
    const Credentials* credentials = nullptr;
    int input = -1;
    int output = -1;
    // What the child reports back.
    const char* failed_step = nullptr;
    int error = 0;
};

void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal)
        ::sigaction(signal, &action, nullptr);  // SIGKILL and SIGSTOP refuse, which is right
}

void reset_limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = std::min(limit.rlim_max, descriptors_usual);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    sched_param ordinary{};
    ::sched_setscheduler(0, SCHED_OTHER, &ordinary);
}

// The system calls themselves: the functions of the C library would change all our threads, which
// are this process's as far as it can tell.
const char* become_user(const Credentials& who) {
    const gid_t* const groups = who.supplementary.empty() ? nullptr : who.supplementary.data();
    if (::syscall(SYS_setgroups, who.supplementary.size(), groups) != 0)
        return "set the groups";
    if (::syscall(SYS_setresgid, who.group, who.group, who.group) != 0)
        return "become the group";
    if (::syscall(SYS_setresuid, who.user, who.user, who.user) != 0)
        return "become the user";
    return nullptr;
}

// The step that was refused, with errno set; it only returns then.
const char* become_program(const Plan& plan) {
    reset_signals();
    reset_limits();
    if (::setpgid(0, 0) != 0)
        return "make a process group";
    // Whoever is not root can only stay who he is, and has no permission to say so.
    const bool stays = ::geteuid() != 0 && plan.credentials->user == ::geteuid() &&
                       plan.credentials->group == ::getegid();
    if (const char* const step = stays ? nullptr : become_user(*plan.credentials))
        return step;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // after the change of user, which clears it
    if (::chdir("/") != 0)
        return "change to /";
    if (::dup2(plan.input, STDIN_FILENO) < 0 || ::dup2(plan.output, STDOUT_FILENO) < 0 ||
        ::dup2(plan.output, STDERR_FILENO) < 0 || ::close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        return "set the descriptors";
    sigset_t none{};
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(plan.path, plan.words, plan.environment);
    return "run it";
}

int child_main(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    plan.failed_step = become_program(plan);
    plan.error = errno;
    ::_exit(exit_not_started);
}

std::vector<char*> clean_environment() {
    constexpr std::array<std::string_view, 3> unwanted{"IFS=", "LD_PRELOAD=", "LD_LIBRARY_PATH="};
    std::vector<char*> environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (std::ranges::none_of(unwanted, [&](auto name) { return text.starts_with(name); }))
            environment.push_back(*entry);
    }
    environment.push_back(nullptr);
    return environment;
}

// Memory for the child's stack; unmapped at the end.
class Stack {
public:
    Stack()
        : base_(::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
    ~Stack() {
        if (*this)
            ::munmap(base_, stack_bytes);
    }
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    explicit operator bool() const { return base_ != MAP_FAILED; }
    [[nodiscard]] void* top() const { return static_cast<char*>(base_) + stack_bytes; }

private:
    void* base_;
};

}  // namespace

Result<Spawned> spawn(const Program& program, int output) {
    std::vector<std::string> words = program.words;
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::vector<char*> environment = clean_environment();
    const Fd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!input)
        return fail_errno("start {}: open /dev/null", program.path);
    const Stack stack;
    if (!stack)
        return fail_errno("start {}: get memory", program.path);

    Plan plan{.path = program.path.c_str(),
              .words = argv.data(),
              .environment = environment.data(),
              .credentials = &program.credentials,
              .input = input.get(),
              .output = output};
    // A handler of ours must not run in the child, where it would write to what we share.
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    int pidfd = -1;
    const pid_t pid = ::clone(child_main, stack.top(),
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
    const int clone_error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0)
        return fail_code(clone_error, "start {}", program.path);
    Spawned spawned{.pid = pid, .pidfd = Fd(pidfd)};
    if (plan.failed_step == nullptr)
        return spawned;
    siginfo_t ignored{};
    ::waitid(P_PIDFD, static_cast<id_t>(spawned.pidfd.get()), &ignored, WEXITED);
    return fail_code(plan.error, "start {}: {}", program.path, plan.failed_step);
}

}  // namespace headgate::process
