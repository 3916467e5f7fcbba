// Goal: packets, filters and captures are written as people and other programs read them.
// The bytes of a capture are read by a reader of this test's own, and in the lab by tcpdump.
#include <cstring>

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/cli/arguments.h"
#include "controlplane/cli/packet_text.h"
#include "controlplane/cli/pcapng.h"
#include "controlplane/cli/render_packets.h"

namespace headgate::cli {
namespace {

TEST(PacketText, IsReadInItsParts) {
    const auto tcp = parse_packet("tcp 198.51.100.7:40112 > 192.0.2.10:443");
    ASSERT_TRUE(tcp) << tcp.error().message;
    EXPECT_EQ(tcp->protocol(), api::TCP);
    EXPECT_EQ(tcp->client(), "198.51.100.7");
    EXPECT_EQ(tcp->client_port(), 40112U);
    EXPECT_EQ(tcp->address(), "192.0.2.10");
    EXPECT_EQ(tcp->port(), 443U);
    EXPECT_TRUE(tcp->syn() && !tcp->ack() && !tcp->fin() && !tcp->rst());
    const auto v6 = parse_packet("udp [2001:db8::7]:4000 > [2001:db8::10]:53");
    ASSERT_TRUE(v6) << v6.error().message;
    EXPECT_EQ(v6->client(), "2001:db8::7");
    EXPECT_FALSE(v6->syn());
    const auto flags = parse_packet("sctp 198.51.100.7:1 > 192.0.2.10:2 fin|ack");
    ASSERT_TRUE(flags) << flags.error().message;
    EXPECT_TRUE(!flags->syn() && flags->ack() && flags->fin() && !flags->rst());
}

TEST(PacketText, ThatIsNoneSaysWhatToWrite) {
    for (const char* text :
         {"", "tcp", "tcp 192.0.2.1:1 192.0.2.2:2", "tcp 192.0.2.1 > 192.0.2.2:2",
          "tcp 192.0.2.1:1 > 192.0.2.2:70000", "tcp 2001:db8::1:1 > 2001:db8::2:2",
          "tcp [192.0.2.1]:1 > 192.0.2.2:2", "ospf 192.0.2.1:1 > 192.0.2.2:2",
          "udp 192.0.2.1:1 > 192.0.2.2:2 syn", "tcp 192.0.2.1:1 > 192.0.2.2:2 syn|urg",
          "tcp 192.0.2.1:1 > 192.0.2.2:2 syn more"})
        EXPECT_FALSE(parse_packet(text)) << text;
}

TEST(PacketArguments, AreReadAsTheyAreMeant) {
    const auto live =
        parse_arguments({"trace", "--live", "proto", "udp", "client", "198.51.100.0/24", "service",
                         "192.0.2.10:53/udp", "server", "10.0.0.1", "reason", "no_connection",
                         "verdict", "kernel", "--count", "3", "--for", "5s"});
    ASSERT_TRUE(live) << live.error().message;
    EXPECT_EQ(live->command, Arguments::Command::trace_live);
    EXPECT_EQ(live->watch.ip_protocol, 17U);
    EXPECT_EQ(live->watch.flow.client, "198.51.100.0/24");
    EXPECT_EQ(live->watch.flow.service, "192.0.2.10:53/udp");
    EXPECT_EQ(live->watch.flow.server, "10.0.0.1");
    EXPECT_EQ(live->watch.reason, "no_connection");
    EXPECT_EQ(live->watch.verdict, "kernel");
    EXPECT_EQ(live->packets_max, 3U);
    EXPECT_EQ(live->watch_time, std::chrono::seconds(5));
    const auto capture = parse_arguments({"capture", "-w", "-", "--snaplen", "96"});
    ASSERT_TRUE(capture) << capture.error().message;
    EXPECT_EQ(capture->capture_file, "-");
    EXPECT_EQ(capture->capture_bytes, 96U);
    EXPECT_EQ(capture->watch_time, std::chrono::minutes(1));
    const auto trace = parse_arguments({"trace", "tcp", "1.2.3.4:5", ">", "1.2.3.5:6"});
    ASSERT_TRUE(trace) << trace.error().message;
    EXPECT_EQ(trace->operand, "tcp 1.2.3.4:5 > 1.2.3.5:6");
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"trace"},
                                               {"trace", "x", "--count", "1"},
                                               {"trace", "--live", "proto"},
                                               {"trace", "--live", "proto", "ospf"},
                                               {"trace", "--live", "verdict", "maybe"},
                                               {"trace", "--live", "service", "web"},
                                               {"trace", "--live", "-w", "x"},
                                               {"capture"},
                                               {"capture", "-w", "x", "--count", "0"},
                                               {"capture", "-w", "x", "--snaplen", "0"},
                                               {"status", "--live"},
                                               {"status", "--for", "1s"}})
        EXPECT_FALSE(parse_arguments(words)) << testing::PrintToString(words);
}

// A block of a capture, as another program reads it.
struct Block {
    std::uint32_t type = 0;
    std::string body;
};

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    return word;
}

std::vector<Block> read_blocks(const std::string& bytes) {
    std::vector<Block> blocks;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::uint32_t length = word_at(bytes, at + 4);
        EXPECT_EQ(length % 4, 0U);
        EXPECT_EQ(word_at(bytes, at + length - 4), length);
        blocks.push_back({word_at(bytes, at), bytes.substr(at + 8, length - 12)});
        at += length;
    }
    return blocks;
}

// Code and value of each option from `at` on.
std::vector<std::pair<std::uint32_t, std::string>> read_options(const std::string& body,
                                                                std::size_t at) {
    std::vector<std::pair<std::uint32_t, std::string>> options;
    while (word_at(body, at) != 0) {
        const std::uint32_t code = word_at(body, at) & 0xffffU;
        const std::uint32_t length = word_at(body, at) >> 16U;
        options.emplace_back(code, body.substr(at + 4, length));
        at += 4 + (length + 3) / 4 * 4;
    }
    EXPECT_EQ(at + 4, body.size());
    return options;
}

TEST(Pcapng, IsReadBack) {
    const std::string frame = "seventeen bytes..";
    const std::string file = pcapng::section_header() + pcapng::interface_description("eth0", 96) +
                             pcapng::enhanced_packet({.interface = 0,
                                                      .unix_ns = 0x0102030405060708U,
                                                      .frame = frame,
                                                      .frame_bytes = 1500,
                                                      .queue = 3,
                                                      .comment = "headgate: drop source_invalid"}) +
                             pcapng::interface_statistics(0, 1, 42);
    const std::vector<Block> blocks = read_blocks(file);
    ASSERT_EQ(blocks.size(), 4U);
    EXPECT_EQ(blocks[0].type, 0x0a0d0d0aU);
    EXPECT_EQ(word_at(blocks[0].body, 0), 0x1a2b3c4dU);
    EXPECT_EQ(blocks[1].type, 1U);
    EXPECT_EQ(word_at(blocks[1].body, 0), 1U) << "Ethernet";
    EXPECT_EQ(word_at(blocks[1].body, 4), 96U);
    using Options = std::vector<std::pair<std::uint32_t, std::string>>;
    EXPECT_EQ(read_options(blocks[1].body, 8), (Options{{2, "eth0"}, {9, "\x09"}}));
    EXPECT_EQ(blocks[2].type, 6U);
    EXPECT_EQ(word_at(blocks[2].body, 4), 0x01020304U);
    EXPECT_EQ(word_at(blocks[2].body, 8), 0x05060708U);
    EXPECT_EQ(word_at(blocks[2].body, 12), frame.size());
    EXPECT_EQ(word_at(blocks[2].body, 16), 1500U);
    EXPECT_EQ(blocks[2].body.substr(20, frame.size()), frame);
    EXPECT_EQ(read_options(blocks[2].body, 40),
              (Options{{1, "headgate: drop source_invalid"}, {6, std::string("\3\0\0\0", 4)}}));
    EXPECT_EQ(blocks[3].type, 5U);
    EXPECT_EQ(read_options(blocks[3].body, 12),
              (Options{{7, std::string("\x2a\0\0\0\0\0\0\0", 8)}}));
}

api::WorkerTrace new_connection() {
    api::WorkerTrace trace;
    trace.set_verdict("transmit");
    trace.set_reason("none");
    api::TracedService& service = *trace.mutable_service();
    service.set_address("192.0.2.10");
    service.set_port(443);
    service.set_protocol(api::TCP);
    service.set_active(true);
    service.set_scheduler(api::WLC);
    trace.set_entry("made");
    api::TracedServer& server = *trace.mutable_server();
    server.set_address("10.0.0.11");
    server.set_port(443);
    server.set_weight(2);
    server.set_mac("02:00:00:00:00:11");
    server.set_method(api::DR);
    server.set_active_connections(3);
    *trace.mutable_pick()->add_candidates() = server;
    trace.mutable_pick()->add_candidates()->set_weight(0);
    return trace;
}

TEST(TraceText, HasALineForEachDecision) {
    api::Trace trace;
    api::InterfaceTrace& interface = *trace.add_interfaces();
    interface.set_interface("eth0");
    interface.set_steered(true);
    *interface.add_workers() = new_connection();
    *interface.add_workers() = new_connection();
    interface.mutable_workers(1)->set_worker(1);
    EXPECT_EQ(render_trace(trace, {}),
              "eth0, any of its 2 workers:\n"
              "  steering    the XDP program gives it to a worker\n"
              "  service     192.0.2.10:443/tcp, active\n"
              "  connection  none is known\n"
              "  pick        wlc: 10.0.0.11, the fewest connections for its weight (of 2, 1 of "
              "weight 0)\n"
              "  server      10.0.0.11:443, weight 2, 3 active and 0 inactive connections, DR by "
              "02:00:00:00:00:11\n"
              "  entry       it gets one in the connection table\n"
              "  verdict     transmit\n");
    EXPECT_TRUE(is_forwarded(trace));
    interface.mutable_workers(1)->mutable_server()->set_address("10.0.0.12");
    const std::string differing = render_trace(trace, {});
    EXPECT_NE(differing.find("eth0, worker 0:\n"), std::string::npos);
    EXPECT_NE(differing.find("eth0, worker 1:\n"), std::string::npos);
    interface.mutable_workers(1)->set_verdict("drop");
    EXPECT_FALSE(is_forwarded(trace));
}

}  // namespace
}  // namespace headgate::cli
