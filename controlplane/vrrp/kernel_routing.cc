#include "controlplane/vrrp/kernel_routing.h"

namespace headgate::vrrp {

Result<void> KernelRouting::watch(const std::vector<config::Route>& routes,
                                  const std::vector<config::Rule>& rules) {
    std::set<std::uint8_t> protocols{config::protocol_keepalived};
    for (const config::Route& route : routes)
        protocols.insert(route.protocol);
    for (const config::Rule& rule : rules)
        protocols.insert(rule.protocol);
    if (!has_cleaned_) {
        auto left = netlink::RouteMonitor::open({config::protocol_keepalived});
        if (!left)
            return tl::unexpected(left.error());
        if (auto removed = left->remove_others(routes, rules, interfaces_); !removed)
            return removed;
        has_cleaned_ = true;
    }
    if (monitor_ ? protocols == protocols_ : routes.empty() && rules.empty())
        return {};
    auto monitor = netlink::RouteMonitor::open(protocols);
    if (!monitor)
        return tl::unexpected(monitor.error());
    monitor_.emplace(std::move(*monitor));
    protocols_ = std::move(protocols);
    return {};
}

Result<void> KernelRouting::read() {
    return monitor_ ? monitor_->read() : Result<void>{};
}

Result<void> KernelRouting::install(const config::Route& route) {
    auto added = routes_.add(route, interfaces_);
    if (added && monitor_)
        monitor_->table().add(route, interfaces_);
    return added;
}

Result<void> KernelRouting::install(const config::Rule& rule) {
    auto added = rules_.add(rule);
    if (added && monitor_)
        monitor_->table().add(rule);
    return added;
}

Result<void> KernelRouting::withdraw(const config::Route& route) {
    auto removed = routes_.remove(route, interfaces_);
    if (removed && monitor_)
        monitor_->table().remove(route, interfaces_);
    return removed;
}

Result<void> KernelRouting::withdraw(const config::Rule& rule) {
    auto removed = rules_.remove(rule);
    if (removed && monitor_)
        monitor_->table().remove(rule);
    return removed;
}

bool KernelRouting::present(const config::Route& route) const {
    return monitor_ && monitor_->table().has(route, interfaces_);
}

bool KernelRouting::present(const config::Rule& rule) const {
    return monitor_ && monitor_->table().has(rule);
}

}  // namespace headgate::vrrp
