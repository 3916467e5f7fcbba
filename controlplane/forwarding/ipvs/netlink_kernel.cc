#include "controlplane/forwarding/ipvs/netlink_kernel.h"

#include <cerrno>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include "common/check.h"
#include "controlplane/forwarding/ipvs/messages.h"

namespace headgate::forwarding::ipvs {

namespace {

// Answers are lost when the socket's buffer is full; nothing but memory that is short fills it.
constexpr int list_tries_max = 3;

const std::string sysctl_folder = "/proc/sys/net/ipv4/vs/";

constexpr const char* not_permitted = "not permitted: it needs CAP_NET_ADMIN";

tl::unexpected<Error> fail_to(const std::string& attempt, const Error& error) {
    return tl::unexpected(
        Error{.message = fmt::format("IPVS: {}: {}", attempt,
                                     error.code == EPERM ? not_permitted : error.message),
              .code = error.code});
}

// What the kernel means by its error numbers, where that is not what they say.
std::string words_of(const Operation& operation, const Error& error) {
    using Kind = Operation::Kind;
    const bool is_setting =
        operation.kind == Kind::add_service || operation.kind == Kind::edit_service;
    if (error.code == EPERM)
        return not_permitted;
    if (error.code == ENOENT && is_setting)
        return fmt::format("the kernel has no scheduler {0}: its module ip_vs_{0} is missing{1}",
                           operation.settings.scheduler,
                           operation.settings.persistence_engine.empty()
                               ? ""
                               : ", or that of the persistence_engine");
    if (error.code == ESRCH)
        return "the service is not there";
    if (error.code == ENOENT)
        return "the server is not there";
    if (error.code == EEXIST)
        return "it is there already";
    return error.message;
}

}  // namespace

Result<void> NetlinkKernel::open() {
    // The kernel loads the module by itself, since 5.17.
    auto socket = netlink::GenericSocket::open(IPVS_GENL_NAME, IPVS_GENL_VERSION);
    if (!socket && socket.error().code == ENOENT)
        return tl::unexpected(
            Error{"the kernel has no IPVS: see what `modprobe ip_vs` says", ENOENT});
    if (!socket)
        return fail_to("find it", socket.error());
    socket_ = std::move(*socket);
    return {};
}

Result<Info> NetlinkKernel::info() {
    check(socket_.has_value(), "the kernel is open");
    Info info;
    const auto asked = socket_->ask(socket_->request(IPVS_CMD_GET_INFO), [&](nlmsghdr* message) {
        info = info_in(message).value_or(info);
    });
    if (!asked)
        return fail_to("ask for its version", asked.error());
    return info;
}

Result<std::vector<ListedService>> NetlinkKernel::list() {
    for (int tries = 1;; ++tries) {
        auto services = list_once();
        if (services || services.error().code != ENOBUFS || tries == list_tries_max)
            return services;
    }
}

Result<std::vector<ListedService>> NetlinkKernel::list_once() {
    check(socket_.has_value(), "the kernel is open");
    std::vector<ListedService> services;
    const auto asked = socket_->ask(socket_->request(IPVS_CMD_GET_SERVICE, NLM_F_DUMP),
                                    [&services](nlmsghdr* message) {
                                        if (auto service = service_in(message))
                                            services.push_back(std::move(*service));
                                    });
    if (!asked)
        return fail_to("list the services", asked.error());
    for (ListedService& service : services) {
        if (auto listed = list_destinations(service); !listed)
            return tl::unexpected(std::move(listed.error()));
    }
    return services;
}

// A service that is gone meanwhile has none.
Result<void> NetlinkKernel::list_destinations(ListedService& service) {
    netlink::Message request = socket_->request(IPVS_CMD_GET_DEST, NLM_F_DUMP);
    put_service_key(request.get(), service.service.key);
    const auto asked = socket_->ask(std::move(request), [&service](nlmsghdr* message) {
        if (auto listed = destination_in(message)) {
            service.service.destinations.push_back(listed->destination);
            service.destinations.push_back(listed->state);
        }
    });
    if (!asked)
        return fail_to(fmt::format("list the servers of {}", service.service.key.to_string()),
                       asked.error());
    return {};
}

Result<void> NetlinkKernel::perform(const Operation& operation) {
    check(socket_.has_value(), "the kernel is open");
    netlink::Message request = socket_->request(command_of(operation.kind));
    put_operation(request.get(), operation);
    const auto done = socket_->perform(std::move(request));
    if (!done)
        return tl::unexpected(Error{.message = fmt::format("IPVS: {}: {}", operation.to_string(),
                                                           words_of(operation, done.error())),
                                    .code = done.error().code});
    return {};
}

Result<void> NetlinkKernel::flush() {
    check(socket_.has_value(), "the kernel is open");
    const auto done = socket_->perform(socket_->request(IPVS_CMD_FLUSH));
    if (!done)
        return fail_to("remove all services", done.error());
    return {};
}

Result<std::vector<SyncDaemon>> NetlinkKernel::sync_daemons() {
    check(socket_.has_value(), "the kernel is open");
    std::vector<SyncDaemon> daemons;
    const auto asked = socket_->ask(socket_->request(IPVS_CMD_GET_DAEMON, NLM_F_DUMP),
                                    [&daemons](nlmsghdr* message) {
                                        if (auto daemon = sync_daemon_in(message))
                                            daemons.push_back(std::move(*daemon));
                                    });
    if (!asked)
        return fail_to("list the sync daemons", asked.error());
    return daemons;
}

Result<void> NetlinkKernel::start_sync(const SyncDaemon& daemon) {
    check(socket_.has_value(), "the kernel is open");
    netlink::Message request = socket_->request(IPVS_CMD_NEW_DAEMON);
    put_sync_daemon(request.get(), daemon);
    auto done = socket_->perform(std::move(request));
    if (done)
        return {};
    Error error = std::move(done.error());
    if (error.code == ENODEV)
        error.message = fmt::format("there is no interface {}", daemon.interface);
    else if (error.code == EEXIST)
        error.message = "one runs already";
    return fail_to("start " + daemon.to_string(), error);
}

Result<void> NetlinkKernel::stop_sync(SyncRole role) {
    check(socket_.has_value(), "the kernel is open");
    netlink::Message request = socket_->request(IPVS_CMD_DEL_DAEMON);
    put_sync_role(request.get(), role);
    const auto done = socket_->perform(std::move(request));
    // A thread that has not had its first moment ends, too, but counts as interrupted.
    if (done || done.error().code == ESRCH || done.error().code == EINTR)
        return {};
    return fail_to(fmt::format("stop the {} sync daemon", to_word(role)), done.error());
}

Result<Timeouts> NetlinkKernel::timeouts() {
    check(socket_.has_value(), "the kernel is open");
    Timeouts timeouts;
    const auto asked = socket_->ask(socket_->request(IPVS_CMD_GET_CONFIG), [&](nlmsghdr* message) {
        timeouts = timeouts_in(message).value_or(timeouts);
    });
    if (!asked)
        return fail_to("ask for its timeouts", asked.error());
    return timeouts;
}

Result<void> NetlinkKernel::set_timeouts(const Timeouts& timeouts) {
    check(socket_.has_value(), "the kernel is open");
    netlink::Message request = socket_->request(IPVS_CMD_SET_CONFIG);
    put_timeouts(request.get(), timeouts);
    const auto done = socket_->perform(std::move(request));
    if (!done)
        return fail_to("set its timeouts", done.error());
    return {};
}

Result<int> NetlinkKernel::sysctl(const std::string& name) {
    const std::string path = sysctl_folder + name;
    std::ifstream file(path);
    int value = 0;
    if (!(file >> value))
        return fail("IPVS: cannot read {}", path);
    return value;
}

Result<void> NetlinkKernel::set_sysctl(const std::string& name, int value) {
    const std::string path = sysctl_folder + name;
    std::ofstream file(path);
    file << value << std::flush;
    if (!file.good())
        return fail("IPVS: cannot write {} to {}", value, path);
    return {};
}

}  // namespace headgate::forwarding::ipvs
