// A process that speaks headgate-dataplane's control protocol and forwards nothing: the other end
// of the supervisor's tests. `--interface silent` makes it answer once and never again,
// `--interface slow` makes its first answer take seconds, `--interface stubborn` makes it ignore
// SIGTERM, `--interface broken` makes it exit with status 3 at once. When another is to follow it,
// on SIGHUP, it leaves a directory `followed` in --pins.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "common/fd.h"
#include "common/framing.h"

namespace headgate {
namespace {

// Longer than the supervisor waits for any answer but the first.
constexpr unsigned slow_answer_s = 6;

std::string pins;
std::string followed;

void leave(int /*signal*/) {
    ::mkdir(pins.c_str(), 0700);
    ::mkdir(followed.c_str(), 0700);
    ::_exit(0);
}

struct Fake {
    std::string socket_path;
    std::string mode;
    std::vector<std::string> interfaces;
    std::uint64_t generation = 0;
    std::uint32_t cached_flows = 0;
    bool has_answered = false;

    [[nodiscard]] bool is(std::string_view name) const {
        return !interfaces.empty() && interfaces.front() == name;
    }

    api::DataplaneReply answer(const api::DataplaneRequest& request) {
        if (request.has_apply())
            generation = request.apply().generation();
        api::DataplaneReply reply;
        reply.mutable_state()->set_pid(::getpid());
        reply.mutable_state()->set_generation(generation);
        reply.mutable_state()->set_flow_cache(cached_flows);
        for (const std::string& interface : interfaces) {
            api::PortState& port = *reply.mutable_state()->add_ports();
            port.set_interface(interface);
            port.set_mode(mode == "generic" ? "generic copy" : "native copy");
        }
        return reply;
    }

    void serve(const Fd& client) {
        FrameDecoder decoder;
        char buffer[4096];
        while (true) {
            const ssize_t size = ::read(client.get(), buffer, sizeof(buffer));
            if (size <= 0)
                return;
            decoder.feed(std::span<const char>(buffer, static_cast<std::size_t>(size)));
            for (auto body = decoder.next(); body && *body; body = decoder.next()) {
                const auto request = decode_body<api::DataplaneRequest>(**body);
                if (!request || (is("silent") && has_answered))
                    continue;
                if (is("slow") && !has_answered)
                    ::sleep(slow_answer_s);
                has_answered = true;
                const std::string frame = encode_frame(answer(*request));
                if (::write(client.get(), frame.data(), frame.size()) < 0)
                    return;
            }
        }
    }

    int run() {
        if (is("broken"))
            return 3;
        if (is("stubborn"))
            ::signal(SIGTERM, SIG_IGN);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
        ::unlink(socket_path.c_str());
        const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
            ::listen(listener.get(), 8) != 0)
            return 4;
        while (true) {
            const Fd client(::accept(listener.get(), nullptr, nullptr));
            if (client)
                serve(client);
        }
    }
};

}  // namespace
}  // namespace headgate

int main(int argc, char** argv) {
    headgate::Fake fake;
    for (int index = 1; index + 1 < argc; index += 2) {
        const std::string_view name = argv[index];
        if (name == "--socket")
            fake.socket_path = argv[index + 1];
        else if (name == "--xdp-mode")
            fake.mode = argv[index + 1];
        else if (name == "--flow-cache")
            fake.cached_flows = static_cast<std::uint32_t>(std::stoul(argv[index + 1]));
        else if (name == "--pins")
            headgate::pins = argv[index + 1];
        else if (name == "--interface")
            fake.interfaces.emplace_back(argv[index + 1]);
        else
            return 5;
    }
    ::signal(SIGPIPE, SIG_IGN);
    headgate::followed = headgate::pins + "/followed";
    ::signal(SIGHUP, headgate::leave);
    // A test that fails must not leave it behind for ever.
    ::alarm(60);
    return fake.run();
}
