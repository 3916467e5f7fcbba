#include "controlplane/health/http_client.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/check.h"
#include "controlplane/health/curl_library.h"

namespace headgate::health {

namespace asio = boost::asio;

namespace {

// Requires: it could be loaded, which HttpClient has seen.
const CurlLibrary& curl() {
    return *CurlLibrary::get();
}

struct EasyDeleter {
    void operator()(CURL* easy) const { curl().easy_cleanup(easy); }
};
struct ListDeleter {
    void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};

// One question under way. Lives in the frame of its coroutine.
struct Transfer {
    std::unique_ptr<CURL, EasyDeleter> easy{curl().easy_init()};
    std::unique_ptr<curl_slist, ListDeleter> headers;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::size_t header_bytes = 0;
    std::size_t body_bytes = 0;
    bool body_cut = false;
    HttpAnswer answer;
    // Never expires: cancelling it wakes the coroutine.
    asio::steady_timer finished;

    explicit Transfer(asio::io_context& context)
        : finished(context, asio::steady_timer::time_point::max()) {}
};

// libcurl keeps all header lines, and bounds only the length of each.
std::size_t count_header(char*, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.header_bytes += size * count;
    return transfer.header_bytes > answer_bytes_max ? 0 : size * count;
}

// The answer's body does not matter, but the server should be able to send it in peace.
std::size_t discard_body(char*, std::size_t size, std::size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.body_bytes += size * count;
    transfer.body_cut = transfer.body_bytes > answer_bytes_max;
    return transfer.body_cut ? 0 : size * count;
}

void set_options(Transfer& transfer, const HttpQuestion& question) {
    CURL* easy = transfer.easy.get();
    const auto timeout_ms = static_cast<long>(std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(question.timeout).count()));
    // The path travels as it stands in the configuration, so it is not part of the URL that curl
    // parses.
    const std::string url = "http://" + question.target.to_string() + "/";
    curl_slist* list = curl().slist_append(nullptr, ("Host: " + question.host).c_str());
    list = curl().slist_append(list, "Accept:");
    transfer.headers.reset(list);

    curl().easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl().easy_setopt(easy, CURLOPT_REQUEST_TARGET, question.path.c_str());
    curl().easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_0));
    curl().easy_setopt(easy, CURLOPT_USERAGENT, "KeepAliveClient");
    curl().easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.headers.get());
    curl().easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl().easy_setopt(easy, CURLOPT_PROXY, "");
    curl().easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl().easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl().easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl().easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl().easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl().easy_setopt(easy, CURLOPT_TIMEOUT_MS, 2 * timeout_ms);
    curl().easy_setopt(easy, CURLOPT_HEADERFUNCTION, &count_header);
    curl().easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl().easy_setopt(easy, CURLOPT_WRITEFUNCTION, &discard_body);
    curl().easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl().easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error.data());
    curl().easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
}

HttpAnswer::Failure classify(CURLcode code, bool connected) {
    using Failure = HttpAnswer::Failure;
    switch (code) {
        case CURLE_OK:
            return Failure::none;
        case CURLE_OPERATION_TIMEDOUT:
            return connected ? Failure::answer_timeout : Failure::connect_timeout;
        case CURLE_COULDNT_CONNECT:
            return Failure::connect;
        case CURLE_OUT_OF_MEMORY:
        case CURLE_FAILED_INIT:
        case CURLE_INTERFACE_FAILED:
            return Failure::local;
        default:
            return Failure::answer;
    }
}

// Fills the answer of a transfer that libcurl has ended.
void conclude(Transfer& transfer, CURLcode code) {
    CURL* easy = transfer.easy.get();
    curl_off_t connect_us = 0;
    curl_off_t total_us = 0;
    long os_error = 0;
    curl().easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_us);
    curl().easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total_us);
    curl().easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    curl().easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
    if (transfer.body_cut)  // we stopped reading: the status line had been read long before
        code = CURLE_OK;

    HttpAnswer& answer = transfer.answer;
    answer.duration = std::chrono::microseconds(total_us);
    answer.failure = classify(code, connect_us > 0);
    if (answer.failure == HttpAnswer::Failure::none)
        return;
    if (answer.failure == HttpAnswer::Failure::connect && os_error != 0)
        answer.error = std::strerror(static_cast<int>(os_error));
    else if (transfer.header_bytes > answer_bytes_max)
        answer.error =
            fmt::format("the header of the answer is longer than {} bytes", answer_bytes_max);
    else
        answer.error =
            transfer.error[0] != '\0' ? transfer.error.data() : curl().easy_strerror(code);
}

}  // namespace

// Shared by the client and its questions, so that neither has to outlive the other.
class HttpClient::Multi : public std::enable_shared_from_this<HttpClient::Multi> {
public:
    explicit Multi(asio::io_context& context) : context_(context), timer_(context) {
        multi_ = curl().multi_init();
        check(multi_ != nullptr, "libcurl gives a multi handle");
        curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::on_socket);
        curl().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
        curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::on_timer);
        curl().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    }
    ~Multi() {
        // The event loop may be coming down, too.
        curl().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
        curl().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
        curl().multi_cleanup(multi_);
    }
    Multi(const Multi&) = delete;
    Multi& operator=(const Multi&) = delete;

    [[nodiscard]] asio::io_context& context() { return context_; }
    [[nodiscard]] bool add(Transfer& transfer) {
        return curl().multi_add_handle(multi_, transfer.easy.get()) == CURLM_OK;
    }
    void remove(Transfer& transfer) { curl().multi_remove_handle(multi_, transfer.easy.get()); }

private:
    struct Watch {
        asio::posix::stream_descriptor descriptor;
        int wanted = 0;  // CURL_POLL_*
        bool reading = false;
        bool writing = false;

        explicit Watch(asio::io_context& context) : descriptor(context) {}
        ~Watch() { descriptor.release(); }  // libcurl closes it
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
    };

    static int on_socket(CURL*, curl_socket_t fd, int what, void* user, void*) {
        auto& self = *static_cast<Multi*>(user);
        if (what == CURL_POLL_REMOVE) {
            self.watches_.erase(fd);
            return 0;
        }
        auto& watch = self.watches_[fd];
        if (!watch) {
            watch = std::make_shared<Watch>(self.context_);
            boost::system::error_code error;
            watch->descriptor.assign(fd, error);
            if (error) {  // epoll has no room: libcurl ends the transfer
                self.watches_.erase(fd);
                return -1;
            }
        }
        watch->wanted = what;
        self.arm(watch, fd);
        return 0;
    }

    static int on_timer(CURLM*, long timeout_ms, void* user) {
        auto& self = *static_cast<Multi*>(user);
        self.timer_.cancel();
        if (timeout_ms < 0)
            return 0;
        self.timer_.expires_after(std::chrono::milliseconds(timeout_ms));
        self.timer_.async_wait([weak = self.weak_from_this()](boost::system::error_code error) {
            const auto multi = weak.lock();
            if (multi && !error)
                multi->advance(CURL_SOCKET_TIMEOUT, 0);
        });
        return 0;
    }

    void arm(const std::shared_ptr<Watch>& watch, int fd) {
        using Descriptor = asio::posix::stream_descriptor;
        if ((watch->wanted & CURL_POLL_IN) != 0 && !watch->reading) {
            watch->reading = true;
            wait(watch, fd, Descriptor::wait_read, &Watch::reading, CURL_CSELECT_IN);
        }
        if ((watch->wanted & CURL_POLL_OUT) != 0 && !watch->writing) {
            watch->writing = true;
            wait(watch, fd, Descriptor::wait_write, &Watch::writing, CURL_CSELECT_OUT);
        }
    }

    void wait(const std::shared_ptr<Watch>& watch, int fd,
              asio::posix::stream_descriptor::wait_type direction, bool Watch::*waiting,
              int event) {
        watch->descriptor.async_wait(
            direction, [weak_multi = weak_from_this(), weak_watch = std::weak_ptr(watch), fd,
                        waiting, event](boost::system::error_code error) {
                const auto multi = weak_multi.lock();
                auto held = weak_watch.lock();
                if (!multi || !held || error)
                    return;
                (*held).*waiting = false;
                held.reset();  // libcurl may end the watch, and close its socket, in the next call
                multi->advance(fd, event);
                if (const auto again = weak_watch.lock())
                    multi->arm(again, fd);
            });
    }

    void advance(curl_socket_t fd, int events) {
        int running = 0;
        curl().multi_socket_action(multi_, fd, events, &running);
        int left = 0;
        while (const CURLMsg* message = curl().multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE)
                continue;
            Transfer* transfer = nullptr;
            curl().easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            conclude(*transfer, message->data.result);
            transfer->finished.cancel();
        }
    }

    asio::io_context& context_;
    asio::steady_timer timer_;
    CURLM* multi_ = nullptr;
    std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
};

HttpClient::HttpClient(asio::io_context& context) {
    if (CurlLibrary::get())
        multi_ = std::make_shared<Multi>(context);
}

asio::awaitable<HttpAnswer> HttpClient::ask(HttpQuestion question) {
    const std::shared_ptr<Multi> multi = multi_;
    if (!multi)
        co_return HttpAnswer{.error = CurlLibrary::get().error().message};
    Transfer transfer(multi->context());
    if (!transfer.easy)
        co_return HttpAnswer{.error = "libcurl is out of memory"};
    set_options(transfer, question);

    // Also when the coroutine is destroyed while it waits.
    struct Membership {
        Multi& multi;
        Transfer& transfer;
        ~Membership() { multi.remove(transfer); }
    };
    if (!multi->add(transfer))
        co_return HttpAnswer{.error = "libcurl refused the transfer"};
    const Membership membership{*multi, transfer};
    co_await transfer.finished.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return transfer.answer;
}

}  // namespace headgate::health
