#include "controlplane/vrrp/held_routes.h"

#include <algorithm>

#include "common/log.h"
#include "controlplane/vrrp/repair_pace.h"

namespace headgate::vrrp {

namespace {

constexpr const char* kind_of(const config::Route& /*route*/) {
    return "route";
}
constexpr const char* kind_of(const config::Rule& /*rule*/) {
    return "rule";
}

template <typename Entry>
std::string text_of(const HeldRoutes::Held<Entry>& held) {
    return fmt::format("{} {}", kind_of(held.entry), held.entry.to_string());
}

template <typename Entry>
bool any_failed(const std::vector<HeldRoutes::Held<Entry>>& list) {
    return std::ranges::any_of(list, [](const auto& held) { return !held.error.empty(); });
}

}  // namespace

HeldRoutes::HeldRoutes(std::string owner, const std::vector<config::Route>& routes,
                       const std::vector<config::Rule>& rules, Routing* routing)
    : owner_(std::move(owner)), routing_(routing) {
    if (routing_ == nullptr)
        return;
    adopt(routes_, routes);
    adopt(rules_, rules);
}

void HeldRoutes::hold(Instant now) {
    held_ = true;
    for (auto& route : routes_)
        install(route);
    for (auto& rule : rules_)
        install(rule);
    next_try_.reset();
    if (any_failed(routes_) || any_failed(rules_))
        next_try_ = now + retry_interval;
}

void HeldRoutes::release() {
    held_ = false;
    next_try_.reset();
    // Against the order in which they came: a rule before the table that it leads to.
    for (auto& rule : rules_)
        withdraw(rule);
    for (auto& route : routes_)
        withdraw(route);
}

void HeldRoutes::release_all_but(const std::vector<config::Route>& routes,
                                 const std::vector<config::Rule>& rules) {
    const auto drop = [this](auto& list, const auto& next) {
        std::erase_if(list, [&](auto& held) {
            if (std::ranges::find(next, held.entry) != next.end())
                return false;
            withdraw(held);
            return true;
        });
    };
    drop(rules_, rules);
    drop(routes_, routes);
}

void HeldRoutes::reconfigure(Instant now, const std::vector<config::Route>& routes,
                             const std::vector<config::Rule>& rules) {
    if (routing_ == nullptr)
        return;
    release_all_but(routes, rules);
    adopt(routes_, routes);
    adopt(rules_, rules);
    if (held_)
        hold(now);
}

void HeldRoutes::on_deadline(Instant now) {
    if (next_try_ && now >= *next_try_)
        repair(now);
}

void HeldRoutes::on_changes(Instant now) {
    const bool routes_missing = note_missing(routes_);
    const bool rules_missing = note_missing(rules_);
    if (!held_ || (!routes_missing && !rules_missing))
        return;
    if (now >= repair_allowed_)
        repair(now);
    else
        next_try_ = repair_allowed_;
}

std::optional<Instant> HeldRoutes::deadline() const {
    return next_try_;
}

std::string HeldRoutes::problem() const {
    for (const auto& route : routes_) {
        if (!route.error.empty())
            return fmt::format("{}: {}", text_of(route), route.error);
    }
    for (const auto& rule : rules_) {
        if (!rule.error.empty())
            return fmt::format("{}: {}", text_of(rule), rule.error);
    }
    return {};
}

template <typename Entry>
void HeldRoutes::install(Held<Entry>& held) {
    const auto installed = routing_->install(held.entry);
    if (!installed && installed.error().message != held.error)
        log::error("({}) cannot install {}: {}", owner_, text_of(held), installed.error().message);
    held.error = installed ? "" : installed.error().message;
    held.present = installed.has_value();
}

template <typename Entry>
void HeldRoutes::withdraw(Held<Entry>& held) {
    held.error.clear();
    if (const auto withdrawn = routing_->withdraw(held.entry); !withdrawn)
        log::error("({}) cannot remove {}: {}", owner_, text_of(held), withdrawn.error().message);
    else
        held.present = false;
}

// Whether one is gone that has to be put back.
template <typename Entry>
bool HeldRoutes::note_missing(std::vector<Held<Entry>>& list) {
    bool missing = false;
    for (auto& held : list) {
        if (const bool present = routing_->present(held.entry); present != held.present) {
            held.present = present;
            if (held_ && !present && held.entry.tracked)
                log::warn("({}) {} was removed, putting it back", owner_, text_of(held));
        }
        missing = missing || (!held.present && held.entry.tracked && held.error.empty());
    }
    return missing;
}

template <typename Entry>
void HeldRoutes::adopt(std::vector<Held<Entry>>& list, const std::vector<Entry>& next) {
    std::vector<Held<Entry>> adopted;
    for (const Entry& entry : next) {
        const auto known = std::ranges::find(list, entry, &Held<Entry>::entry);
        adopted.push_back(known != list.end()
                              ? *known
                              : Held<Entry>{.entry = entry, .present = routing_->present(entry)});
    }
    list = std::move(adopted);
}

void HeldRoutes::repair(Instant now) {
    repair_allowed_ = now + repair_interval;
    next_try_.reset();
    const auto put_back = [this](auto& list) {
        for (auto& held : list) {
            // One that is not tracked is only tried again when it never came to be.
            if (held.present || (!held.entry.tracked && held.error.empty()))
                continue;
            const bool had_failed = !held.error.empty();
            install(held);
            if (held.present && !had_failed)
                ++num_restored_;
        }
    };
    put_back(routes_);
    put_back(rules_);
    if (any_failed(routes_) || any_failed(rules_))
        next_try_ = now + retry_interval;
}

}  // namespace headgate::vrrp
