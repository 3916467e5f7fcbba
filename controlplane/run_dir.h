// RunDir: the directory of one running headgated, with its sockets and its pid file. Holding the
// pid file's lock is what makes an instance the only one there; the kernel drops the lock with the
// process, however it ends.
#pragma once

#include <filesystem>

#include "common/fd.h"
#include "common/result.h"

namespace headgate {

class RunDir {
public:
    // Creates the directory (mode 0755) if it is missing, locks the pid file and writes this
    // process's id into it. Fails when another process holds it. Call after the last fork.
    static Result<RunDir> take(const std::filesystem::path& directory,
                               const std::filesystem::path& pid_file);

    // Removes the pid file.
    ~RunDir();
    RunDir(RunDir&&) = default;
    RunDir& operator=(RunDir&&) = delete;

    [[nodiscard]] std::filesystem::path api_socket() const { return directory_ / "api.sock"; }
    [[nodiscard]] std::filesystem::path dataplane_socket() const {
        return directory_ / "dataplane.sock";
    }
    [[nodiscard]] std::filesystem::path holds_file() const { return directory_ / "holds.json"; }
    [[nodiscard]] std::filesystem::path ipvs_file() const { return directory_ / "ipvs.json"; }

private:
    RunDir(std::filesystem::path directory, std::filesystem::path pid_file, Fd lock, Fd pid_lock)
        : directory_(std::move(directory)),
          pid_file_(std::move(pid_file)),
          lock_(std::move(lock)),
          pid_lock_(std::move(pid_lock)) {}

    std::filesystem::path directory_;
    std::filesystem::path pid_file_;
    Fd lock_;      // of the directory
    Fd pid_lock_;  // of the pid file
};

}  // namespace headgate
