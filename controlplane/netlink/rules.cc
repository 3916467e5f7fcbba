#include "controlplane/netlink/rules.h"

#include <cerrno>
#include <cstdint>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

using config::NumberRange;
using config::Rule;

void put_prefix(nl_msg* message, int attribute, const std::optional<Prefix>& prefix) {
    if (prefix && prefix->length > 0)
        put_address(message, attribute, prefix->address);
}

void put_ports(nl_msg* message, int attribute, const std::optional<NumberRange>& ports) {
    if (!ports)
        return;
    const fib_rule_port_range range{.start = static_cast<std::uint16_t>(ports->first),
                                    .end = static_cast<std::uint16_t>(ports->last)};
    put_bytes(message, attribute, &range, sizeof range);
}

void put_selectors(nl_msg* message, const Rule& rule) {
    if (rule.mark)
        put_u32(message, FRA_FWMARK, *rule.mark);
    if (rule.mark_mask)
        put_u32(message, FRA_FWMASK, *rule.mark_mask);
    if (!rule.in_interface.empty())
        put_text(message, FRA_IIFNAME, rule.in_interface.c_str());
    if (!rule.out_interface.empty())
        put_text(message, FRA_OIFNAME, rule.out_interface.c_str());
    if (rule.tunnel_id)
        put_u64(message, FRA_TUN_ID, BigEndian<std::uint64_t>(*rule.tunnel_id).raw());
    if (rule.users) {
        const fib_rule_uid_range range{.start = rule.users->first, .end = rule.users->last};
        put_bytes(message, FRA_UID_RANGE, &range, sizeof range);
    }
    if (rule.ip_protocol)
        put_u8(message, FRA_IP_PROTO, *rule.ip_protocol);
    put_ports(message, FRA_SPORT_RANGE, rule.source_ports);
    put_ports(message, FRA_DPORT_RANGE, rule.destination_ports);
}

Message request(int type, int flags, const Rule& rule) {
    constexpr std::uint32_t table_max_in_header = 255;
    Message message = new_request(type, flags);
    fib_rule_hdr header{};
    header.family = number_of(rule.family);
    header.src_len = rule.from ? rule.from->length : 0;
    header.dst_len = rule.to ? rule.to->length : 0;
    header.tos = rule.tos;
    header.table = rule.table <= table_max_in_header ? static_cast<std::uint8_t>(rule.table)
                                                     : std::uint8_t{RT_TABLE_UNSPEC};
    header.action = rule.action;
    header.flags = rule.inverted ? std::uint32_t{FIB_RULE_INVERT} : 0;
    nl_msg* const raw = message.get();
    put_header(raw, header);
    put_u32(raw, FRA_PRIORITY, rule.preference);
    put_u8(raw, FRA_PROTOCOL, rule.protocol);
    put_prefix(raw, FRA_SRC, rule.from);
    put_prefix(raw, FRA_DST, rule.to);
    put_selectors(raw, rule);
    if (rule.table != 0)
        put_u32(raw, FRA_TABLE, rule.table);
    if (rule.target != 0)
        put_u32(raw, FRA_GOTO, rule.target);
    if (rule.realms != 0)
        put_u32(raw, FRA_FLOW, rule.realms);
    if (rule.suppress_prefix_length)
        put_u32(raw, FRA_SUPPRESS_PREFIXLEN, *rule.suppress_prefix_length);
    if (rule.suppress_interface_group)
        put_u32(raw, FRA_SUPPRESS_IFGROUP, *rule.suppress_interface_group);
    if (rule.l3mdev)
        put_u8(raw, FRA_L3MDEV, 1);
    return message;
}

}  // namespace

Message add_request(const Rule& rule) {
    return request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

Message remove_request(const Rule& rule) {
    return request(RTM_DELRULE, 0, rule);
}

Result<RuleWriter> RuleWriter::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    return RuleWriter(std::move(*socket));
}

Result<void> RuleWriter::add(const Rule& rule) {
    auto added = perform(socket_.get(), add_request(rule));
    if (!added && added.error().code == EEXIST)
        return {};
    return added;
}

Result<void> RuleWriter::remove(const Rule& rule) {
    auto removed = perform(socket_.get(), remove_request(rule));
    if (!removed && removed.error().code == ENOENT)
        return {};
    return removed;
}

}  // namespace headgate::netlink
