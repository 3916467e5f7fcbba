// InterfaceWatch: whether an interface counts as up, under interface_up_down_delays. What the
// kernel says counts at once where there is no delay, and otherwise once it has said the same for
// that long. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_tracking.h"

namespace headgate::vrrp {

class InterfaceWatch {
public:
    void configure(const std::vector<config::InterfaceDelay>& delays);

    // What counts now, when the kernel says `up`. The first that it says about an interface counts
    // at once.
    bool update(Instant now, const std::string& interface, bool up);

    // When update() would have another answer to the same question.
    [[nodiscard]] std::optional<Instant> deadline() const;

private:
    struct Entry {
        bool counts = false;
        std::optional<Instant> changes_at{};  // what the kernel says differs, and counts then
    };

    std::map<std::string, config::InterfaceDelay> delays_;
    std::map<std::string, Entry> entries_;
};

}  // namespace headgate::vrrp
