// Rows of the schema table: vrrp_instance and authentication.
#include <array>

#include "common/limits.h"
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/tracking_block.h"
#include "controlplane/config/virtual_address.h"

namespace headgate::config {
namespace {

constexpr std::array states{
    Choice{"MASTER", static_cast<int>(VrrpInitialState::master), ""},
    Choice{"BACKUP", static_cast<int>(VrrpInitialState::backup), ""},
};

constexpr std::int64_t debug_level_max = 4;

constexpr std::array auth_types{
    Choice{"PASS", static_cast<int>(AuthType::pass), ""},
    Choice{"AH", static_cast<int>(AuthType::ah), ""},
};

void read_instance(const Context& context, const Value& value) {
    read_tracking_block(context, value, Block::vrrp_instance, &Context::instance,
                        context.drafts.instances);
}

void read_authentication(const Context& context, const Value& value) {
    context.instance->mentions.merge(read_body(context, *value.statement, Block::authentication));
}

// As keepalived: the first `state` of an instance counts, unlike with every other keyword.
void set_state(const Context& context, const Value& value) {
    if (!context.instance->state)
        context.instance->state = {static_cast<VrrpInitialState>(value.number), value.where};
}

void set_password(const Context& context, const Value& value) {
    constexpr std::size_t password_max = 8;  // RFC 2338 5.3.10: a field of eight bytes
    std::string password(value.text);
    if (password.size() > password_max) {
        password.resize(password_max);
        context.report.error(value.where, "VRRP passwords have at most 8 bytes",
                             "write the first 8 only, as the peers use them: " + quote(password));
    }
    context.instance->auth_pass = {std::move(password), value.where};
}

constexpr Keyword vrrp_rows[] = {
    {
        .blocks = Block::root,
        .name = "vrrp_instance",
        .argument = text("NAME").with_block(Block::vrrp_instance),
        .handler = read_instance,
        .doc = "One virtual router: its addresses are here while it is MASTER.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "state",
        .argument = one_of(states),
        .default_text = "BACKUP",
        .handler = set_state,
        .doc = "MASTER means that `nopreempt` and `preempt_delay` do not count, that a sync group "
               "waits for one advertisement only when it starts, and, without a `priority`, "
               "priority 255. It does not make the instance MASTER at once.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "interface",
        .argument = interface_name(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->interface = {std::string(value.text), value.where};
            },
        .doc =
            "Where advertisements are sent and received, and addresses are put. Required but for "
            "a `unicast_peer` with `unicast_src_ip`, when every address has a `dev`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "virtual_router_id",
        .argument = number(limits::vrid_min, limits::vrid_max),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->vrid = {static_cast<std::uint8_t>(value.number), value.where};
            },
        .doc = "The number that the routers of one group share; unique on its interface.",
        .required = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "priority",
        .argument = number(1, 255),
        .default_text = "100",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->priority = {static_cast<std::uint8_t>(value.number), value.where};
            },
        .doc = "The router with the highest priority becomes MASTER; 255 means that it owns the "
               "addresses.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "version",
        .argument = number(2, 3),
        .default_text = "that of vrrp_version in global_defs",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->version = {static_cast<std::uint8_t>(value.number), value.where};
            },
        .doc = "VRRP version: 2 (RFC 3768) or 3 (RFC 9568).",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "advert_int",
        .argument = seconds(0.01, 255),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->advert_interval = {value.duration, value.where};
            },
        .doc = "Seconds between advertisements; the same on all routers of the group. Version 2: "
               "whole seconds; version 3: hundredths, at most 40.95.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "authentication",
        .argument = nothing().with_block(Block::authentication),
        .handler = read_authentication,
        .doc = "Password in advertisements; version 2 over IPv4 only.",
    },
    {
        .blocks = Block::authentication,
        .name = "auth_type",
        .argument = one_of(auth_types),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->auth_type = {static_cast<AuthType>(value.number), value.where};
            },
        .doc = "PASS: a password in clear text, which guards against mistakes, not against "
               "attackers. AH: an IPsec header with a digest that MD5 and eight bytes of key make "
               "weak. Better: version 3 with auth_hmac.",
    },
    {
        .blocks = Block::authentication,
        .name = "auth_pass",
        .argument = text("PASSWORD"),
        .handler = set_password,
        .doc = "The password, at most eight bytes; the same on all routers of the group.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "virtual_ipaddress",
        .argument = nothing().with_block(Block::virtual_ipaddress),
        .handler = read_virtual_addresses,
        .doc = "The addresses that move with the MASTER, one on each line: `IP[/LENGTH] [brd IP] "
               "[dev INTERFACE] [scope SCOPE] [label LABEL]`.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "nopreempt",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->preempt = {false, value.where};
            },
        .doc = "A router that comes back with a higher priority does not take over from a MASTER "
               "that works. Needs `state BACKUP`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "preempt",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->preempt = {true, value.where};
            },
        .doc = "The opposite of `nopreempt`, and the default.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "debug",
        .argument = number(0, debug_level_max).or_nothing(),
        .handler = [](const Context& /*context*/, const Value& /*value*/) {},
        .doc = "Accepted: it has no effect, as in keepalived.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "vip_lease",
        .argument = number(2, 3600),
        .default_text = "3",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->vip_lease = {std::chrono::seconds(value.number), value.where};
            },
        .doc = "Seconds after which the kernel itself removes a virtual address that is not "
               "renewed: how long an address outlives a killed or hanging daemon.",
        .origin = Origin::headgate,
    },
};

}  // namespace

std::span<const Keyword> vrrp_keywords() {
    return vrrp_rows;
}

}  // namespace headgate::config
