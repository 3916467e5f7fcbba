// See schema.h: what is asked of the table as a whole.
#include "controlplane/config/schema.h"

#include <array>

#include <fmt/format.h>

#include "common/check.h"

namespace headgate::config {
namespace {

std::array<std::span<const Keyword>, 22> table() {
    return {global_keywords(),
            protection_keywords(),
            dump_keywords(),
            global_announce_keywords(),
            vrrp_keywords(),
            vrrp_auth_keywords(),
            vrrp_transport_keywords(),
            instance_announce_keywords(),
            election_keywords(),
            sync_group_keywords(),
            tracking_keywords(),
            script_keywords(),
            held_keywords(),
            firewall_keywords(),
            vmac_keywords(),
            buffer_keywords(),
            bfd_keywords(),
            service_keywords(),
            lvs_keywords(),
            lvs_kernel_keywords(),
            checker_keywords(),
            scheduling_keywords()};
}

std::string joined(std::span<const Choice> choices, std::string_view separator, bool carried_only) {
    std::string text;
    for (const Choice& choice : choices) {
        if (carried_only && !choice.instead.empty())
            continue;
        if (!text.empty())
            text += separator;
        text += choice.name;
    }
    return text;
}

// 10000 → "0.01"
std::string as_seconds(std::int64_t microseconds) {
    std::string text =
        fmt::format("{:.6f}", static_cast<double>(microseconds) / microseconds_per_second);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.'))
        text.pop_back();
    return text;
}

std::string range(const Argument& argument, std::string_view between) {
    if (argument.kind == ArgumentKind::seconds)
        return fmt::format("{}{}{}", as_seconds(argument.minimum), between,
                           as_seconds(argument.maximum));
    if (argument.kind == ArgumentKind::milliseconds)
        return fmt::format("{}{}{}", argument.minimum / 1000, between, argument.maximum / 1000);
    return fmt::format("{}{}{}", argument.minimum, between, argument.maximum);
}

std::string form_of_value(const Argument& argument) {
    if (!argument.form.empty())
        return std::string(argument.form);
    switch (argument.kind) {
        case ArgumentKind::none:
            return {};
        case ArgumentKind::flag:
            return "on | off";
        case ArgumentKind::number:
            return range(argument, "..");
        case ArgumentKind::seconds:
            return fmt::format("SECONDS {}", range(argument, ".."));
        case ArgumentKind::milliseconds:
            return fmt::format("MILLISECONDS {}", range(argument, ".."));
        case ArgumentKind::choice:
            return joined(argument.choices, " | ", true);
        case ArgumentKind::interface:
            return "INTERFACE";
        case ArgumentKind::address:
            return "IP";
        case ArgumentKind::endpoint:
            return "IP PORT";
        case ArgumentKind::text:
        case ArgumentKind::words:
            break;
    }
    check(false, "a row with text or words has a form");
    return {};
}

}  // namespace

std::string_view block_name(Block block) {
    switch (block) {
        case Block::root:
            return "the top level";
        case Block::global_defs:
            return "global_defs";
        case Block::vrrp_instance:
            return "vrrp_instance";
        case Block::authentication:
            return "authentication";
        case Block::auth_hmac:
            return "auth_hmac";
        case Block::unicast_peer:
            return "unicast_peer";
        case Block::virtual_ipaddress:
            return "virtual_ipaddress";
        case Block::garp_group:
            return "garp_group";
        case Block::garp_interfaces:
            return "interfaces";
        case Block::vrrp_sync_group:
            return "vrrp_sync_group";
        case Block::group:
            return "group";
        case Block::entries:
            return "a list of entries";
        case Block::track_group:
            return "track_group";
        case Block::virtual_server:
            return "virtual_server";
        case Block::real_server:
            return "real_server";
        case Block::tcp_check:
            return "TCP_CHECK";
        case Block::http_get:
            return "HTTP_GET";
        case Block::url:
            return "url";
        case Block::bfd_instance:
            return "bfd_instance";
        case Block::dataplane:
            return "dataplane";
        case Block::vrrp_script:
            return "vrrp_script";
        case Block::track_file:
            return "track_file";
        case Block::vrrp_track_process:
            return "vrrp_track_process";
        case Block::track_list:
            return "a list of trackers";
        case Block::interface_delays:
            return "interface_up_down_delays";
        case Block::ignored:
            break;
    }
    return "a block that is ignored";
}

void for_each_keyword(const std::function<void(const Keyword&)>& visit) {
    for (const std::span<const Keyword> rows : table()) {
        for (const Keyword& row : rows)
            visit(row);
    }
}

const Keyword* find_keyword(Block block, std::string_view name) {
    for (const std::span<const Keyword> rows : table()) {
        for (const Keyword& row : rows) {
            if (row.blocks.contains(block) && row.name == name)
                return &row;
        }
    }
    return nullptr;
}

std::string argument_form(const Argument& argument) {
    std::string form = form_of_value(argument);
    if (argument.optional)
        form = "[" + form + "]";
    if (argument.has_block())
        form += form.empty() ? "{ ... }" : " { ... }";
    return form;
}

std::string expectation(const Keyword& keyword) {
    const Argument& argument = keyword.argument;
    const std::string_view name = keyword.name;
    switch (argument.kind) {
        case ArgumentKind::none:
            return fmt::format("`{}` takes no value", name);
        case ArgumentKind::flag:
            return fmt::format("`{}` takes on or off, or nothing, which means on", name);
        case ArgumentKind::number:
            return fmt::format("`{}` takes a number from {}", name, range(argument, " to "));
        case ArgumentKind::seconds:
            return fmt::format("`{}` takes seconds from {}", name, range(argument, " to "));
        case ArgumentKind::milliseconds:
            return fmt::format("`{}` takes milliseconds from {}", name, range(argument, " to "));
        case ArgumentKind::choice:
            return fmt::format("`{}` is one of: {}", name, joined(argument.choices, ", ", true));
        case ArgumentKind::interface:
            return fmt::format("`{}` takes the name of an interface, such as eth0", name);
        case ArgumentKind::address:
            return fmt::format("`{}` takes an IP address, such as 192.0.2.1", name);
        case ArgumentKind::endpoint:
            return fmt::format("write `{} 192.0.2.1 80`", name);
        case ArgumentKind::text:
        case ArgumentKind::words:
            return fmt::format("write `{} {}`", name, argument.form);
    }
    return {};
}

}  // namespace headgate::config
