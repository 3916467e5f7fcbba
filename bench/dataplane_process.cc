#include "bench/dataplane_process.h"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <thread>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "common/fd.h"
#include "common/framing.h"
#include "common/unix_socket.h"

namespace headgate::bench {

using std::chrono::milliseconds;

void use_cpus(bool source) {
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < 2)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (source) {
        CPU_SET(0, &set);
    } else {
        for (long cpu = 1; cpu < cpus; ++cpu)
            CPU_SET(static_cast<std::size_t>(cpu), &set);
    }
    ::sched_setaffinity(0, sizeof set, &set);
}

ScratchFolder::ScratchFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "headgate-bench-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr)
        path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Dataplane::Dataplane(const std::string& program, const std::string& device,
                     const std::string& table, const std::vector<std::string>& options)
    : socket_path_(folder_.path() / "dataplane.sock") {
    const std::string table_path = folder_.path() / "table.json";
    std::ofstream(table_path) << table;
    std::vector<std::string> words{program,      "--interface", device,    "--socket",
                                   socket_path_, "--table",     table_path};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    child_ = ::fork();
    if (child_ != 0)
        return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_cpus(false);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
}

Dataplane::~Dataplane() {
    if (child_ <= 0)
        return;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
}

Result<std::string> Dataplane::wait_until_ready() {
    for (int attempt = 0; attempt < 100; ++attempt) {
        std::this_thread::sleep_for(milliseconds(100));
        if (::waitpid(child_, nullptr, WNOHANG) == child_) {
            child_ = 0;
            return fail("headgate-dataplane ended before it was ready");
        }
        const Result<api::DataplaneState> state = ask();
        if (state && state->ports_size() == 1 && state->ports(0).queues() > 0 &&
            state->services(0).destinations(0).resolved())
            return state->ports(0).mode();
    }
    return fail("headgate-dataplane was not ready after 10 s");
}

Result<api::DataplaneState> Dataplane::ask() const {
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Result<sockaddr_un> address = unix_address(socket_path_);
    if (!address)
        return tl::unexpected(address.error());
    if (::connect(socket.get(), as_sockaddr(*address), sizeof *address) != 0)
        return fail_errno("connect to {}", socket_path_);
    api::DataplaneRequest request;
    request.mutable_get_state();
    const std::string frame = encode_frame(request);
    if (::send(socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0)
        return fail_errno("send a request");
    FrameDecoder decoder;
    std::array<char, 4096> buffer{};
    while (true) {
        const ssize_t received = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (received <= 0)
            return fail_errno("read a reply");
        decoder.feed(std::span<const char>(buffer.data(), static_cast<std::size_t>(received)));
        const Result<std::optional<std::string>> next = decoder.next();
        if (!next)
            return tl::unexpected(next.error());
        const std::optional<std::string>& body = *next;
        if (body)
            return decode_body<api::DataplaneReply>(*body).map(
                [](const api::DataplaneReply& reply) { return reply.state(); });
    }
}

}  // namespace headgate::bench
