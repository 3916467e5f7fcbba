// Goal: every request on the control socket gets its reply, however its bytes arrive; a client
// that breaks the protocol loses its connection and nobody else's. Method: real sockets in a
// folder of the test's own, server and clients driven by one thread.
#include "dataplane/control_server.h"

#include <filesystem>
#include <optional>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/api.pb.h"

namespace headgate::dataplane {
namespace {

api::DataplaneRequest request_of(std::uint64_t generation) {
    api::DataplaneRequest request;
    request.mutable_apply()->set_generation(generation);
    return request;
}

class ControlServerTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "/control-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        path_ = folder_ / "dataplane.sock";
        auto server = listen();
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }
    void TearDown() override {
        server_.reset();
        std::filesystem::remove_all(folder_);
    }

    // Answers with the generation it was sent, and notes who asked and who left.
    Result<std::unique_ptr<ControlServer>> listen() {
        return ControlServer::listen(
            path_, {[this](ClientId client, const api::DataplaneRequest& request) {
                        asked_.push_back(client);
                        api::DataplaneReply reply;
                        reply.mutable_state()->set_generation(request.apply().generation());
                        return reply;
                    },
                    [this](ClientId client) { left_.push_back(client); }});
    }

    // As listen(), but replies come when the test gives them.
    void listen_late() {
        server_.reset();
        auto server = ControlServer::listen(
            path_, {[this](ClientId client,
                           const api::DataplaneRequest&) -> std::optional<api::DataplaneReply> {
                        asked_.push_back(client);
                        return std::nullopt;
                    },
                    [this](ClientId client) { left_.push_back(client); }});
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }
    static api::DataplaneReply reply_of(std::uint64_t generation) {
        api::DataplaneReply reply;
        reply.mutable_state()->set_generation(generation);
        return reply;
    }

    // One round of the owner's poll loop over whatever is ready now.
    void serve() {
        std::vector<pollfd> fds;
        server_->add_poll_fds(fds);
        ::poll(fds.data(), fds.size(), 0);
        server_->handle(fds);
    }

    Fd connect() {
        Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(
            ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
        serve();
        return client;
    }

    static void send(const Fd& client, std::string_view bytes) {
        ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }

    // The generations of the replies that have arrived.
    static std::vector<std::uint64_t> replies(const Fd& client) {
        FrameDecoder decoder;
        std::array<char, 65536> buffer{};
        const ssize_t received = ::recv(client.get(), buffer.data(), buffer.size(), 0);
        if (received > 0)
            decoder.feed(std::span<const char>(buffer.data(), static_cast<std::size_t>(received)));
        std::vector<std::uint64_t> generations;
        while (true) {
            const auto body = decoder.next();
            if (!body || !*body)
                return generations;
            generations.push_back(decode_body<api::DataplaneReply>(**body)->state().generation());
        }
    }

    static bool closed(const Fd& client) {
        char byte = 0;
        return ::recv(client.get(), &byte, 1, 0) == 0;
    }

    std::filesystem::path folder_;
    std::string path_;
    std::vector<ClientId> asked_;
    std::vector<ClientId> left_;
    std::unique_ptr<ControlServer> server_;
};

using Generations = std::vector<std::uint64_t>;

TEST_F(ControlServerTest, AnswersRequestsInOrder) {
    const Fd client = connect();
    send(client, encode_frame(request_of(1)) + encode_frame(request_of(2)));
    serve();
    EXPECT_EQ(replies(client), (Generations{1, 2}));
}

TEST_F(ControlServerTest, WaitsForTheRestOfARequest) {
    const Fd client = connect();
    const std::string frame = encode_frame(request_of(7));
    for (const char byte : frame) {
        EXPECT_TRUE(asked_.empty());
        send(client, std::string_view(&byte, 1));
        serve();
    }
    EXPECT_EQ(replies(client), (Generations{7}));
}

TEST_F(ControlServerTest, KeepsClientsApart) {
    const Fd first = connect();
    const Fd second = connect();
    send(first, encode_frame(request_of(1)));
    send(second, encode_frame(request_of(2)));
    serve();
    EXPECT_EQ(replies(first), (Generations{1}));
    EXPECT_EQ(replies(second), (Generations{2}));
    ASSERT_EQ(asked_.size(), 2U);
    EXPECT_NE(asked_[0], asked_[1]);
}

TEST_F(ControlServerTest, TellsWhoLeft) {
    Fd first = connect();
    const Fd second = connect();
    send(first, encode_frame(request_of(1)));
    serve();
    first.reset();
    serve();
    EXPECT_EQ(left_, asked_);
    send(second, encode_frame(request_of(2)));
    serve();
    EXPECT_EQ(replies(second), (Generations{2}));
}

TEST_F(ControlServerTest, DisconnectsWhoBreaksTheProtocol) {
    for (const std::string_view garbage :
         {std::string_view("\xff\xff\xff\xff", 4), std::string_view("\0\0\0\2\xff\xff", 6)}) {
        const Fd good = connect();
        const Fd bad = connect();
        send(bad, garbage);
        serve();
        EXPECT_TRUE(closed(bad));
        send(good, encode_frame(request_of(3)));
        serve();
        EXPECT_EQ(replies(good), (Generations{3}));
    }
}

TEST_F(ControlServerTest, IsAloneOnItsPath) {
    const auto second = listen();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another headgate-dataplane"), std::string::npos);
    const Fd client = connect();
    send(client, encode_frame(request_of(1)));
    serve();
    EXPECT_EQ(replies(client), (Generations{1})) << "the first one is not disturbed";
}

TEST_F(ControlServerTest, RemovesItsSocketAndReplacesADeadOne) {
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
    // What a killed process leaves: a socket without an owner.
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    auto server = listen();
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    const Fd client = connect();
    send(client, encode_frame(request_of(5)));
    serve();
    EXPECT_EQ(replies(client), (Generations{5}));
}

TEST_F(ControlServerTest, ALateReplyHoldsUpItsClientOnly) {
    listen_late();
    const Fd slow = connect();
    const Fd other = connect();
    send(slow, encode_frame(request_of(1)) + encode_frame(request_of(2)));
    serve();
    send(other, encode_frame(request_of(3)));
    serve();
    ASSERT_EQ(asked_.size(), 2U) << "the second request waits for the first reply";
    server_->answer(asked_[1], reply_of(3));
    EXPECT_EQ(replies(other), (std::vector<std::uint64_t>{3}));
    EXPECT_TRUE(replies(slow).empty());
    server_->answer(asked_[0], reply_of(1));
    ASSERT_EQ(asked_.size(), 3U);
    server_->answer(asked_[2], reply_of(2));
    EXPECT_EQ(replies(slow), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(ControlServerTest, AReplyToAClientThatHasGoneIsDropped) {
    listen_late();
    {
        const Fd client = connect();
        send(client, encode_frame(request_of(1)));
        serve();
    }
    serve();
    ASSERT_EQ(left_.size(), 1U);
    server_->answer(asked_[0], reply_of(1));
    EXPECT_EQ(left_.size(), 1U);
}

}  // namespace
}  // namespace headgate::dataplane
