// ScriptTracker: runs one vrrp_script at its interval and says when it goes up or down. Main thread
// only; the script itself runs in a process of its own, so that nothing here ever waits for it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "common/clock.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/process/program.h"
#include "controlplane/process/run.h"
#include "controlplane/track/activity.h"
#include "controlplane/track/script_state.h"
#include "controlplane/track/verdict.h"

namespace headgate::track {

class ScriptTracker {
public:
    // Runs it at once, and then at its interval. A script that may not or cannot be run is
    // disabled: it is reported as such, and has no effect. `context` and `report` outlive the
    // tracker.
    ScriptTracker(boost::asio::io_context& context, config::TrackScript script,
                  const config::ScriptRules& rules, const Report& report);
    // Ends a run that is under way.
    ~ScriptTracker() = default;
    ScriptTracker(const ScriptTracker&) = delete;
    ScriptTracker& operator=(const ScriptTracker&) = delete;

    // What has not changed goes on undisturbed. A changed script keeps its verdict until the new
    // one has another: a reload is no failure.
    void reconfigure(config::TrackScript script, const config::ScriptRules& rules);

    [[nodiscard]] ScriptActivity activity() const;

private:
    void prepare();
    void launch();
    void wait();
    void skip();
    void finish(const process::Ending& ending);
    void record(bool success, const std::string& how, std::string cause);
    void tell(Verdict::Kind kind, std::string detail, std::string cause);

    boost::asio::io_context& context_;
    config::TrackScript script_;
    config::ScriptRules rules_;
    const Report& report_;
    ScriptState state_;
    std::optional<process::Program> program_;  // absent: disabled
    boost::asio::steady_timer timer_;
    Instant next_launch_;
    std::unique_ptr<process::Run> run_;
    bool skip_told_ = false;  // of the run under way
    std::optional<int> last_status_;
    std::optional<Verdict> told_;
    // A timer that has expired runs its handler even when it is cancelled; this tells that we live.
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace headgate::track
