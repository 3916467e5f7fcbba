// HeldRoutes: the routes and policy rules of one owner, and whether the kernel has them. While they
// are held they are put back when somebody else removes one. Routes have no lifetime: those of a
// killed daemon are found by their protocol, and removed, by the next.
//
// VRRP thread only. Reaches the kernel through Routing and takes time as a parameter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/vrrp/routing.h"

namespace headgate::vrrp {

class HeldRoutes {
public:
    template <typename Entry>
    struct Held {
        Entry entry;
        bool present = false;
        std::string error{};  // of the last attempt to install it
    };

    // `owner`: a name for the log. `routing` outlives the object; null: there is nothing to hold.
    HeldRoutes(std::string owner, const std::vector<config::Route>& routes,
               const std::vector<config::Rule>& rules, Routing* routing);

    // Installs all; from now on they are held.
    void hold(Instant now);
    // Removes all, also those that an earlier run has left behind.
    void release();
    // Removes those that are not in the lists.
    void release_all_but(const std::vector<config::Route>& routes,
                         const std::vector<config::Rule>& rules);
    // Takes over the lists; what is new in them is installed if they are held.
    void reconfigure(Instant now, const std::vector<config::Route>& routes,
                     const std::vector<config::Rule>& rules);

    // Early calls do nothing.
    void on_deadline(Instant now);
    // The kernel's routes or rules may have changed.
    void on_changes(Instant now);
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] const std::vector<Held<config::Route>>& routes() const { return routes_; }
    [[nodiscard]] const std::vector<Held<config::Rule>>& rules() const { return rules_; }
    [[nodiscard]] std::uint64_t num_restored() const { return num_restored_; }
    // What is wrong with one of them; empty when nothing is.
    [[nodiscard]] std::string problem() const;

private:
    template <typename Entry>
    void install(Held<Entry>& held);
    template <typename Entry>
    void withdraw(Held<Entry>& held);
    template <typename Entry>
    bool note_missing(std::vector<Held<Entry>>& list);
    template <typename Entry>
    void adopt(std::vector<Held<Entry>>& list, const std::vector<Entry>& next);
    void repair(Instant now);

    std::string owner_;
    Routing* routing_;
    std::vector<Held<config::Route>> routes_;
    std::vector<Held<config::Rule>> rules_;
    bool held_ = false;
    // When something that is missing, or could not be installed, is tried again.
    std::optional<Instant> next_try_;
    Instant repair_allowed_{};
    std::uint64_t num_restored_ = 0;
};

}  // namespace headgate::vrrp
