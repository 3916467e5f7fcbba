#include "controlplane/health/tcp_probe.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace headgate::health {

namespace asio = boost::asio;

namespace {

asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
    const auto bytes = endpoint.address.bytes();
    if (endpoint.address.is_v4()) {
        asio::ip::address_v4::bytes_type raw{};
        std::ranges::copy(bytes, raw.begin());
        return {asio::ip::address_v4(raw), endpoint.port};
    }
    asio::ip::address_v6::bytes_type raw{};
    std::ranges::copy(bytes, raw.begin());
    return {asio::ip::address_v6(raw), endpoint.port};
}

Outcome timed_out(Duration timeout) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    return {Code::l4_timeout, fmt::format("no connection within {} ms", waited.count()), timeout};
}

// What connect() says when this host, not the target, is short of something.
bool is_local(const boost::system::error_code& error) {
    return error == asio::error::no_descriptors || error == asio::error::no_memory ||
           error == asio::error::no_buffer_space ||
           error == boost::system::errc::too_many_files_open_in_system ||
           error == boost::system::errc::address_not_available;
}

}  // namespace

asio::awaitable<Outcome> probe_tcp(Endpoint target, Duration timeout) {
    using namespace asio::experimental::awaitable_operators;  // its operator||
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    const auto executor = co_await asio::this_coro::executor;
    const Instant start = std::chrono::steady_clock::now();
    asio::ip::tcp::socket socket(executor);
    asio::steady_timer timer(executor, timeout);

    const auto first =
        co_await (socket.async_connect(to_asio(target), token) || timer.async_wait(token));
    if (first.index() == 1)
        co_return timed_out(timeout);

    const Duration duration = std::chrono::steady_clock::now() - start;
    const boost::system::error_code error = std::get<0>(std::get<0>(first));
    if (!error)
        co_return Outcome{Code::l4_ok, "connected", duration};
    if (error == asio::error::timed_out)
        co_return timed_out(duration);
    co_return Outcome{is_local(error) ? Code::local_error : Code::l4_refused, error.message(),
                      duration};
}

}  // namespace headgate::health
