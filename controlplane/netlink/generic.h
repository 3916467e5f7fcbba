// Generic netlink: the families of the kernel that have no netlink protocol of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <linux/genetlink.h>

#include "common/result.h"
#include "controlplane/netlink/attributes.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

// A blocking socket to one family in this network namespace. One thread.
class GenericSocket {
public:
    // The kernel may load a module that has the family meanwhile. Error::code ENOENT: there is none
    // of this name.
    static Result<GenericSocket> open(const std::string& family, std::uint8_t version);

    // A request with NLM_F_* flags beside those that every request has.
    [[nodiscard]] Message request(std::uint8_t command, int flags = 0) const;

    // As the functions of these names in socket.h.
    Result<void> perform(Message request);
    Result<void> ask(Message request, const std::function<void(nlmsghdr*)>& handle);

private:
    GenericSocket(Socket socket, std::uint16_t family, std::uint8_t version)
        : socket_(std::move(socket)), family_(family), version_(version) {}

    Socket socket_;
    std::uint16_t family_;
    std::uint8_t version_;
};

// The attributes of a message of a family; false when it is too short for its header.
template <int last>
bool parse_generic(nlmsghdr* message, Attributes<last>& attributes) {
    return parse<genlmsghdr, last>(message, attributes) != nullptr;
}

// The attributes within one; all null when it is missing or broken.
template <int last>
Attributes<last> nested(nlattr* attribute) {
    Attributes<last> inner{};
    if (attribute == nullptr || nla_parse_nested(inner.data(), last, attribute, nullptr) < 0)
        inner.fill(nullptr);
    return inner;
}

}  // namespace headgate::netlink
