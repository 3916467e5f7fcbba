// ProcessTracker: how many processes of each vrrp_track_process there are, from the kernel's
// process events or, where those are refused, from a look at /proc every second. Main thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/config/model_tracking.h"
#include "controlplane/track/activity.h"
#include "controlplane/track/verdict.h"

namespace boost::asio {
class io_context;
}

namespace headgate::track {

class ProcessTracker {
public:
    // `proc`: where procfs is. `context` and `report` outlive the tracker.
    ProcessTracker(boost::asio::io_context& context, const Report& report,
                   std::string proc = "/proc");
    ~ProcessTracker();
    ProcessTracker(const ProcessTracker&) = delete;
    ProcessTracker& operator=(const ProcessTracker&) = delete;

    // `buffer_bytes`: for the kernel's events. New ones are reported before it returns. Those that
    // stay as they are keep their verdict, and a delay that is under way.
    void configure(const std::vector<config::TrackProcess>& processes, std::uint32_t buffer_bytes);

    [[nodiscard]] std::map<std::string, ProcessActivity> activity() const;

    // Why there are no events, and /proc is scanned; empty: there are, or nothing is tracked.
    [[nodiscard]] const std::string& scan_reason() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::track
