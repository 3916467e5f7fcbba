#include "controlplane/netlink/generic.h"

#include <cerrno>
#include <optional>
#include <utility>

#include <linux/netlink.h>

namespace headgate::netlink {

namespace {

constexpr std::uint8_t controller_version = 2;

}  // namespace

Result<GenericSocket> GenericSocket::open(const std::string& family, std::uint8_t version) {
    auto socket = open_socket(NETLINK_GENERIC);
    if (!socket)
        return tl::unexpected(socket.error());
    GenericSocket controller(std::move(*socket), GENL_ID_CTRL, controller_version);
    Message request = controller.request(CTRL_CMD_GETFAMILY);
    put_text(request.get(), CTRL_ATTR_FAMILY_NAME, family.c_str());
    std::optional<std::uint16_t> id;
    const auto asked = controller.ask(std::move(request), [&id](nlmsghdr* message) {
        Attributes<CTRL_ATTR_MAX> attributes{};
        if (!parse_generic<CTRL_ATTR_MAX>(message, attributes))
            return;
        if (const nlattr* const number = attributes[CTRL_ATTR_FAMILY_ID];
            number != nullptr && nla_len(number) >= static_cast<int>(sizeof(std::uint16_t)))
            id = nla_get_u16(number);
    });
    if (!asked)
        return tl::unexpected(asked.error());
    if (!id)
        return fail_code(ENOENT, "find the netlink family {}", family);
    return GenericSocket(std::move(controller.socket_), *id, version);
}

Message GenericSocket::request(std::uint8_t command, int flags) const {
    Message message = new_request(family_, flags);
    put_header(message.get(), genlmsghdr{.cmd = command, .version = version_, .reserved = 0});
    return message;
}

Result<void> GenericSocket::perform(Message request) {
    return netlink::perform(socket_.get(), std::move(request));
}

Result<void> GenericSocket::ask(Message request, const std::function<void(nlmsghdr*)>& handle) {
    return netlink::ask(socket_.get(), std::move(request), handle);
}

}  // namespace headgate::netlink
