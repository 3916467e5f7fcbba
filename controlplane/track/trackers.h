// Trackers: everything that instances track and that is not watched on the VRRP thread itself:
// scripts, files and processes. Main thread only; what they find is reported as values.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "controlplane/config/model_tracking.h"
#include "controlplane/track/activity.h"
#include "controlplane/track/file_tracker.h"
#include "controlplane/track/process_tracker.h"
#include "controlplane/track/script_tracker.h"
#include "controlplane/track/verdict.h"

namespace boost::asio {
class io_context;
}

namespace headgate::track {

class Trackers {
public:
    // `context` outlives the trackers.
    Trackers(boost::asio::io_context& context, Report report);

    // From now on those of `used` run, and no others. One that is not new keeps its state and its
    // rhythm. Files and processes are reported before it returns.
    void configure(const config::Trackers& trackers, const std::set<config::TrackerId>& used);

    [[nodiscard]] Activity activity() const;

private:
    boost::asio::io_context& context_;
    Report report_;
    std::map<std::string, std::unique_ptr<ScriptTracker>> scripts_;
    FileTracker files_;
    ProcessTracker processes_;
};

}  // namespace headgate::track
