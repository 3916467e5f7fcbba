#include "controlplane/forwarding/ipvs/reconciler.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "common/log.h"

namespace headgate::forwarding::ipvs {

namespace {

// When others change what is changed here, too.
constexpr int tries_max = 3;
// Of a table that somebody has cleared, the first few are told one by one.
constexpr std::size_t repairs_told_max = 8;

// The kernel has not what it was thought to have.
bool is_surprise(int code) {
    return code == EEXIST || code == ENOENT || code == ESRCH;
}

std::vector<Service> services_of(const std::vector<ListedService>& listed) {
    std::vector<Service> services;
    services.reserve(listed.size());
    for (const ListedService& each : listed)
        services.push_back(each.service);
    return services;
}

std::set<ServiceKey> keys_in(const std::vector<Service>& services) {
    std::set<ServiceKey> keys;
    for (const Service& service : services)
        keys.insert(service.key);
    return keys;
}

}  // namespace

Reconciler::Reconciler(Kernel& kernel, std::set<ServiceKey> ours, OwnersHandler on_owners)
    : kernel_(kernel), ours_(std::move(ours)), on_owners_(std::move(on_owners)) {}

void Reconciler::apply(Table table, bool flush_first) {
    table_ = std::move(table);
    flush_due_ = flush_first && !flushed_;
    if (is_needed())
        reconcile(false);
}

void Reconciler::check() {
    if (is_needed())
        reconcile(true);
}

bool Reconciler::open() {
    if (open_)
        return true;
    if (auto opened = kernel_.open(); !opened) {
        fail_with(opened.error());
        return false;
    }
    open_ = true;
    if (auto info = kernel_.info())
        info_ = *info;
    return true;
}

void Reconciler::reconcile(bool anew) {
    if (!open())
        return;
    if (std::exchange(flush_due_, false)) {
        flushed_ = true;
        believed_.reset();
        if (auto done = kernel_.flush(); !done)
            log::warn("{}", done.error().message);
    }
    const bool was_settled = believed_.has_value();
    std::set<ServiceKey> all_ours = ours_;
    all_ours.insert(table_.ours.begin(), table_.ours.end());
    own(all_ours);
    for (int tries = 1; tries <= tries_max; ++tries) {
        if ((anew || !believed_) && !list_anew())
            return;
        const std::vector<Operation> operations = plan(*believed_, table_.services, ours_);
        if (anew && was_settled && tries == 1)
            note_repairs(operations);
        const Outcome outcome = perform(operations, tries == tries_max);
        if (outcome == Outcome::done) {
            own(table_.ours);
            settle_settings();
            return;
        }
        believed_.reset();
        if (outcome == Outcome::refused)
            return;
    }
}

bool Reconciler::list_anew() {
    auto listed = kernel_.list();
    if (!listed) {
        believed_.reset();
        fail_with(listed.error());
        return false;
    }
    error_.clear();
    believed_ = services_of(*listed);
    return true;
}

// A service with which something is wrong is left at that, the others get what they need.
Reconciler::Outcome Reconciler::perform(const std::vector<Operation>& operations,
                                        bool is_last_try) {
    Failures failures;
    Outcome outcome = Outcome::done;
    for (const Operation& operation : operations) {
        if (failures.contains(operation.service))
            continue;
        const auto done = kernel_.perform(operation);
        if (done)
            continue;
        failures.emplace(operation.service, done.error().message);
        if (!is_surprise(done.error().code))
            outcome = Outcome::refused;
        else if (outcome == Outcome::done)
            outcome = Outcome::surprised;
    }
    if (outcome != Outcome::surprised || is_last_try)
        note_failures(std::move(failures));
    if (outcome != Outcome::done)
        return outcome;
    const std::set<ServiceKey> wanted = keys_in(table_.services);
    std::erase_if(*believed_, [&](const Service& service) {
        return wanted.contains(service.key) || ours_.contains(service.key);
    });
    believed_->insert(believed_->end(), table_.services.begin(), table_.services.end());
    return outcome;
}

void Reconciler::own(std::set<ServiceKey> ours) {
    if (ours == ours_)
        return;
    ours_ = std::move(ours);
    on_owners_(ours_);
}

void Reconciler::note_repairs(const std::vector<Operation>& operations) {
    repairs_ += operations.size();
    const std::size_t told = std::min(operations.size(), repairs_told_max);
    for (std::size_t index = 0; index < told; ++index)
        log::warn("IPVS: somebody else has changed the kernel's table, put back: {}",
                  operations[index].to_string());
    if (told < operations.size())
        log::warn("IPVS: ... and {} changes more", operations.size() - told);
}

// What the kernel has once for all services. A failure is told, and no reason not to forward.
void Reconciler::settle_settings() {
    std::string trouble;
    for (const Result<void>& done : {settle_timeouts(), settle_sysctls()}) {
        if (!done)
            trouble += (trouble.empty() ? "" : "; ") + done.error().message;
    }
    if (!trouble.empty() && trouble != settings_error_)
        log::warn("{}", trouble);
    settings_error_ = std::move(trouble);
}

Result<void> Reconciler::settle_timeouts() {
    Timeouts wanted = timeouts_before_.value_or(Timeouts{});
    const auto take = [](std::uint32_t from, std::uint32_t& to) { to = from != 0 ? from : to; };
    take(table_.timeouts.tcp_s, wanted.tcp_s);
    take(table_.timeouts.tcp_fin_s, wanted.tcp_fin_s);
    take(table_.timeouts.udp_s, wanted.udp_s);
    if (wanted == Timeouts{})
        return {};
    const auto now = kernel_.timeouts();
    if (!now)
        return tl::unexpected(now.error());
    if (!timeouts_before_)
        timeouts_before_ = *now;
    const auto differs = [](std::uint32_t asked, std::uint32_t is) {
        return asked != 0 && asked != is;
    };
    if (differs(wanted.tcp_s, now->tcp_s) || differs(wanted.tcp_fin_s, now->tcp_fin_s) ||
        differs(wanted.udp_s, now->udp_s))
        return kernel_.set_timeouts(wanted);
    return {};
}

// What is not wanted any more goes back to what it was. The first failure; the others are tried.
Result<void> Reconciler::settle_sysctls() {
    std::map<std::string, int> wanted = sysctls_before_;
    for (const auto& [name, value] : table_.sysctls)
        wanted[name] = value;
    Result<void> outcome;
    for (const auto& [name, value] : wanted) {
        const auto now = kernel_.sysctl(name);
        Result<void> done;
        if (!now) {
            done = tl::unexpected(now.error());
        } else {
            sysctls_before_.emplace(name, *now);
            if (*now != value)
                done = kernel_.set_sysctl(name, value);
        }
        if (!done && outcome)
            outcome = std::move(done);
        else if (done && !table_.sysctls.contains(name))
            sysctls_before_.erase(name);
    }
    return outcome;
}

void Reconciler::put_settings_back() {
    if (timeouts_before_)
        (void)kernel_.set_timeouts(*timeouts_before_);
    for (const auto& [name, value] : sysctls_before_)
        (void)kernel_.set_sysctl(name, value);
    timeouts_before_.reset();
    sysctls_before_.clear();
}

void Reconciler::stop(bool flush) {
    const bool needed = is_needed();
    table_ = {};
    if (!needed || !open())
        return;
    put_settings_back();
    if (!flush) {
        believed_.reset();
        reconcile(false);
        return;
    }
    if (const auto done = kernel_.flush(); !done) {
        log::warn("{}", done.error().message);
        return;
    }
    own({});
}

Result<std::vector<ListedService>> Reconciler::list() const {
    if (!open_)
        return fail("{}", error_.empty() ? "IPVS is not in use" : error_);
    auto listed = kernel_.list();
    if (listed)
        std::erase_if(*listed, [this](const ListedService& each) {
            return !table_.ours.contains(each.service.key);
        });
    return listed;
}

// Each is logged once, however often it is tried.
void Reconciler::note_failures(Failures failures) {
    for (const auto& [service, message] : failures) {
        const auto before = failures_.find(service);
        if (before == failures_.end() || before->second != message)
            complain(message);
    }
    failures_ = std::move(failures);
}

void Reconciler::fail_with(const Error& error) {
    if (error_ != error.message)
        complain(error.message);
    error_ = error.message;
}

void Reconciler::complain(const std::string& message) const {
    if (table_.standby)
        log::info("no standby: {}", message);
    else
        log::error("{}", message);
}

}  // namespace headgate::forwarding::ipvs
