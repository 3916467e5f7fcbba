// Goal: the wired daemon does what an operator sees: checks lead to the table, a bad reload changes
// nothing, a good one everything, and an orderly stop leaves neither socket nor dataplane. Method:
// the whole daemon without VRRP (which needs privileges) on loopback, with fake_dataplane as the
// dataplane and the CLI's own client in another thread.
#include "controlplane/daemon.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <utility>

#include <gtest/gtest.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "controlplane/cli/client.h"
#include "controlplane/config/load.h"

namespace headgate {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr std::chrono::seconds deadline{20};

class DaemonTest : public testing::Test {
protected:
    DaemonTest() {
        std::string name = testing::TempDir() + "headgate-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        options_ = {.config_file = directory_ / "k.conf",
                    .api_socket = directory_ / "api.sock",
                    .dataplane_socket = directory_ / "dataplane.sock",
                    .dataplane_pins = directory_ / "pins",
                    .holds_file = directory_ / "holds.json",
                    .ipvs_file = directory_ / "ipvs.json",
                    .dataplane_program = FAKE_DATAPLANE,
                    .dataplane_arguments = {},
                    .run_vrrp = false,
                    .run_services = true};
    }
    ~DaemonTest() override {
        if (daemon_)
            stop();
        std::filesystem::remove_all(directory_);
    }

    void write_config(const std::string& text) { std::ofstream(options_.config_file) << text; }

    // A virtual server with one real server on loopback, checked every 100 ms.
    std::string service(const std::string& algorithm = "rr") const {
        return "dataplane {\n    interface lo\n}\n"
               "virtual_server 192.0.2.10 80 {\n    delay_loop 0.1\n    lb_algo " +
               algorithm + "\n    lb_kind DR\n    protocol TCP\n    real_server 127.0.0.1 80 {\n" +
               "        TCP_CHECK {\n            connect_port " +
               std::to_string(server_.local_endpoint().port()) +
               "\n            retry 0\n            connect_timeout 1\n        }\n    }\n}\n";
    }
    void start() {
        auto loaded = config::load_file(options_.config_file);
        ASSERT_TRUE(loaded.config) << config::render_report(loaded.diagnostics);
        auto daemon = Daemon::start(context_, options_, std::move(*loaded.config));
        ASSERT_TRUE(daemon) << daemon.error().message;
        daemon_ = std::move(*daemon);
    }
    void stop() {
        bool stopped = false;
        daemon_->stop([&stopped] { stopped = true; });
        run_until([&stopped] { return stopped; });
        daemon_.reset();
    }
    template <typename Condition>
    void run_until(Condition condition) {
        const Instant end = std::chrono::steady_clock::now() + deadline;
        while (!condition() && std::chrono::steady_clock::now() < end)
            context_.run_one_for(milliseconds(10));
        ASSERT_TRUE(condition());
    }
    api::ControlReply ask(const api::ControlRequest& request) {
        auto reply = std::async(std::launch::async, [this, &request] {
            return cli::ask(options_.api_socket, request, deadline);
        });
        run_until(
            [&reply] { return reply.wait_for(milliseconds(0)) == std::future_status::ready; });
        const auto answer = reply.get();
        EXPECT_TRUE(answer) << answer.error().message;
        return answer.value_or(api::ControlReply{});
    }
    api::Status status() {
        api::ControlRequest request;
        request.mutable_get_status();
        return ask(request).status();
    }
    std::string reload() {
        api::ControlRequest request;
        request.mutable_reload();
        return ask(request).error();
    }
    // The state of the only virtual server, or "none".
    std::string service_state() {
        const api::Status seen = status();
        return seen.virtual_servers().empty() ? "none" : seen.virtual_servers(0).state();
    }
    void wait_service(const std::string& state) {
        std::string seen;
        for (int attempt = 0; attempt < 1000 && seen != state; ++attempt) {
            seen = service_state();
            context_.run_for(milliseconds(10));
        }
        ASSERT_EQ(seen, state);
    }
    // The generation of the dataplane's table once what was still on its way has arrived.
    std::uint64_t settled_generation() {
        std::uint64_t before = 0;
        std::uint64_t seen = status().dataplane().generation();
        for (int attempt = 0; attempt < 100 && seen != before; ++attempt) {
            context_.run_for(milliseconds(100));
            before = std::exchange(seen, status().dataplane().generation());
        }
        return seen;
    }

    asio::io_context context_;
    tcp::acceptor server_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
    std::filesystem::path directory_;
    Daemon::Options options_;
    std::unique_ptr<Daemon> daemon_;
};

TEST_F(DaemonTest, ShowsAServiceComeUpAndFail) {
    write_config(service());
    start();
    wait_service("up");
    const api::Status seen = status();
    EXPECT_EQ(seen.pid(), ::getpid());
    EXPECT_EQ(seen.config_file(), options_.config_file.string());
    EXPECT_TRUE(seen.dataplane_up());
    EXPECT_GT(seen.dataplane().generation(), 0U);
    const api::VirtualServerStatus& shown = seen.virtual_servers(0);
    EXPECT_EQ(shown.name(), "192.0.2.10:80/tcp");
    EXPECT_EQ(shown.placement(), "bypass");
    EXPECT_EQ(shown.scheduler(), "rr");
    EXPECT_EQ(shown.real_servers(0).checks(0).type(), "TCP_CHECK");

    server_.close();
    wait_service("down");
    EXPECT_EQ(status().virtual_servers(0).real_servers(0).checks(0).code(), "L4CON");
}

TEST_F(DaemonTest, ABadReloadChangesNothingAndIsRemembered) {
    write_config(service());
    start();
    wait_service("up");
    const std::uint64_t generation = settled_generation();
    write_config(service() + "virtual_servr 192.0.2.11 80 {\n}\n");
    const std::string error = reload();
    EXPECT_NE(error.find("k.conf:17:1: "), std::string::npos) << error;
    const api::Status seen = status();
    EXPECT_EQ(seen.config_error(), error);
    EXPECT_EQ(seen.virtual_servers_size(), 1);
    EXPECT_EQ(seen.dataplane().generation(), generation);

    std::filesystem::remove(options_.config_file);
    EXPECT_NE(reload(), "");
    write_config(service("wrr"));
    EXPECT_EQ(reload(), "");
    EXPECT_EQ(status().config_error(), "");
    EXPECT_EQ(status().virtual_servers(0).scheduler(), "wrr");
}

TEST_F(DaemonTest, AReloadKeepsTheResultsOfUnchangedChecks) {
    write_config(service());
    start();
    wait_service("up");
    server_.close();
    wait_service("down");
    EXPECT_EQ(reload(), "");
    // A check that starts anew would count as passed until its first result.
    EXPECT_EQ(status().virtual_servers(0).real_servers(0).state(), "down");
}

TEST_F(DaemonTest, WithoutVirtualServersThereIsNoDataplane) {
    write_config(service());
    start();
    wait_service("up");
    const int pid = status().dataplane().pid();
    write_config("global_defs {\n    router_id lb1\n}\n");
    EXPECT_EQ(reload(), "");
    run_until([pid] { return ::kill(pid, 0) != 0; });
    const api::Status seen = status();
    EXPECT_FALSE(seen.dataplane_wanted());
    EXPECT_EQ(seen.router_id(), "lb1");
}

TEST_F(DaemonTest, AnOrderlyStopLeavesNothingBehind) {
    write_config(service());
    start();
    wait_service("up");
    const int pid = status().dataplane().pid();
    stop();
    EXPECT_NE(::kill(pid, 0), 0);
    EXPECT_FALSE(std::filesystem::exists(options_.api_socket));
}

}  // namespace
}  // namespace headgate
