// Rows of the schema table: what the kernel keeps for sockets that are not read at the moment.
#include <cctype>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t buffer_min = 256;
constexpr std::int64_t buffer_max = 1 << 30;

// BYTES, or a policy of keepalived's: room for a few adverts. Linux counts some 800 bytes of its
// own for each, so that there would be room for one or two.
void set_receive_buffers(const Context& context, const Value& value) {
    const Word& word = value.words.front();
    if (value.words.size() > 1) {
        context.report.error(value.words[1].span, "this is out of place", expectation(*value.row));
    } else if (std::isdigit(static_cast<unsigned char>(word.text.front())) == 0) {
        const bool is_policy = word.text == "MTU" || word.text == "ADVERT";
        if (is_policy)
            context.report.warning(
                word.span, "a buffer of that size loses adverts; that of the system is used",
                "write a number of bytes, or remove it");
        else
            context.report.error(word.span, "this is no size", expectation(*value.row));
    } else if (const auto bytes = read_number(word, buffer_min, buffer_max, context.report,
                                              expectation(*value.row))) {
        context.drafts.global.transport.receive_buffer_bytes = {static_cast<std::uint32_t>(*bytes),
                                                                word.span};
    }
}

// Notifications that the kernel had no room for are noticed, and everything is read anew.
constexpr const char* of_netlink =
    "Accepted: a full buffer does no harm, since all that it is about is read anew then.";

constexpr Keyword bytes_row(std::string_view name) {
    return {.blocks = Block::global_defs,
            .name = name,
            .argument = number(1, buffer_max),
            .handler = accept_only,
            .doc = of_netlink};
}

constexpr Keyword force_row(std::string_view name) {
    return {.blocks = Block::global_defs,
            .name = name,
            .argument = flag(),
            .handler = accept_only,
            .doc = of_netlink};
}

constexpr Keyword buffer_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "kernel_rx_buf_size",
        .argument = number(buffer_min, buffer_max),
        .default_text = "that of vrrp_rx_bufs_policy in global_defs",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->transport.receive_buffer_bytes = {
                    static_cast<std::uint32_t>(value.number), value.where};
            },
        .doc = "Bytes that the kernel keeps of adverts that were not read yet.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_rx_bufs_policy",
        .argument = words("BYTES"),
        .default_text = "that of the system",
        .handler = set_receive_buffers,
        .doc = "`kernel_rx_buf_size` of those instances that have none. keepalived's policies, MTU "
               "and ADVERT, would lose adverts: the system's default is used.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_rx_bufs_multiplier",
        .argument = number(1, buffer_max),
        .handler = accept_only,
        .doc = "Accepted: it belongs to the policies that `vrrp_rx_bufs_policy` does not follow.",
    },
    bytes_row("vrrp_netlink_cmd_rcv_bufs"),
    force_row("vrrp_netlink_cmd_rcv_bufs_force"),
    bytes_row("vrrp_netlink_monitor_rcv_bufs"),
    force_row("vrrp_netlink_monitor_rcv_bufs_force"),
    bytes_row("lvs_netlink_cmd_rcv_bufs"),
    force_row("lvs_netlink_cmd_rcv_bufs_force"),
    bytes_row("lvs_netlink_monitor_rcv_bufs"),
    force_row("lvs_netlink_monitor_rcv_bufs_force"),
};

}  // namespace

std::span<const Keyword> buffer_keywords() {
    return buffer_rows;
}

}  // namespace headgate::config
