// Goal: the control API answers good clients while others are hostile, slow or gone, and bounds
// what each can hold. Method: the real server on a socket of the test's own, and plain blocking
// sockets as clients, driven step by step on one thread.
#include "controlplane/admin/server.h"

#include <filesystem>
#include <optional>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "common/api.pb.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/framing.h"

namespace headgate::admin {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds deadline{20};

api::ControlRequest status_request() {
    api::ControlRequest request;
    request.mutable_get_status();
    return request;
}

class AdminServerTest : public testing::Test {
protected:
    AdminServerTest() {
        std::string name = testing::TempDir() + "headgate-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        path_ = directory_ / "api.sock";
        auto server = AdminServer::listen(context_, path_,
                                          {.get_status =
                                               [this](AdminServer::Answer answer) {
                                                   ++status_requests_;
                                                   if (hold_)
                                                       held_ = std::move(answer);
                                                   else
                                                       answer(status());
                                               },
                                           .get_ipvs = {},
                                           .reload =
                                               [](const AdminServer::Answer& answer) {
                                                   api::ControlReply reply;
                                                   reply.set_error("line 3 is wrong");
                                                   answer(reply);
                                               },
                                           .why = {},
                                           .failover = {},
                                           .dataplane = {}});
        EXPECT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
    }
    ~AdminServerTest() override {
        server_.reset();
        context_.run_for(milliseconds(10));
        std::filesystem::remove_all(directory_);
    }

    api::ControlReply status() const {
        api::ControlReply reply;
        reply.mutable_status()->set_router_id("lb1");
        reply.mutable_status()->set_config_error(std::string(padding_, 'x'));
        return reply;
    }
    Fd connect() {
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path_.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        return fd;
    }
    void send(const Fd& client, const std::string& bytes) {
        EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    // The next reply, or nullopt when the server closed the connection.
    std::optional<api::ControlReply> receive(const Fd& client) {
        FrameDecoder decoder;
        const Instant end = std::chrono::steady_clock::now() + deadline;
        while (std::chrono::steady_clock::now() < end) {
            context_.run_for(milliseconds(1));
            char buffer[65536];
            const ssize_t size = ::recv(client.get(), buffer, sizeof(buffer), 0);
            if (size == 0 || (size < 0 && errno == ECONNRESET))
                return std::nullopt;
            if (size > 0)
                decoder.feed(std::span<const char>(buffer, static_cast<std::size_t>(size)));
            const auto body = decoder.next();
            if (body && *body)
                return *decode_body<api::ControlReply>(**body);
        }
        ADD_FAILURE() << "no answer within the deadline";
        return std::nullopt;
    }
    std::optional<api::ControlReply> ask(const Fd& client) {
        send(client, encode_frame(status_request()));
        return receive(client);
    }
    void expect_still_serving() {
        const auto reply = ask(connect());
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->status().router_id(), "lb1");
    }

    boost::asio::io_context context_;
    std::filesystem::path directory_;
    std::filesystem::path path_;
    std::size_t padding_ = 0;
    bool hold_ = false;
    AdminServer::Answer held_;
    int status_requests_ = 0;
    std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, AnswersRequestsInOrder) {
    const Fd client = connect();
    api::ControlRequest reload;
    reload.mutable_reload();
    send(client, encode_frame(status_request()) + encode_frame(reload));
    FrameDecoder decoder;
    const auto first = receive(client);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->status().router_id(), "lb1");
    send(client, encode_frame(reload));
    const auto second = receive(client);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->error(), "line 3 is wrong");
}

TEST_F(AdminServerTest, TheSocketIsForOwnerAndGroup) {
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    server_.reset();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(AdminServerTest, AnEmptyRequestIsAnErrorNotAnEnd) {
    const Fd client = connect();
    send(client, encode_frame(api::ControlRequest{}));
    const auto reply = receive(client);
    ASSERT_TRUE(reply);
    EXPECT_NE(reply->error(), "");
    EXPECT_TRUE(ask(client));
}

TEST_F(AdminServerTest, WhatIsNotAFrameEndsTheConnection) {
    for (const std::string& bytes :
         {std::string("\xff\xff\xff\xff"), std::string("GET / HTTP/1.1\r\n"),
          std::string("\0\0\0\2\x0a\xff", 6)}) {
        const Fd client = connect();
        send(client, bytes);
        EXPECT_FALSE(receive(client));
    }
    expect_still_serving();
}

TEST_F(AdminServerTest, ARequestThatNeverEndsIsCutOff) {
    const Fd client = connect();
    // A length within the bounds of a message, far beyond those of a request.
    send(client, std::string("\0\x10\0\0", 4) + std::string(2 * request_bytes_max, 'x'));
    EXPECT_FALSE(receive(client));
    expect_still_serving();
}

TEST_F(AdminServerTest, AClientThatDoesNotReadBlocksNobody) {
    padding_ = 4U << 20U;  // more than a socket buffer holds
    const Fd slow = connect();
    send(slow, encode_frame(status_request()));
    context_.run_for(milliseconds(20));
    EXPECT_EQ(status_requests_, 1);
    padding_ = 0;
    expect_still_serving();
}

TEST_F(AdminServerTest, TooManyClientsAreTurnedAwayAndRoomComesBack) {
    std::vector<Fd> clients;
    for (std::size_t count = 0; count < clients_max; ++count) {
        clients.push_back(connect());
        context_.run_for(milliseconds(1));
    }
    const Fd extra = connect();
    EXPECT_FALSE(receive(extra));
    clients.clear();
    context_.run_for(milliseconds(5));
    expect_still_serving();
}

TEST_F(AdminServerTest, AnAnswerForAClientThatHasGoneIsDropped) {
    hold_ = true;
    {
        const Fd client = connect();
        send(client, encode_frame(status_request()));
        context_.run_for(milliseconds(5));
    }
    ASSERT_TRUE(held_);
    context_.run_for(milliseconds(5));
    held_(status());
    context_.run_for(milliseconds(5));
    hold_ = false;
    expect_still_serving();
}

TEST_F(AdminServerTest, MayGoAwayWhileAnAnswerIsDue) {
    hold_ = true;
    const Fd client = connect();
    send(client, encode_frame(status_request()));
    context_.run_for(milliseconds(5));
    ASSERT_TRUE(held_);
    server_.reset();
    context_.run_for(milliseconds(5));
    held_(status());
    context_.run_for(milliseconds(5));
    EXPECT_FALSE(receive(client));
}

}  // namespace
}  // namespace headgate::admin
