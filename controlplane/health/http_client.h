// HttpClient: libcurl's multi interface driven by an Asio io_context. Main thread only. Owns the
// multi handle; sockets belong to libcurl, and are only watched here.
//
// It asks as keepalived does: HTTP/1.0, "User-Agent: KeepAliveClient", a Host header, one fresh
// connection per question. Redirects are not followed, no proxy of the environment is used, and at
// most answer_bytes_max of an answer's header, and of its body, are read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "common/clock.h"
#include "common/net.h"

namespace boost::asio {
class io_context;
}

namespace headgate::health {

inline constexpr std::size_t answer_bytes_max = 64U << 10U;

struct HttpQuestion {
    Endpoint target;
    std::string path;
    std::string host;  // Host header
    Duration timeout;  // for the connection, and again for the answer
};

struct HttpAnswer {
    enum class Failure : std::uint8_t {
        none,     // `status` is valid
        local,    // this host could not even ask
        connect,  // refused, unreachable
        connect_timeout,
        answer_timeout,
        answer,  // not HTTP, or cut short
    };
    Failure failure = Failure::local;
    std::string error{};  // in words, unless failure is none
    long status = 0;
    Duration duration{};
};

class HttpClient {
public:
    explicit HttpClient(boost::asio::io_context& context);

    // Asks on the io_context this client was made for. The coroutine may outlive the client.
    boost::asio::awaitable<HttpAnswer> ask(HttpQuestion question);

private:
    class Multi;
    std::shared_ptr<Multi> multi_;  // null: libcurl cannot be loaded
};

}  // namespace headgate::health
