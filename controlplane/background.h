// Going into the background: the process that was started returns only when the daemon is up, and
// then with its word on how that went. Call before any thread is started.
#pragma once

#include "common/fd.h"
#include "common/result.h"

namespace headgate {

class Background {
public:
    // Stays in the foreground: the rest does nothing.
    Background() = default;

    // Forks twice. Returns in the daemon only; the caller's process waits for up() or for the
    // daemon's end, and exits with 0 or with the daemon's exit status.
    static Result<Background> enter();

    // The daemon is up: lets the first process exit with 0, and lets go of the terminal.
    void up();
    // The daemon could not start: the first process exits with `exit_code`.
    void failed(int exit_code);

private:
    explicit Background(Fd report) : report_(std::move(report)) {}

    Fd report_;
};

}  // namespace headgate
