// Goal: the probes see what a real server on loopback does, and one probe serves everybody who asks
// the same question. Method: a tiny scripted server and the monitor on one io_context, which runs
// until the awaited state is there; the deadline only ends a test that would hang.
#include "controlplane/health/monitor.h"

#include <string>
#include <unordered_map>

#include <gtest/gtest.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "controlplane/health/check_key.h"

namespace headgate::health {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds deadline{20};
constexpr std::size_t endless_bytes = 4U << 20U;

// Answers every connection with `answer` once a request is there; with an empty answer it only
// accepts and waits for the client to go away.
class Server {
public:
    Server(asio::io_context& context, std::string answer)
        : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          answer_(std::move(answer)) {
        asio::co_spawn(context, serve(), asio::detached);
    }
    [[nodiscard]] Endpoint endpoint() const {
        return {*IpAddress::parse("127.0.0.1"), acceptor_.local_endpoint().port()};
    }
    void close() { acceptor_.close(); }

    std::string answer_now;  // overrides the answer when not empty
    std::string last_request;
    int connections = 0;

private:
    asio::awaitable<void> serve() {
        while (acceptor_.is_open()) {
            auto [error, socket] = co_await acceptor_.async_accept(token);
            if (error)
                co_return;
            ++connections;
            asio::co_spawn(acceptor_.get_executor(), talk(std::move(socket)), asio::detached);
        }
    }
    asio::awaitable<void> talk(tcp::socket socket) {
        std::string request;
        auto [error, size] = co_await asio::async_read_until(
            socket, asio::dynamic_buffer(request, 4096), "\r\n\r\n", token);
        if (error)
            co_return;
        last_request = request;
        const std::string answer = answer_now.empty() ? answer_ : answer_now;
        if (answer.empty())
            co_await socket.async_wait(tcp::socket::wait_read, token);
        else
            co_await asio::async_write(socket, asio::buffer(answer), token);
    }

    tcp::acceptor acceptor_;
    std::string answer_;
};

config::CheckTiming fast_timing(std::uint32_t retry = 0) {
    return {.delay_loop = milliseconds(20),
            .connect_timeout = milliseconds(300),
            .retry = retry,
            .delay_before_retry = milliseconds(5)};
}

config::Check tcp_check(const Endpoint& target) {
    return {.timing = fast_timing(), .kind = config::TcpCheck{target}};
}

config::Check http_check(const Endpoint& target, std::string path = "/status") {
    config::HttpUrl url;
    url.path = std::move(path);
    return {.timing = fast_timing(), .kind = config::HttpCheck{target, {url}}};
}

class MonitorTest : public testing::Test {
protected:
    template <typename Condition>
    void run_until(Condition condition) {
        const Instant end = std::chrono::steady_clock::now() + deadline;
        while (!condition() && std::chrono::steady_clock::now() < end)
            context.run_one_for(milliseconds(100));
        ASSERT_TRUE(condition());
    }
    void run_until_known(const config::Check& check) {
        run_until([&] { return monitor.find(check)->known(); });
    }

    asio::io_context context;
    int changes = 0;
    Monitor monitor{context, [this] { ++changes; }};
};

TEST_F(MonitorTest, TcpSeesAListenerComeAndGo) {
    Server server(context, "");
    const config::Check check = tcp_check(server.endpoint());
    monitor.configure({check});
    EXPECT_FALSE(monitor.find(check)->known());
    run_until_known(check);
    EXPECT_TRUE(monitor.find(check)->up());
    EXPECT_EQ(monitor.find(check)->last().code, Code::l4_ok);
    EXPECT_EQ(changes, 1);

    server.close();
    run_until([&] { return !monitor.find(check)->up(); });
    EXPECT_EQ(monitor.find(check)->last().code, Code::l4_refused);
    EXPECT_EQ(changes, 2);
}

TEST_F(MonitorTest, HttpAsksAsKeepalivedDoes) {
    Server server(context, "HTTP/1.0 200 OK\r\n\r\nfine");
    const config::Check check = http_check(server.endpoint(), "/a/../status?x=1");
    monitor.configure({check});
    run_until_known(check);
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_ok);
    EXPECT_EQ(monitor.find(check)->last().detail, "200");
    EXPECT_EQ(server.last_request,
              "GET /a/../status?x=1 HTTP/1.0\r\nHost: " + server.endpoint().to_string() +
                  "\r\nUser-Agent: KeepAliveClient\r\n\r\n");
}

TEST_F(MonitorTest, HttpReportsAWrongStatusAndDoesNotFollowRedirects) {
    Server server(context, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    const config::Check check = http_check(server.endpoint());
    monitor.configure({check});
    run_until_known(check);
    EXPECT_FALSE(monitor.find(check)->up());
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_status);
    server.answer_now = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    run_until([&] { return monitor.find(check)->up(); });
}

TEST_F(MonitorTest, HttpReportsWhatIsNotHttp) {
    Server server(context, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    const config::Check check = http_check(server.endpoint());
    monitor.configure({check});
    run_until_known(check);
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_response);
}

TEST_F(MonitorTest, HttpTimesOutOnASilentServer) {
    Server server(context, "");
    const config::Check check = http_check(server.endpoint());
    monitor.configure({check});
    run_until_known(check);
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_timeout);
}

TEST_F(MonitorTest, HttpStopsReadingAnEndlessAnswer) {
    Server server(context, "HTTP/1.0 200 OK\r\n\r\n" + std::string(endless_bytes, 'x'));
    const config::Check check = http_check(server.endpoint());
    monitor.configure({check});
    run_until_known(check);
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_ok);
}

TEST_F(MonitorTest, HttpRefusesAnEndlessHeader) {
    std::string answer = "HTTP/1.0 200 OK\r\n";
    while (answer.size() < endless_bytes)
        answer += "X-Filler: " + std::string(1000, 'x') + "\r\n";
    Server server(context, answer);
    const config::Check check = http_check(server.endpoint());
    monitor.configure({check});
    run_until_known(check);
    EXPECT_EQ(monitor.find(check)->last().code, Code::l7_response);
    EXPECT_NE(monitor.find(check)->last().detail.find("longer"), std::string::npos)
        << monitor.find(check)->last().detail;
}

TEST_F(MonitorTest, EqualChecksShareOneProbe) {
    Server server(context, "");
    const config::Check check = tcp_check(server.endpoint());
    config::Check slower = check;
    slower.timing.delay_loop = std::chrono::hours(1);
    monitor.configure({check, check, slower, check});
    EXPECT_EQ(monitor.probe_count(), 2U);
}

TEST_F(MonitorTest, ReconfiguringKeepsTheStateOfWhatStays) {
    Server server(context, "");
    Server other(context, "");
    const config::Check kept = tcp_check(server.endpoint());
    const config::Check dropped = tcp_check(other.endpoint());
    monitor.configure({kept, dropped});
    run_until_known(kept);
    run_until_known(dropped);
    monitor.configure({kept});
    EXPECT_TRUE(monitor.find(kept)->known());
    EXPECT_EQ(monitor.find(dropped), nullptr);

    const int before = other.connections;
    const int seen = server.connections;
    run_until([&] { return server.connections > seen + 3; });
    EXPECT_LE(other.connections, before + 1);  // one may have been on its way
}

TEST_F(MonitorTest, MayGoAwayWhileProbesAreUnderWay) {
    Server server(context, "");
    bool gone = false;
    auto own = std::make_unique<Monitor>(context,
                                         [&gone] { EXPECT_FALSE(gone) << "called after the end"; });
    own->configure({http_check(server.endpoint()), tcp_check(server.endpoint())});
    run_until([&] { return !server.last_request.empty(); });
    own.reset();
    gone = true;
    context.run_for(milliseconds(50));
}

TEST(CheckKey, DistinguishesTargetsPathsAndTiming) {
    const Endpoint target{*IpAddress::parse("192.0.2.1"), 80};
    std::unordered_map<config::Check, int, CheckHash> map;
    map[tcp_check(target)] = 1;
    map[http_check(target)] = 2;
    map[http_check(target, "/other")] = 3;
    map[tcp_check({target.address, 81})] = 4;
    map[{.timing = fast_timing(7), .kind = config::TcpCheck{target}}] = 5;
    EXPECT_EQ(map.size(), 5U);
    EXPECT_EQ(map[tcp_check(target)], 1);
    EXPECT_EQ(service_name(target), "[192.0.2.1]:tcp:80");
}

}  // namespace
}  // namespace headgate::health
