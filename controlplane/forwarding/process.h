// Process: another process, started by us or found running, watched through a pidfd. Movable; owns
// the pidfd, never the life of the process: destroying a Process leaves it running.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/fd.h"
#include "common/result.h"

namespace headgate::forwarding {

class Process {
public:
    // Starts `executable` with stdin from /dev/null, our stdout and stderr, no other descriptor, no
    // blocked signal and default signal actions. `arguments` do not include the program's name.
    static Result<Process> spawn(const std::filesystem::path& executable,
                                 const std::vector<std::string>& arguments);

    // A process that is there already.
    static Result<Process> adopt(pid_t pid);

    [[nodiscard]] pid_t pid() const { return pid_; }
    // Readable once the process has ended. Valid while this Process lives.
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }

    [[nodiscard]] bool has_ended() const;

    // Does nothing when the process has ended.
    void send(int signal) const;

    // How it ended, in words: "exited with status 1", "was killed by signal 9 (Killed)"; for an
    // process that is not our child only "ended". Reaps a child. Requires: pidfd() is readable;
    // called once.
    std::string reap();

private:
    Process(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

    pid_t pid_;
    Fd pidfd_;
};

}  // namespace headgate::forwarding
