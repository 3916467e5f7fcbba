// ScriptState: when the results of a script make it up or down. The counter is keepalived's. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace headgate::track {

class ScriptState {
public:
    enum class Verdict : std::uint8_t { unknown, up, down };

    // `rise` and `fall` are at least 1. `failed`: down from the start, until it has risen;
    // otherwise unknown, and the first result decides.
    ScriptState(std::uint32_t rise, std::uint32_t fall, bool failed)
        : rise_(rise),
          fall_(fall),
          result_(failed ? 0 : rise - 1),
          verdict_(failed ? Verdict::down : Verdict::unknown) {}

    // One more result; true: the verdict has changed.
    bool record(bool success) {
        failures_ = success ? 0 : std::min(failures_ + 1, fall_);
        const Verdict before = verdict_;
        if (success)
            succeed();
        else
            fail();
        return verdict_ != before;
    }

    // Goes on from here under other counts.
    void reconfigure(std::uint32_t rise, std::uint32_t fall) {
        rise_ = rise;
        fall_ = fall;
        failures_ = std::min(failures_, fall);
        if (verdict_ == Verdict::unknown)
            result_ = rise - 1;
        else
            result_ = verdict_ == Verdict::up ? highest() : 0;
    }

    [[nodiscard]] Verdict verdict() const { return verdict_; }
    [[nodiscard]] std::uint64_t result() const { return result_; }
    // In a row until now, not counting beyond `fall`.
    [[nodiscard]] std::uint32_t failures() const { return failures_; }
    [[nodiscard]] std::uint32_t fall() const { return fall_; }

private:
    [[nodiscard]] std::uint64_t highest() const { return std::uint64_t{rise_} + fall_ - 1; }

    void succeed() {
        if (result_ + 1 < rise_) {
            ++result_;
            return;
        }
        verdict_ = Verdict::up;
        result_ = highest();
    }

    // A script that has been down begins to rise anew; one that is unknown has failed at once.
    void fail() {
        if (result_ > rise_) {
            --result_;
            return;
        }
        verdict_ = Verdict::down;
        result_ = 0;
    }

    std::uint32_t rise_;
    std::uint32_t fall_;
    // Below `rise`: down, and how far it has risen. From there on: up, and what is left to fall.
    std::uint64_t result_;
    Verdict verdict_;
    std::uint32_t failures_ = 0;
};

}  // namespace headgate::track
