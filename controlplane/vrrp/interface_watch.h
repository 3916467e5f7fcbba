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
#include "controlplane/netlink/interfaces.h"

namespace headgate::vrrp {

class InterfaceWatch {
public:
    // What is known of interfaces that stay delayed is kept. Call update() after it.
    void configure(const std::vector<config::InterfaceDelay>& delays);

    // Takes in what the kernel says now. The first that it says about an interface counts at once,
    // and so does that it is gone.
    void update(Instant now, const netlink::InterfaceTable& table);
    // When update() would change what counts, though the kernel says the same.
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] bool counts_as_up(const netlink::Interface& interface) const;

private:
    struct Entry {
        config::InterfaceDelay delay{};
        std::optional<bool> counts{};         // absent: the kernel has not said anything
        std::optional<Instant> changes_at{};  // what the kernel says differs, and counts then
    };

    std::map<std::string, Entry> entries_;  // of those with a delay
};

}  // namespace headgate::vrrp
