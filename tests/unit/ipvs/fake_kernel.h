// FakeKernel: an IPVS without a kernel, which can be made to refuse, and which others can change.
#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/forwarding/ipvs/kernel.h"

namespace headgate::forwarding::ipvs {

// What the test sees of it, and does to it; it may outlive the kernel.
struct FakeIpvs {
    std::vector<ListedService> services;
    Timeouts timeouts{900, 120, 300};
    std::map<std::string, int> sysctls{{"expire_quiescent_template", 0}, {"conntrack", 0}};
    std::vector<SyncDaemon> sync_daemons;
    std::vector<std::string> done;  // operations that it did, and "flush"
    int lists = 0;

    int open_error = 0;
    std::deque<int> list_errors;                         // of the next lists, 0: none
    std::function<int(const Operation&)> refuses;        // its errno, 0: does it
    int sysctl_error = 0;                                // of those that write
    int sync_error = 0;                                  // of those that start a daemon
    int sync_stop_error = 0;                             // likewise
    int sync_list_error = 0;                             // of the next list
    std::function<void(const Operation&)> before_doing;  // somebody else is quicker

    ListedService* find(const ServiceKey& key) {
        const auto found = std::ranges::find(
            services, key, [](const ListedService& each) { return each.service.key; });
        return found == services.end() ? nullptr : &*found;
    }
};

class FakeKernel final : public Kernel {
public:
    explicit FakeKernel(FakeIpvs& ipvs) : ipvs_(ipvs) {}

    Result<void> open() override { return outcome(ipvs_.open_error, "open"); }
    Result<Info> info() override { return Info{.version = 0x010201, .connection_buckets = 4096}; }

    Result<std::vector<ListedService>> list() override {
        ++ipvs_.lists;
        if (!ipvs_.list_errors.empty()) {
            const int error = std::exchange(ipvs_.list_errors.front(), 0);
            ipvs_.list_errors.pop_front();
            if (error != 0)
                return fail_code(error, "list");
        }
        return ipvs_.services;
    }

    Result<void> perform(const Operation& operation) override {
        if (ipvs_.before_doing)
            std::exchange(ipvs_.before_doing, nullptr)(operation);
        if (const int error = ipvs_.refuses ? ipvs_.refuses(operation) : 0; error != 0)
            return fail_code(error, "{}", operation.to_string());
        const int error = perform_on(operation);
        if (error == 0)
            ipvs_.done.push_back(operation.to_string());
        return outcome(error, operation.to_string());
    }

    Result<void> flush() override {
        ipvs_.services.clear();
        ipvs_.done.emplace_back("flush");
        return {};
    }

    Result<Timeouts> timeouts() override { return ipvs_.timeouts; }
    Result<void> set_timeouts(const Timeouts& timeouts) override {
        const auto set = [](std::uint32_t from, std::uint32_t& to) { to = from != 0 ? from : to; };
        set(timeouts.tcp_s, ipvs_.timeouts.tcp_s);
        set(timeouts.tcp_fin_s, ipvs_.timeouts.tcp_fin_s);
        set(timeouts.udp_s, ipvs_.timeouts.udp_s);
        return {};
    }
    Result<int> sysctl(const std::string& name) override {
        const auto found = ipvs_.sysctls.find(name);
        if (found == ipvs_.sysctls.end())
            return fail_code(ENOENT, "read {}", name);
        return found->second;
    }
    Result<void> set_sysctl(const std::string& name, int value) override {
        if (ipvs_.sysctl_error == 0)
            ipvs_.sysctls[name] = value;
        return outcome(ipvs_.sysctl_error, "write " + name);
    }

    Result<std::vector<SyncDaemon>> sync_daemons() override {
        if (const int error = std::exchange(ipvs_.sync_list_error, 0); error != 0)
            return fail_code(error, "list the sync daemons");
        return ipvs_.sync_daemons;
    }
    Result<void> start_sync(const SyncDaemon& daemon) override {
        const auto there = std::ranges::find(ipvs_.sync_daemons, daemon.role, &SyncDaemon::role);
        int error = ipvs_.sync_error;
        if (error == 0 && there != ipvs_.sync_daemons.end())
            error = EEXIST;
        if (error == 0) {
            ipvs_.sync_daemons.push_back(daemon);
            if (daemon.payload_max == 0)
                ipvs_.sync_daemons.back().payload_max = 1472;
            ipvs_.done.push_back("start " + daemon.to_string());
        }
        return outcome(error, "start " + daemon.to_string());
    }
    Result<void> stop_sync(SyncRole role) override {
        if (ipvs_.sync_stop_error == 0) {
            std::erase_if(ipvs_.sync_daemons,
                          [role](const SyncDaemon& each) { return each.role == role; });
            ipvs_.done.push_back("stop " + std::string(to_word(role)));
        }
        return outcome(ipvs_.sync_stop_error, "stop " + std::string(to_word(role)));
    }

private:
    static Result<void> outcome(int error, const std::string& attempt) {
        if (error != 0)
            return fail_code(error, "{}", attempt);
        return {};
    }

    int perform_on(const Operation& operation) {
        using Kind = Operation::Kind;
        ListedService* const found = ipvs_.find(operation.service);
        if (operation.kind == Kind::add_service) {
            if (found != nullptr)
                return EEXIST;
            ListedService added;
            added.service = {operation.service, operation.settings, {}};
            ipvs_.services.push_back(added);
            return 0;
        }
        if (found == nullptr)
            return ESRCH;
        if (operation.kind == Kind::edit_service) {
            found->service.settings = operation.settings;
            return 0;
        }
        if (operation.kind == Kind::delete_service) {
            ipvs_.services.erase(ipvs_.services.begin() + (found - ipvs_.services.data()));
            return 0;
        }
        return perform_on(operation, *found);
    }

    static int perform_on(const Operation& operation, ListedService& service) {
        using Kind = Operation::Kind;
        auto& servers = service.service.destinations;
        const auto at =
            std::ranges::find(servers, operation.destination.endpoint, &Destination::endpoint);
        if ((at == servers.end()) != (operation.kind == Kind::add_destination))
            return at == servers.end() ? ENOENT : EEXIST;
        if (operation.kind == Kind::add_destination) {
            servers.push_back(operation.destination);
            service.destinations.emplace_back();
        } else if (operation.kind == Kind::edit_destination) {
            at->settings = operation.destination.settings;
        } else {
            service.destinations.erase(service.destinations.begin() + (at - servers.begin()));
            servers.erase(at);
        }
        return 0;
    }

    FakeIpvs& ipvs_;
};

}  // namespace headgate::forwarding::ipvs
