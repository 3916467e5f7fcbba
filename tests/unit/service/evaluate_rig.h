// A virtual server with two real servers, whose checks and VIP tests decide on.
#pragma once

#include <map>

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/config/model.h"
#include "controlplane/service/drains.h"
#include "controlplane/service/evaluate.h"

namespace headgate::service {

using std::chrono::seconds;

inline Endpoint endpoint(const char* address, std::uint16_t port = 80) {
    return {*IpAddress::parse(address), port};
}

inline config::RealServer real_server(const char* address, std::uint32_t weight = 1) {
    config::RealServer server;
    server.endpoint = endpoint(address);
    server.forwarding.method = config::ForwardingMethod::dr;
    server.weight = weight;
    server.checks.push_back({.timing = {}, .kind = config::TcpCheck{server.endpoint}});
    return server;
}

inline config::VirtualServer virtual_server(const char* address) {
    config::VirtualServer server;
    server.endpoint = endpoint(address);
    server.scheduler = config::Scheduler::rr;
    server.method = config::ForwardingMethod::dr;
    server.real_servers = {real_server("10.0.0.11", 3), real_server("10.0.0.12", 2)};
    return server;
}

inline config::VrrpInstance instance_with(const char* vip) {
    config::VrrpInstance instance;
    instance.name = "VI_1";
    config::VirtualAddress address;
    address.prefix = *Prefix::parse(vip);
    instance.virtual_addresses.push_back(address);
    instance.vip_lease = seconds(7);
    return instance;
}

class EvaluateTest : public testing::Test {
protected:
    EvaluateTest() {
        inputs.find_check = [this](const config::Check& check) -> const health::CheckState* {
            const auto& target = std::get<config::TcpCheck>(check.kind).target;
            const auto found = states.find(target);
            return found == states.end() ? nullptr : &found->second;
        };
        inputs.capabilities = {.methods = {config::ForwardingMethod::dr},
                               .schedulers = {config::Scheduler::rr, config::Scheduler::wrr},
                               .protocols = {config::Protocol::tcp, config::Protocol::udp}};
        config.virtual_servers.push_back(virtual_server("192.0.2.10"));
    }
    void result(const char* address, bool passed) {
        health::CheckState state({});
        state.record({passed ? health::Code::l4_ok : health::Code::l4_refused, "", {}}, {});
        states.insert_or_assign(endpoint(address), state);
    }
    ServiceView view() { return evaluate(config, inputs).front(); }
    api::ServiceTable table() { return build_table(config, evaluate(config, inputs), drains, 5); }

    Drains drains;
    config::Config config;
    std::map<Endpoint, health::CheckState> states;
    Inputs inputs;
};

}  // namespace headgate::service
