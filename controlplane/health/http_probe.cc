#include "controlplane/health/http_probe.h"

#include <algorithm>

#include <fmt/format.h>

namespace headgate::health {

namespace {

std::string words(const std::vector<config::StatusRange>& statuses) {
    std::string text;
    for (const config::StatusRange& range : statuses) {
        if (!text.empty())
            text += ", ";
        text += range.first == range.last ? fmt::format("{}", range.first)
                                          : fmt::format("{}-{}", range.first, range.last);
    }
    return text;
}

bool accepts(const config::HttpUrl& url, long status) {
    return std::ranges::any_of(url.statuses, [status](const config::StatusRange& range) {
        return status >= range.first && status <= range.last;
    });
}

}  // namespace

Outcome judge(const HttpAnswer& answer, const config::HttpUrl& url, Duration timeout) {
    using Failure = HttpAnswer::Failure;
    const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    switch (answer.failure) {
        case Failure::none:
            break;
        case Failure::local:
            return {Code::local_error, answer.error, answer.duration};
        case Failure::connect:
            return {Code::l4_refused, answer.error, answer.duration};
        case Failure::connect_timeout:
            return {Code::l4_timeout, fmt::format("no connection within {} ms", limit_ms),
                    answer.duration};
        case Failure::answer_timeout:
            return {Code::l7_timeout,
                    fmt::format("no complete answer to {} within {} ms", url.path, limit_ms),
                    answer.duration};
        case Failure::answer:
            return {Code::l7_response, answer.error, answer.duration};
    }
    if (!accepts(url, answer.status))
        return {Code::l7_status,
                fmt::format("got {} for {}, want {}", answer.status, url.path, words(url.statuses)),
                answer.duration};
    return {Code::l7_ok, fmt::format("{}", answer.status), answer.duration};
}

boost::asio::awaitable<Outcome> probe_http(HttpClient& client, config::HttpCheck check,
                                           Duration timeout) {
    HttpClient own = client;  // shares the connection pool; the original may go while we wait
    Outcome outcome;
    Duration total{};
    for (const config::HttpUrl& url : check.urls) {
        HttpQuestion question{
            .target = check.target,
            .path = url.path,
            .host = url.virtual_host.empty() ? check.target.to_string() : url.virtual_host,
            .timeout = timeout};
        const HttpAnswer answer = co_await own.ask(std::move(question));
        outcome = judge(answer, url, timeout);
        total += outcome.duration;
        outcome.duration = total;
        if (!outcome.passed())
            break;
    }
    co_return outcome;
}

}  // namespace headgate::health
