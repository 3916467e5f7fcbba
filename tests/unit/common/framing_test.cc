// Goal: messages survive any cutting of the byte stream, and a lying length is refused at once.
#include "common/framing.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"

namespace headgate {
namespace {

api::ServiceTable sample_table() {
    api::ServiceTable table;
    table.set_generation(42);
    auto* service = table.add_services();
    service->set_address("192.0.2.10");
    service->set_port(80);
    service->add_destinations()->set_address("192.0.2.21");
    return table;
}

TEST(Framing, DeliversMessagesByteByByte) {
    const std::string stream = encode_frame(sample_table()) + encode_frame(api::Empty{});
    FrameDecoder decoder;
    std::vector<std::string> bodies;
    for (const char byte : stream) {
        decoder.feed(std::span(&byte, 1));
        const auto next = decoder.next();
        ASSERT_TRUE(next);
        if (*next)
            bodies.push_back(**next);
    }
    ASSERT_EQ(bodies.size(), 2U);
    const auto table = decode_body<api::ServiceTable>(bodies[0]);
    ASSERT_TRUE(table);
    EXPECT_EQ(table->generation(), 42U);
    EXPECT_EQ(table->services(0).destinations(0).address(), "192.0.2.21");
    EXPECT_TRUE(bodies[1].empty());
}

TEST(Framing, RefusesAnImpossibleLength) {
    FrameDecoder decoder;
    decoder.feed(std::span("\xff\xff\xff\xff", 4));
    const auto next = decoder.next();
    ASSERT_FALSE(next);
    EXPECT_NE(next.error().message.find("4294967295"), std::string::npos);
}

TEST(Framing, ReportsABodyOfAnotherKind) {
    EXPECT_FALSE(decode_body<api::ServiceTable>("\x0a"));
}

}  // namespace
}  // namespace headgate
