// Attributes of netlink messages: put into a request that has room for them, found in a message
// of the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "common/check.h"
#include "common/net.h"

namespace headgate::netlink {

inline void put_u8(nl_msg* message, int attribute, std::uint8_t value) {
    check(nla_put_u8(message, attribute, value) == 0, "the message has room");
}
inline void put_u16(nl_msg* message, int attribute, std::uint16_t value) {
    check(nla_put_u16(message, attribute, value) == 0, "the message has room");
}
inline void put_u32(nl_msg* message, int attribute, std::uint32_t value) {
    check(nla_put_u32(message, attribute, value) == 0, "the message has room");
}
inline void put_u64(nl_msg* message, int attribute, std::uint64_t value) {
    check(nla_put_u64(message, attribute, value) == 0, "the message has room");
}
inline void put_bytes(nl_msg* message, int attribute, const void* bytes, std::size_t size) {
    check(nla_put(message, attribute, static_cast<int>(size), bytes) == 0, "the message has room");
}
inline void put_address(nl_msg* message, int attribute, const IpAddress& address) {
    put_bytes(message, attribute, address.bytes().data(), address.bytes().size());
}
// With its final zero.
inline void put_text(nl_msg* message, int attribute, const char* text) {
    check(nla_put_string(message, attribute, text) == 0, "the message has room");
}
template <typename Header>
void put_header(nl_msg* message, const Header& header) {
    Header copy = header;
    check(nlmsg_append(message, &copy, sizeof copy, NLMSG_ALIGNTO) == 0, "the message has room");
}

// An attribute that holds others, for as long as this lives.
class Nest {
public:
    Nest(nl_msg* message, int attribute)
        : message_(message), start_(nla_nest_start(message, attribute)) {
        check(start_ != nullptr, "the message has room");
    }
    ~Nest() { nla_nest_end(message_, start_); }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

private:
    nl_msg* message_;
    nlattr* start_;
};

// Attributes by their type; none points outside the message.
template <int last>
using Attributes = std::array<nlattr*, last + 1>;

// Null when the message is too short for its header.
template <typename Header, int last>
const Header* parse(nlmsghdr* message, Attributes<last>& attributes) {
    if (nlmsg_parse(message, sizeof(Header), attributes.data(), last, nullptr) < 0)
        return nullptr;
    return static_cast<const Header*>(nlmsg_data(message));
}

// Nothing where the attribute is missing, or of another size than the address has.
std::optional<IpAddress> address_of(const nlattr* attribute, Family family);
std::optional<std::uint32_t> u32_of(const nlattr* attribute);
// With or without a final zero; empty where the attribute is missing. Into the message.
std::string_view text_of(const nlattr* attribute);

// AF_INET, AF_INET6.
[[nodiscard]] std::uint8_t number_of(Family family);
// Nothing for other families.
[[nodiscard]] std::optional<Family> family_of(std::uint8_t number);

}  // namespace headgate::netlink
