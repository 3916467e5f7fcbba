// CoreQuestion: something that the control thread asks of one core, which its worker answers in
// bounded pieces between its bursts: the control thread never reads what a core owns.
//
// The control thread makes it and keeps it alive until finished(); between the two the worker alone
// writes to it. Memory for the answer is allocated when it is made.
#pragma once

#include <atomic>

#include "dataplane/core/tick.h"

namespace headgate::dataplane {

class Core;
class Snapshot;

class CoreQuestion {
public:
    CoreQuestion() = default;
    virtual ~CoreQuestion() = default;
    CoreQuestion(const CoreQuestion&) = delete;
    CoreQuestion& operator=(const CoreQuestion&) = delete;

    // ---- worker ----
    // Answers the next piece; true: that was the last one.
    virtual bool answer_piece(Core& core, const Snapshot& snapshot, Tick now) = 0;
    // After it the worker does not touch the question any more.
    void finish() { finished_.store(true, std::memory_order_release); }

    // ---- control thread ----
    [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }

private:
    std::atomic<bool> finished_{false};
};

}  // namespace headgate::dataplane
