// Run: one program under way, with a time limit, its output and its end. Main thread only.
//
// A program that is not done in time gets SIGTERM, and two seconds later SIGKILL, both for its
// whole process group. It has timed out then, whatever status it leaves with.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "controlplane/process/program.h"

namespace boost::asio {
class io_context;
}

namespace headgate::process {

struct Ending {
    enum class How : std::uint8_t { exited, killed, timed_out };
    How how = How::exited;
    int code = 0;  // exit status, or signal
    // The beginning of what it wrote to stdout and stderr.
    std::string output{};

    [[nodiscard]] bool succeeded() const { return how == How::exited && code == 0; }
};

// `exit 1 "connection refused"`, "killed by signal 11 (Segmentation fault)", "no answer in time";
// with the first line of the output.
std::string describe(const Ending& ending);

class Run {
public:
    using Done = std::function<void(const Ending&)>;

    struct Options {
        Duration timeout{};
        std::size_t output_bytes_max = 1024;
    };

    // `done` is called once, after the program has ended, and never from within start().
    static Result<std::unique_ptr<Run>> start(boost::asio::io_context& context,
                                              const Program& program, const Options& options,
                                              Done done);
    // Ends a program that still runs as if its time were over; `done` is not called. Without an
    // io_context that goes on, it is killed at once.
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // Its time has passed and it has been told to end, but it is still there.
    [[nodiscard]] bool is_overdue() const;

private:
    class Impl;
    explicit Run(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace headgate::process
