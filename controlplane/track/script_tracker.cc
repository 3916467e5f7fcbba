#include "controlplane/track/script_tracker.h"

#include <utility>

#include <boost/asio/io_context.hpp>

#include "common/log.h"

namespace headgate::track {

namespace {

process::Rules rules_of(const config::ScriptRules& rules) {
    return {.user = rules.user,
            .group = rules.group,
            .security = rules.security,
            .keep_symlinks = rules.keep_symlinks,
            .supplementary_groups = rules.supplementary_groups};
}

// keepalived's words behind "VRRP_Script(chk)".
std::string outcome_of(const process::Ending& ending) {
    switch (ending.how) {
        case process::Ending::How::exited:
            return ending.code == 0 ? "succeeded"
                                    : fmt::format("failed (exited with status {})", ending.code);
        case process::Ending::How::killed:
            return fmt::format("failed (due to signal {})", ending.code);
        case process::Ending::How::timed_out:
            break;
    }
    return "timed_out";
}

}  // namespace

ScriptTracker::ScriptTracker(boost::asio::io_context& context, config::TrackScript script,
                             const config::ScriptRules& rules, const Report& report)
    : context_(context),
      script_(std::move(script)),
      rules_(rules),
      report_(report),
      state_(script_.rise, script_.fall, script_.init_fail),
      timer_(context),
      next_launch_(std::chrono::steady_clock::now()) {
    prepare();
    if (program_ && script_.init_fail)
        tell(Verdict::Kind::down, "has not succeeded yet", "init_fail");
    wait();
}

void ScriptTracker::reconfigure(config::TrackScript script, const config::ScriptRules& rules) {
    if (script == script_ && rules == rules_)
        return;
    const bool same_program = script.command == script_.command && rules == rules_;
    script_ = std::move(script);
    rules_ = rules;
    state_.reconfigure(script_.rise, script_.fall);
    if (!same_program) {
        run_.reset();
        last_status_.reset();
        prepare();
    }
    next_launch_ = std::chrono::steady_clock::now();
    wait();
}

ScriptActivity ScriptTracker::activity() const {
    using State = ScriptActivity::State;
    const State busy = run_ && run_->is_overdue() ? State::being_ended : State::running;
    return {.state = run_ ? busy : State::idle, .result = state_.result()};
}

void ScriptTracker::prepare() {
    const config::Command& command = script_.command;
    auto program = process::prepare(command.words, command.user, command.group, rules_of(rules_));
    if (program) {
        program_ = std::move(*program);
        return;
    }
    program_.reset();
    log::error("Disabling track script {}: {}", script_.name, program.error().message);
    tell(Verdict::Kind::disabled, "is disabled", program.error().message);
}

void ScriptTracker::wait() {
    if (!program_) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(next_launch_);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
        if (!error && !alive.expired())
            launch();
    });
}

void ScriptTracker::launch() {
    const Instant now = std::chrono::steady_clock::now();
    // Launches that were missed while this process stood still are not made up for.
    next_launch_ += script_.interval;
    if (next_launch_ < now)
        next_launch_ = now + script_.interval;
    wait();
    if (run_) {
        skip();
        return;
    }
    skip_told_ = false;
    auto run = process::Run::start(context_, *program_, {.timeout = script_.timeout},
                                   [this](const process::Ending& ending) { finish(ending); });
    if (run)
        run_ = std::move(*run);
    else
        record(false, fmt::format("failed ({})", run.error().message), run.error().message);
}

void ScriptTracker::skip() {
    if (std::exchange(skip_told_, true))
        return;
    log::info("Track script {} is {}, expect idle - skipping run", script_.name,
              run_->is_overdue() ? "being timed out" : "already running");
}

void ScriptTracker::finish(const process::Ending& ending) {
    // The object that calls us; it is done.
    const std::unique_ptr<process::Run> run = std::move(run_);
    if (ending.how == process::Ending::How::exited) {
        if (last_status_ != ending.code && (last_status_ || ending.code != 0))
            log::info("Script `{}` now returning {}", script_.name, ending.code);
        last_status_ = ending.code;
    }
    record(ending.succeeded(), outcome_of(ending), ending.succeeded() ? "" : describe(ending));
}

void ScriptTracker::record(bool success, const std::string& how, std::string cause) {
    const bool changed = state_.record(success);
    if (changed)
        log::info("VRRP_Script({}) {}", script_.name, how);
    if (state_.verdict() == ScriptState::Verdict::up && (changed || !told_ || success))
        tell(Verdict::Kind::up, "succeeded", "");
    else if (state_.verdict() == ScriptState::Verdict::down && !success)
        tell(Verdict::Kind::down, fmt::format("failed {}/{}", state_.failures(), state_.fall()),
             std::move(cause));
}

// What has been said before is not said again; `since` is of the verdict, not of the last run.
void ScriptTracker::tell(Verdict::Kind kind, std::string detail, std::string cause) {
    const bool same_kind = told_ && told_->kind == kind;
    Verdict verdict{.kind = kind,
                    .value = 0,
                    .since = same_kind ? told_->since : std::chrono::steady_clock::now(),
                    .detail = std::move(detail),
                    .cause = std::move(cause)};
    if (told_ == verdict)
        return;
    told_ = std::move(verdict);
    report_({config::TrackerKind::script, script_.name}, *told_);
}

}  // namespace headgate::track
