// Goal: a socket path becomes an address exactly as it is, or is refused with its length's limit.
#include "common/unix_socket.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(UnixAddress, TakesThePathAsItIs) {
    const std::string path(sizeof(sockaddr_un::sun_path) - 1, 'x');
    const auto address = unix_address(path);
    ASSERT_TRUE(address);
    EXPECT_EQ(address->sun_family, AF_UNIX);
    EXPECT_EQ(std::string(static_cast<const char*>(address->sun_path)), path);
}

TEST(UnixAddress, RefusesOneByteMore) {
    const auto address = unix_address(std::string(sizeof(sockaddr_un::sun_path), 'x'));
    ASSERT_FALSE(address);
    EXPECT_NE(address.error().message.find("107 bytes"), std::string::npos);
}

}  // namespace
}  // namespace headgate
