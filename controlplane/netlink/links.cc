#include "controlplane/netlink/links.h"

#include <cerrno>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

Message link_request(int type, int flags, int index, unsigned link_flags = 0) {
    Message message = new_request(type, flags);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    header.ifi_flags = link_flags;
    header.ifi_change = link_flags;
    put_header(message.get(), header);
    return message;
}

void put_mode(nl_msg* message, const StackedLink& link) {
    const Nest information(message, IFLA_LINKINFO);
    const auto* const ipvlan = std::get_if<Ipvlan>(&link);
    put_text(message, IFLA_INFO_KIND, ipvlan != nullptr ? "ipvlan" : "macvlan");
    const Nest data(message, IFLA_INFO_DATA);
    if (ipvlan == nullptr) {
        put_u32(message, IFLA_MACVLAN_MODE, MACVLAN_MODE_VEPA);
        return;
    }
    put_u16(message, IFLA_IPVLAN_MODE, IPVLAN_MODE_L2);
    put_u16(message, IFLA_IPVLAN_FLAGS, ipvlan->flags);
}

}  // namespace

Result<LinkWriter> LinkWriter::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    return LinkWriter(std::move(*socket));
}

Message request_to_add(int base_index, const std::string& name, const StackedLink& link) {
    Message message = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
    nl_msg* const raw = message.get();
    put_u32(raw, IFLA_LINK, static_cast<std::uint32_t>(base_index));
    put_text(raw, IFLA_IFNAME, name.c_str());
    if (const auto* const macvlan = std::get_if<Macvlan>(&link))
        put_bytes(raw, IFLA_ADDRESS, macvlan->mac.bytes.data(), macvlan->mac.bytes.size());
    put_mode(raw, link);
    return message;
}

Message request_for_mode(int index, const StackedLink& link) {
    Message message = link_request(RTM_NEWLINK, 0, index);
    put_mode(message.get(), link);
    return message;
}

Result<void> LinkWriter::add(int base_index, const std::string& name, const StackedLink& link) {
    return perform(socket_.get(), request_to_add(base_index, name, link));
}

Result<void> LinkWriter::set_mode(int index, const StackedLink& link) {
    return perform(socket_.get(), request_for_mode(index, link));
}

Result<void> LinkWriter::set_up(int index) {
    return perform(socket_.get(), link_request(RTM_NEWLINK, 0, index, IFF_UP));
}

Result<void> LinkWriter::set_alias(int index, const std::string& text) {
    Message message = link_request(RTM_NEWLINK, 0, index);
    put_bytes(message.get(), IFLA_IFALIAS, text.data(), text.size());
    return perform(socket_.get(), std::move(message));
}

Result<void> LinkWriter::remove(int index) {
    auto removed = perform(socket_.get(), link_request(RTM_DELLINK, 0, index));
    if (!removed && removed.error().code == ENODEV)
        return {};
    return removed;
}

}  // namespace headgate::netlink
