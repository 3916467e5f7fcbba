// Goal: from any state of the kernel to any table there is a way of as few operations as there are
// differences; no service on it loses servers that it keeps, and what is not ours stays.
#include "controlplane/forwarding/ipvs/plan.h"

#include <algorithm>
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "tests/unit/ipvs/services.h"

namespace headgate::forwarding::ipvs {
namespace {

using Kind = Operation::Kind;

std::set<ServiceKey> keys_of(const std::vector<Service>& services) {
    std::set<ServiceKey> keys;
    for (const Service& each : services)
        keys.insert(each.key);
    return keys;
}

std::vector<std::string> words(const std::vector<Operation>& operations) {
    std::vector<std::string> all;
    all.reserve(operations.size());
    for (const Operation& operation : operations)
        all.push_back(operation.to_string());
    return all;
}

// What the kernel would make of operations; a refusal is a failure of the test.
class ModelKernel {
public:
    explicit ModelKernel(const std::vector<Service>& services) {
        for (const Service& each : services)
            services_.emplace(each.key, each);
    }

    void perform(const Operation& operation) {
        const auto found = services_.find(operation.service);
        ASSERT_EQ(found == services_.end(), operation.kind == Kind::add_service)
            << operation.to_string();
        switch (operation.kind) {
            case Kind::add_service:
                services_.emplace(operation.service,
                                  Service{operation.service, operation.settings, {}});
                return;
            case Kind::edit_service:
                found->second.settings = operation.settings;
                return;
            case Kind::delete_service:
                services_.erase(found);
                return;
            default:
                break;
        }
        auto& destinations = found->second.destinations;
        const auto at =
            std::ranges::find(destinations, operation.destination.endpoint, &Destination::endpoint);
        ASSERT_EQ(at == destinations.end(), operation.kind == Kind::add_destination)
            << operation.to_string();
        if (operation.kind == Kind::add_destination)
            destinations.push_back(operation.destination);
        else if (operation.kind == Kind::edit_destination)
            at->settings = operation.destination.settings;
        else
            destinations.erase(at);
    }

    // In no particular order.
    [[nodiscard]] std::map<ServiceKey, Service> sorted() const {
        std::map<ServiceKey, Service> services = services_;
        for (auto& [key, each] : services)
            std::ranges::sort(each.destinations, {}, &Destination::endpoint);
        return services;
    }

    // New connections find a server.
    [[nodiscard]] bool serves(const ServiceKey& key) const {
        const auto found = services_.find(key);
        return found != services_.end() &&
               std::ranges::any_of(found->second.destinations, [](const Destination& each) {
                   return each.settings.weight > 0;
               });
    }

private:
    std::map<ServiceKey, Service> services_;
};

TEST(Plan, FillsAnEmptyKernelServiceByService) {
    const std::vector<Service> wanted{
        service(key("192.0.2.10"), {server("10.0.0.11"), server("10.0.0.12")}),
        service(key("192.0.2.9"), {server("10.0.0.11")})};
    EXPECT_EQ(
        words(plan({}, wanted, {})),
        (std::vector<std::string>{"add 192.0.2.10:80/tcp", "add 10.0.0.11:80 to 192.0.2.10:80/tcp",
                                  "add 10.0.0.12:80 to 192.0.2.10:80/tcp", "add 192.0.2.9:80/tcp",
                                  "add 10.0.0.11:80 to 192.0.2.9:80/tcp"}));
}

TEST(Plan, AddsBeforeItChangesBeforeItRemoves) {
    const std::vector<Service> kernel{
        service(key("192.0.2.10"),
                {server("10.0.0.11", 1), server("10.0.0.12", 0), server("10.0.0.13", 5)})};
    std::vector<Service> wanted{service(
        key("192.0.2.10"), {server("10.0.0.11", 0), server("10.0.0.12", 1), server("10.0.0.14")})};
    wanted[0].settings.scheduler = "wrr";
    EXPECT_EQ(
        words(plan(kernel, wanted, {})),
        (std::vector<std::string>{
            "change 192.0.2.10:80/tcp", "add 10.0.0.14:80 to 192.0.2.10:80/tcp",
            "change 10.0.0.12:80 of 192.0.2.10:80/tcp", "change 10.0.0.11:80 of 192.0.2.10:80/tcp",
            "remove 10.0.0.13:80 from 192.0.2.10:80/tcp"}));
}

TEST(Plan, RemovesServicesLastAndOnlyThoseThatAreOurs) {
    const std::vector<Service> kernel{service(key("192.0.2.1"), {server("10.0.0.11")}),
                                      service(key("192.0.2.2"), {server("10.0.0.11")})};
    const std::vector<Service> wanted{service(key("192.0.2.3"), {})};
    EXPECT_EQ(words(plan(kernel, wanted, {key("192.0.2.1")})),
              (std::vector<std::string>{"add 192.0.2.3:80/tcp", "remove 192.0.2.1:80/tcp"}));
}

TEST(Plan, OrderOfServersIsNoDifference) {
    const std::vector<Service> kernel{
        service(key("192.0.2.1"), {server("10.0.0.12"), server("10.0.0.11")})};
    const std::vector<Service> wanted{
        service(key("192.0.2.1"), {server("10.0.0.11"), server("10.0.0.12")})};
    EXPECT_TRUE(plan(kernel, wanted, {}).empty());
}

// ---- any table, any kernel ----------------------------------------------------------------------

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    // Few addresses, so that tables have much in common.
    std::vector<Service> services() {
        std::vector<Service> services;
        for (std::uint32_t address = 1; address <= 6; ++address) {
            if (below(3) == 0)
                continue;
            ServiceKey of = key("192.0.2.0");
            of.endpoint.address = IpAddress::v4(Be32(0xc0000200U + address));
            if (address == 6)
                of = {.endpoint = {IpAddress{}, 0}, .protocol = 0, .fwmark = 1 + below(2)};
            services.push_back(service(of, destinations()));
            services.back().settings.scheduler = below(2) == 0 ? "rr" : "wlc";
            services.back().settings.persistent = below(2) == 0;
        }
        std::ranges::shuffle(services, random_);
        return services;
    }

    std::uint32_t below(std::uint32_t end) {
        return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random_);
    }

private:
    std::vector<Destination> destinations() {
        std::vector<Destination> servers;
        for (std::uint32_t address = 1; address <= 5; ++address) {
            if (below(2) == 0)
                continue;
            servers.push_back(server("10.0.0.1", below(3)));
            servers.back().endpoint.address = IpAddress::v4(Be32(0x0a000000U + address));
            servers.back().settings.method = below(2) == 0 ? Method::dr : Method::tun;
        }
        std::ranges::shuffle(servers, random_);
        return servers;
    }

    std::mt19937_64 random_;
};

// How many things differ, counted without planning anything.
std::size_t differences(const std::map<ServiceKey, Service>& kernel,
                        const std::map<ServiceKey, Service>& wanted,
                        const std::set<ServiceKey>& ours) {
    std::size_t count = 0;
    for (const auto& [key, after] : wanted) {
        const auto found = kernel.find(key);
        const Service before = found == kernel.end() ? Service{} : found->second;
        count += found == kernel.end() || before.settings != after.settings ? 1 : 0;
        std::map<Endpoint, int> unequal;
        for (const Destination& each : before.destinations)
            if (std::ranges::find(after.destinations, each) == after.destinations.end())
                unequal[each.endpoint] = 1;
        for (const Destination& each : after.destinations)
            if (std::ranges::find(before.destinations, each) == before.destinations.end())
                unequal[each.endpoint] = 1;
        count += unequal.size();
    }
    for (const auto& [key, before] : kernel)
        count += !wanted.contains(key) && ours.contains(key) ? 1 : 0;
    return count;
}

TEST(Plan, LeadsFromAnyStateToAnyTable) {
    for (std::uint64_t seed = 1; seed <= 4000; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Generator generator(seed);
        const std::vector<Service> before = generator.services();
        const std::vector<Service> wanted = generator.services();
        std::set<ServiceKey> ours = keys_of(wanted);
        for (const Service& each : before)
            if (generator.below(2) == 0)
                ours.insert(each.key);

        ModelKernel kernel(before);
        const auto at_first = kernel.sorted();
        const auto at_last = ModelKernel(wanted).sorted();
        const std::vector<Operation> operations = plan(before, wanted, ours);
        EXPECT_EQ(operations.size(), differences(at_first, at_last, ours));

        const ModelKernel first(before);
        const ModelKernel last(wanted);
        for (const Operation& operation : operations) {
            kernel.perform(operation);
            if (HasFatalFailure())
                return;
            for (const Service& each : wanted)
                EXPECT_TRUE(kernel.serves(each.key) || !first.serves(each.key) ||
                            !last.serves(each.key))
                    << operation.to_string() << " leaves nothing";
        }

        auto expected = at_last;
        for (const auto& [key, each] : at_first)
            if (!ours.contains(key))
                expected.emplace(key, each);
        EXPECT_EQ(kernel.sorted(), expected);

        std::vector<Service> reached;
        for (const auto& [key, each] : kernel.sorted())
            reached.push_back(each);
        EXPECT_TRUE(plan(reached, wanted, ours).empty());
    }
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
