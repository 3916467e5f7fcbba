// An instance on a link that writes down what it is asked and has a kernel of one map. Time is a
// parameter.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controlplane/vrrp/instance.h"
#include "tests/unit/vrrp/addresses.h"
#include "tests/unit/vrrp/story_time.h"

namespace headgate::vrrp {

using Calls = std::vector<std::string>;

inline const IpAddress peer = *IpAddress::parse("10.0.0.6");

class FakeLink final : public Link {
public:
    Result<void> send(const OutgoingAdvert& advert) override {
        calls.push_back(fmt::format("advert {}", advert.bytes[22]));
        if (!advert.destination.is_multicast())
            calls.back() += fmt::format(" to {}", advert.destination.to_string());
        return {};
    }
    [[nodiscard]] WallTime wall_now() const override { return {}; }
    Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) override {
        calls.push_back(fmt::format("lease {} {}", vip.prefix.to_string(), lease.count()));
        if (!install_error.empty())
            return fail("{}", install_error);
        kernel.insert(vip.prefix);
        return {};
    }
    Result<void> withdraw(const config::VirtualAddress& vip) override {
        calls.push_back(fmt::format("remove {}", vip.prefix.to_string()));
        kernel.erase(vip.prefix);
        return {};
    }
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override {
        return kernel.contains(vip.prefix);
    }
    Result<void> announce(const config::VirtualAddress& vip) override {
        calls.push_back(fmt::format("garp {}", vip.prefix.address.to_string()));
        return {};
    }
    [[nodiscard]] std::string_view base_of(std::string_view /*interface*/) const override {
        return {};
    }

    [[nodiscard]] std::optional<Instant> renewed(const config::VirtualAddress& vip) const override {
        const auto found = leases.find(vip.prefix);
        return found != leases.end() ? std::optional(found->second) : std::nullopt;
    }

    Calls take() { return std::exchange(calls, {}); }

    std::set<Prefix> kernel;
    std::map<Prefix, Instant> leases;  // of an earlier run: when they were renewed
    Calls calls;
    std::string install_error;
};

inline config::VrrpInstance config_with(const std::vector<config::VirtualAddress>& vips) {
    config::VrrpInstance config;
    config.name = "VI_1";
    config.interface = "eth0";
    config.vrid = 51;
    config.priority = 100;
    config.virtual_addresses = vips;
    config.vip_lease = std::chrono::seconds(3);
    config.announcing.repeat = 2;
    config.announcing.delay = std::chrono::seconds(5);
    return config;
}

class InstanceTest : public testing::Test {
protected:
    explicit InstanceTest(config::VrrpInstance config = config_with({vip("10.0.0.100/32"),
                                                                     vip("10.0.0.101/24")}))
        : instance(std::move(config), link, announcements) {}

    void start() { instance.start(at(Duration{}), up); }
    // Runs the timers that are due until then, each at its own time.
    void run_until(Duration until) {
        while (instance.deadline() && *instance.deadline() <= at(until))
            instance.on_deadline(*instance.deadline());
    }
    void become_master() {
        start();
        run_until(std::chrono::seconds(4));
        ASSERT_EQ(instance.state(), State::master);
        link.take();
    }
    void hear(Duration when, const VirtualRouter& router, const IpAddress& source,
              std::uint8_t priority) {
        AdvertCodec codec(router);
        instance.on_packet(at(when),
                           *open_ipv4(*codec.encode(source, router.transport.group, priority, {})));
    }
    [[nodiscard]] InstanceStatus status() const {
        return instance.status(at(std::chrono::seconds(60)), {});
    }
    [[nodiscard]] std::uint64_t errors(AdvertError error) const {
        return status().advert_errors[static_cast<std::size_t>(error)].count;
    }

    const LinkState up{.source = own, .problem = ""};
    const LinkState down{.source = std::nullopt, .problem = "interface eth0 down"};
    FakeLink link;
    AnnounceQueue announcements;
    Instance instance;
};

}  // namespace headgate::vrrp
