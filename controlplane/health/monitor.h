// Monitor: runs every configured check, one probe per distinct (check, target, timing), however
// many virtual servers share it. Main thread only; the probes are coroutines on its io_context,
// each bounded in time and with one socket at most.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "controlplane/config/model_services.h"
#include "controlplane/health/check_state.h"

namespace boost::asio {
class io_context;
}

namespace headgate::health {

class Monitor {
public:
    // `on_change` is called on the main thread after a check went up or down; it may call back into
    // find(), not into configure(). Requires: `context` outlives the monitor.
    Monitor(boost::asio::io_context& context, std::function<void()> on_change);
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    // Replaces the set of checks. Repeated ones run once; those that were there before keep their
    // state and rhythm; those that are gone stop, and a result still under way is ignored.
    void configure(const std::vector<config::Check>& checks);

    // nullptr for a check that is not configured. Valid until configure().
    [[nodiscard]] const CheckState* find(const config::Check& check) const;

    [[nodiscard]] std::size_t probe_count() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::health
