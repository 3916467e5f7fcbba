#include "controlplane/cli/daemon_commands.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include "common/clock.h"
#include "controlplane/cli/client.h"
#include "controlplane/cli/render_flows.h"
#include "controlplane/cli/render_vrrp.h"
#include "controlplane/cli/severity.h"

namespace headgate::cli {

namespace {

constexpr std::chrono::seconds answer_time_max{10};
constexpr std::chrono::milliseconds failover_poll{100};
// Beyond the time after which an instance takes its mastership back.
constexpr std::chrono::seconds failover_slack{3};

int exit_code_of(const api::ControlReply& reply) {
    return reply.error_kind() == api::CONFLICT ? exit_conflict : exit_errors;
}

std::optional<api::Status> ask_status(const Arguments& arguments, int& exit_code) {
    api::ControlRequest request;
    request.mutable_get_status();
    auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return std::nullopt;
    return std::move(*reply->mutable_status());
}

const api::VrrpStatus* find(const api::Status& status, const std::string& name) {
    const auto found = std::ranges::find(status.vrrp(), name, &api::VrrpStatus::name);
    return found == status.vrrp().end() ? nullptr : &*found;
}

int complain_unknown(const std::string& name) {
    return complain(fmt::format("no VRRP instance is called {}; see `headgate show vrrp`", name),
                    exit_errors);
}

std::string words_of(std::chrono::seconds duration) {
    return duration_words(std::chrono::milliseconds(duration).count());
}

// What became of a step-down, once it is known; nothing before.
std::optional<int> outcome_of(const api::VrrpStatus& instance, const Arguments& arguments,
                              double seconds) {
    if (instance.state() == "MASTER") {
        return complain(fmt::format("{} is MASTER again after {:.1f}s: {}", instance.name(),
                                    seconds, instance.reason()),
                        exit_errors);
    }
    if (instance.state() != "BACKUP")
        return complain(
            fmt::format("{} is {}: {}", instance.name(), instance.state(), instance.reason()),
            exit_errors);
    if (instance.master_address().empty())
        return std::nullopt;
    std::cout << fmt::format("{} (priority {}) is MASTER of {} after {:.1f}s\n",
                             instance.master_address(), instance.master_priority(), instance.name(),
                             seconds);
    if (!instance.preempt())
        std::cout << "`nopreempt`: it does not come back before that one is gone\n";
    else if (instance.priority() > instance.master_priority())
        std::cout << fmt::format("it comes back in {}; undo: headgate failover {} --cancel\n",
                                 words_of(arguments.hold), instance.name());
    return EXIT_SUCCESS;
}

int wait_for_outcome(const Arguments& arguments, std::chrono::milliseconds patience) {
    const RealClock clock;
    const Instant begin = clock.now();
    while (clock.now() - begin < patience) {
        int exit_code = EXIT_SUCCESS;
        const auto status = ask_status(arguments, exit_code);
        if (!status)
            return exit_code;
        const api::VrrpStatus* const instance = find(*status, arguments.operand);
        if (instance == nullptr)
            return complain_unknown(arguments.operand);
        const double seconds = std::chrono::duration<double>(clock.now() - begin).count();
        if (const auto outcome = outcome_of(*instance, arguments, seconds))
            return *outcome;
        std::this_thread::sleep_for(failover_poll);
    }
    return complain(
        fmt::format("no MASTER of {} is known after {} s; see `headgate why {}`", arguments.operand,
                    std::chrono::duration_cast<std::chrono::seconds>(patience).count(),
                    arguments.operand),
        exit_timed_out);
}

}  // namespace

int complain(const std::string& message, int exit_code) {
    std::cerr << "headgate: " << message << '\n';
    return exit_code;
}

RenderOptions render_options() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {.now_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
            .colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr};
}

std::optional<api::ControlReply> ask_or_complain(const Arguments& arguments,
                                                 const api::ControlRequest& request,
                                                 int& exit_code) {
    auto reply = ask(arguments.socket, request, answer_time_max);
    if (!reply) {
        exit_code = complain(reply.error().message, exit_unreachable);
        return std::nullopt;
    }
    if (!reply->error().empty()) {
        exit_code = complain(reply->error(), exit_code_of(*reply));
        return std::nullopt;
    }
    return std::move(*reply);
}

bool print_json(const google::protobuf::Message& message, bool on_one_line) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = !on_one_line;
    options.always_print_primitive_fields = true;
    std::string json;
    const auto converted = google::protobuf::util::MessageToJsonString(message, &json, options);
    if (!converted.ok()) {
        complain(converted.ToString(), exit_errors);
        return false;
    }
    std::cout << json << (on_one_line ? "\n" : "");
    return true;
}

api::FlowsRequest flows_request(const FlowFilter& filter) {
    api::FlowsRequest flows;
    flows.set_client(filter.client);
    flows.set_destination(filter.server);
    // parse_arguments() has refused what is no name.
    if (const auto service = parse_service_name(filter.service)) {
        flows.set_service_address(service->address);
        flows.set_service_port(service->port);
        std::string protocol = service->protocol;
        std::ranges::transform(protocol, protocol.begin(), [](unsigned char letter) {
            return static_cast<char>(std::toupper(letter));
        });
        api::Protocol value = api::PROTOCOL_UNSPECIFIED;
        api::Protocol_Parse(protocol, &value);
        flows.set_service_protocol(value);
    }
    return flows;
}

int run_status(const Arguments& arguments) {
    int exit_code = EXIT_SUCCESS;
    const auto status = ask_status(arguments, exit_code);
    if (!status)
        return exit_code;
    if (!arguments.json)
        std::cout << render_status(*status, render_options());
    else if (!print_json(*status))
        return exit_errors;
    return static_cast<int>(worst(findings(*status)));
}

int run_show_vrrp(const Arguments& arguments) {
    int exit_code = EXIT_SUCCESS;
    const auto status = ask_status(arguments, exit_code);
    if (!status)
        return exit_code;
    const bool all = arguments.operand.empty();
    const api::VrrpStatus* const instance = all ? nullptr : find(*status, arguments.operand);
    if (!all && instance == nullptr)
        return complain_unknown(arguments.operand);
    if (arguments.json) {
        api::Status shown;
        *shown.mutable_vrrp() = status->vrrp();
        return print_json(all ? static_cast<const google::protobuf::Message&>(shown) : *instance)
                   ? EXIT_SUCCESS
                   : exit_errors;
    }
    std::cout << (all ? render_vrrp_table(*status, render_options())
                      : render_vrrp_instance(*instance, render_options()));
    return EXIT_SUCCESS;
}

int run_show_flows(const Arguments& arguments) {
    api::ControlRequest request;
    *request.mutable_flows() = flows_request(arguments.flows);
    request.mutable_flows()->set_limit(arguments.flows_limit);
    int exit_code = EXIT_SUCCESS;
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    if (arguments.json)
        return print_json(reply->flows()) ? EXIT_SUCCESS : exit_errors;
    std::cout << render_flows(reply->flows(), render_options());
    return EXIT_SUCCESS;
}

int run_kill_flows(const Arguments& arguments) {
    api::ControlRequest request;
    *request.mutable_flows() = flows_request(arguments.flows);
    request.mutable_flows()->set_end(true);
    int exit_code = EXIT_SUCCESS;
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    std::cout << fmt::format("{} connections ended\n", reply->flows().ended());
    return EXIT_SUCCESS;
}

int run_why(const Arguments& arguments) {
    api::ControlRequest request;
    request.mutable_why()->set_object(arguments.operand);
    int exit_code = EXIT_SUCCESS;
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    if (arguments.json)
        return print_json(reply->why()) ? EXIT_SUCCESS : exit_errors;
    std::cout << render_why(reply->why(), render_options());
    return EXIT_SUCCESS;
}

int run_failover(const Arguments& arguments) {
    int exit_code = EXIT_SUCCESS;
    const auto status = ask_status(arguments, exit_code);
    if (!status)
        return exit_code;
    const api::VrrpStatus* const before = find(*status, arguments.operand);
    if (before == nullptr)
        return complain_unknown(arguments.operand);
    if (before->state() == "MASTER" && !arguments.cancel)
        std::cout << render_failover_outlook(*before, render_options()) << std::flush;

    api::ControlRequest request;
    api::FailoverRequest& failover = *request.mutable_failover();
    failover.set_instance(arguments.operand);
    failover.set_hold_s(static_cast<std::uint32_t>(arguments.hold.count()));
    failover.set_reason(arguments.reason);
    failover.set_cancel(arguments.cancel);
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    std::string names;
    for (const std::string& name : reply->failover().instances())
        names += (names.empty() ? "" : ", ") + name;
    if (arguments.cancel) {
        std::cout << fmt::format("{}: no longer held back\n", names);
        return EXIT_SUCCESS;
    }
    if (reply->failover().state_before() != "MASTER") {
        std::cout << fmt::format(
            "{}: {} already; held back for {} as long as another router is MASTER\n", names,
            reply->failover().state_before(), words_of(arguments.hold));
        return EXIT_SUCCESS;
    }
    std::cout << names << " stepped down\n" << std::flush;
    return wait_for_outcome(
        arguments, std::chrono::milliseconds(before->master_down_interval_ms()) + failover_slack);
}

int run_reload(const Arguments& arguments) {
    api::ControlRequest request;
    request.mutable_reload();
    const auto reply = ask(arguments.socket, request, answer_time_max);
    if (!reply)
        return complain(reply.error().message, exit_unreachable);
    if (!reply->error().empty())
        return complain("the configuration is refused, the running one stays:\n" + reply->error(),
                        exit_errors);
    std::cout << "reloaded\n";
    return EXIT_SUCCESS;
}

}  // namespace headgate::cli
