// FakeKernel: an IPVS without a kernel, which can be made to refuse, and which others can change.
#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/forwarding/ipvs/kernel.h"

namespace headgate::forwarding::ipvs {

// What the test sees of it, and does to it; it may outlive the kernel.
struct FakeIpvs {
    std::vector<ListedService> services;
    Timeouts timeouts{900, 120, 300};
    bool expires_quiescent = false;
    std::vector<std::string> done;  // operations that it did, and "flush"
    int lists = 0;

    int open_error = 0;
    std::deque<int> list_errors;                         // of the next lists, 0: none
    std::function<int(const Operation&)> refuses;        // its errno, 0: does it
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
    Result<bool> expires_quiescent() override { return ipvs_.expires_quiescent; }
    Result<void> set_expires_quiescent(bool on) override {
        ipvs_.expires_quiescent = on;
        return {};
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
