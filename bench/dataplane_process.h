// The real headgate-dataplane as a process of its own, for benchmarks, and which CPUs who may use.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate::api {
class DataplaneState;
}  // namespace headgate::api

namespace headgate::bench {

// Binds the calling thread: the source of the packets to one CPU, everything else to the others.
void use_cpus(bool source);

// A folder for the socket and the table, removed at the end.
class ScratchFolder {
public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// Lives as long as this object, and never longer than this process.
class Dataplane {
public:
    // `table`: a ServiceTable in JSON. `options`: more of them for its command line.
    Dataplane(const std::string& program, const std::string& device, const std::string& table,
              const std::vector<std::string>& options);
    ~Dataplane();
    Dataplane(const Dataplane&) = delete;
    Dataplane& operator=(const Dataplane&) = delete;

    // Waits until it is attached and knows where to send; returns its mode.
    Result<std::string> wait_until_ready();
    [[nodiscard]] Result<api::DataplaneState> ask() const;

private:
    ScratchFolder folder_;
    std::string socket_path_;
    int child_ = 0;
};

}  // namespace headgate::bench
