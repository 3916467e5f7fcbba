// Goal: each kind of HTTP answer gets the code and the words that tell an operator what is wrong.
#include <gtest/gtest.h>

#include "controlplane/health/http_probe.h"

namespace headgate::health {
namespace {

using Failure = HttpAnswer::Failure;

Outcome judged(const HttpAnswer& answer, std::vector<config::StatusRange> statuses = {{}}) {
    config::HttpUrl url;
    url.path = "/status";
    url.statuses = std::move(statuses);
    return judge(answer, url, std::chrono::seconds(3));
}

TEST(HttpJudge, AcceptsTheConfiguredStatusesOnly) {
    EXPECT_EQ(judged({.failure = Failure::none, .status = 204}).code, Code::l7_ok);
    const std::vector<config::StatusRange> wanted{{200, 200}, {301, 303}};
    EXPECT_EQ(judged({.failure = Failure::none, .status = 302}, wanted).code, Code::l7_ok);
    const Outcome outcome = judged({.failure = Failure::none, .status = 503}, wanted);
    EXPECT_EQ(outcome.code, Code::l7_status);
    EXPECT_EQ(outcome.detail, "got 503 for /status, want 200, 301-303");
}

TEST(HttpJudge, TellsTheLayersApart) {
    const auto code = [](Failure failure) {
        return to_string(judged({.failure = failure, .error = "why"}).code);
    };
    EXPECT_EQ(code(Failure::connect), "L4CON");
    EXPECT_EQ(code(Failure::connect_timeout), "L4TOUT");
    EXPECT_EQ(code(Failure::answer_timeout), "L7TOUT");
    EXPECT_EQ(code(Failure::answer), "L7RSP");
    EXPECT_EQ(code(Failure::local), "SOCKERR");
}

}  // namespace
}  // namespace headgate::health
