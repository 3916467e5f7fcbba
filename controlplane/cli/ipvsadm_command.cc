#include "controlplane/cli/ipvsadm_command.h"

#include <cstdlib>
#include <iostream>
#include <optional>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "controlplane/cli/daemon_commands.h"
#include "controlplane/cli/ipvsadm_arguments.h"
#include "controlplane/cli/render_ipvsadm.h"

namespace headgate::cli {

namespace {

// A rate of the bypass is what a counter grows by meanwhile: nobody keeps it.
constexpr std::chrono::seconds rate_time{1};

std::string host_name(const std::string& address) {
    addrinfo hints = {};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), nullptr, &hints, &found) != 0)
        return {};
    char name[NI_MAXHOST] = {};
    const int failed = ::getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof(name), nullptr,
                                     0, NI_NAMEREQD);
    ::freeaddrinfo(found);
    return failed != 0 ? "" : name;
}

std::string port_name(std::uint32_t protocol, std::uint32_t port) {
    const char* const name = protocol == IPPROTO_TCP   ? "tcp"
                             : protocol == IPPROTO_UDP ? "udp"
                                                       : "sctp";
    const servent* const found = ::getservbyport(htons(static_cast<std::uint16_t>(port)), name);
    return found == nullptr ? "" : found->s_name;
}

std::optional<api::IpvsListing> ask_listing(const Arguments& arguments, int& exit_code) {
    api::ControlRequest request;
    request.mutable_get_ipvs();
    auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return std::nullopt;
    return std::move(*reply->mutable_ipvs());
}

int list_connections(const Arguments& arguments, const IpvsadmArguments& wanted,
                     const IpvsadmNames& names) {
    api::ControlRequest request;
    request.mutable_flows()->set_limit(UINT32_MAX);
    int exit_code = EXIT_SUCCESS;
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    std::cout << render_ipvsadm_connections(reply->flows(), wanted, names);
    const auto listed = static_cast<std::uint64_t>(reply->flows().flows_size());
    if (listed < reply->flows().matched())
        std::cerr << fmt::format(
            "headgate: {} of {} connections are shown; `headgate show flows` "
            "has filters\n",
            listed, reply->flows().matched());
    return EXIT_SUCCESS;
}

}  // namespace

int run_ipvsadm(const Arguments& arguments) {
    const auto wanted = parse_ipvsadm_arguments(arguments.words);
    if (!wanted)
        return complain(wanted.error().message, exit_usage);
    const IpvsadmNames names{host_name, port_name};
    if (wanted->what == IpvsadmArguments::What::connections)
        return list_connections(arguments, *wanted, names);
    int exit_code = EXIT_SUCCESS;
    auto listing = ask_listing(arguments, exit_code);
    if (listing && wanted->columns == IpvsadmArguments::Columns::rate && !has_all_rates(*listing)) {
        const RealClock clock;
        const Instant begin = clock.now();
        std::this_thread::sleep_for(rate_time);
        const auto before = std::move(*listing);
        listing = ask_listing(arguments, exit_code);
        if (listing)
            complete_rates(before, std::chrono::duration<double>(clock.now() - begin).count(),
                           *listing);
    }
    if (!listing)
        return exit_code;
    if (wanted->what == IpvsadmArguments::What::timeouts) {
        std::cout << render_ipvsadm_timeouts(*listing);
        return EXIT_SUCCESS;
    }
    if (wanted->service && !select_service(*wanted->service, *listing)) {
        std::cerr << "No such service\n";
        return EXIT_FAILURE;
    }
    std::cout << render_ipvsadm(*listing, *wanted, names);
    return EXIT_SUCCESS;
}

}  // namespace headgate::cli
