// Rows of the schema table: how adverts travel. Unicast and multicast, checksums, what is checked.
#include <array>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::string_view peer_notation = "write `IP [min_ttl 0..255] [max_ttl 0..255]`";
constexpr std::array never{Choice{"never", 0, ""}};

// Sets a member of the instance's draft to what a flag says.
template <Setting<bool> TransportDraft::*member>
void set_flag(const Context& context, const Value& value) {
    context.instance->transport.*member = {value.flag, value.where};
}

template <Setting<bool> GlobalTransportDraft::*member>
void set_global_flag(const Context& context, const Value& value) {
    context.drafts.global.transport.*member = {value.flag, value.where};
}

template <Setting<IpAddress> TransportDraft::*member>
void set_address(const Context& context, const Value& value) {
    context.instance->transport.*member = {value.address, value.where};
}

bool is_usable_group(const Context& context, const Value& value, std::string_view hint) {
    if (value.address.is_multicast())
        return true;
    context.report.error(value.where,
                         fmt::format("{} is not a multicast address", value.address.to_string()),
                         std::string(hint));
    return false;
}

void set_group_v4(const Context& context, const Value& value) {
    constexpr std::string_view hint =
        "write an IPv4 multicast address, such as the usual 224.0.0.18, which is used now";
    if (!value.address.is_v4())
        context.report.error(value.where, "this is not an IPv4 address", std::string(hint));
    else if (is_usable_group(context, value, hint))
        context.drafts.global.transport.group_v4 = {value.address, value.where};
}

void set_group_v6(const Context& context, const Value& value) {
    constexpr std::string_view hint =
        "write an IPv6 multicast address, such as the usual ff02::12, which is used now";
    if (value.address.is_v4())
        context.report.error(value.where, "this is not an IPv6 address", std::string(hint));
    else if (is_usable_group(context, value, hint))
        context.drafts.global.transport.group_v6 = {value.address, value.where};
}

void set_destination(const Context& context, const Value& value) {
    if (is_usable_group(context, value,
                        "the usual group is used now; for one router write "
                        "`unicast_peer`"))
        context.instance->transport.destination = {value.address, value.where};
}

// Reads min_ttl and max_ttl; false: the line is unusable, and that is reported.
bool read_ttl_limits(const Context& context, std::span<const Word> words, UnicastPeer& peer) {
    for (std::size_t index = 0; index < words.size(); index += 2) {
        const bool is_minimum = words[index].text == "min_ttl";
        if ((!is_minimum && words[index].text != "max_ttl") || index + 1 == words.size()) {
            context.report.error(words[index].span,
                                 fmt::format("{} is out of place", quote(words[index].text)),
                                 std::string(peer_notation));
            return false;
        }
        const auto limit =
            read_number(words[index + 1], 0, 255, context.report, std::string(peer_notation));
        if (!limit)
            return false;
        (is_minimum ? peer.ttl_min : peer.ttl_max) = static_cast<std::uint8_t>(*limit);
        context.instance->transport.has_ttl_limits = true;
    }
    return true;
}

void read_peers(const Context& context, const Value& value) {
    TransportDraft& draft = context.instance->transport;
    draft.peers_where = value.statement->keyword().span;
    for (const Statement& entry : value.statement->body) {
        if (entry.unusable)
            continue;
        const std::span<const Word> words = entry.words;
        const auto address = read_address(words[0], context.report, std::string(peer_notation));
        if (!address)
            continue;
        UnicastPeer peer{.address = *address};
        if (!read_ttl_limits(context, words.subspan(1), peer))
            continue;
        if (peer.ttl_min > peer.ttl_max)
            context.report.error(words[0].span, "its min_ttl is above its max_ttl",
                                 std::string(peer_notation) + "; the peer is left out");
        else
            draft.peers.push_back({peer, words[0].span});
    }
}

constexpr Keyword vrrp_transport_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "log_unknown_vrids",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.drafts.global.log_unknown_vrids = value.flag; },
        .doc = "Logs advertisements for a virtual router that no instance here has, once for each "
               "sender. They are always counted.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_mcast_group4",
        .argument = address(),
        .default_text = "224.0.0.18",
        .handler = set_group_v4,
        .doc = "The multicast group of IPv4 adverts; the same on all routers.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_mcast_group6",
        .argument = address(),
        .default_text = "ff02::12",
        .handler = set_group_v6,
        .doc = "The multicast group of IPv6 adverts; the same on all routers.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_check_unicast_src",
        .argument = flag(),
        .default_text = "on",
        .handler = set_global_flag<&GlobalTransportDraft::check_source>,
        .doc = "`check_unicast_src` of the instances that do not say it. In keepalived it is off "
               "unless it is written.",
    },
    {
        .blocks = Block::global_defs,
        .name = "v3_checksum_as_v2",
        .argument = flag(),
        .default_text = "off",
        .handler = set_global_flag<&GlobalTransportDraft::message_only_checksum>,
        .doc = "`v3_checksum_as_v2` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_skip_check_adv_addr",
        .argument = flag(),
        .default_text = "off",
        .handler = set_global_flag<&GlobalTransportDraft::skip_known_addresses>,
        .doc = "`skip_check_adv_addr` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_strict",
        .argument = flag(),
        .default_text = "off",
        .handler = set_global_flag<&GlobalTransportDraft::strict>,
        .doc = "`strict_mode` of the instances that do not say it.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "unicast_peer",
        .argument = nothing().with_block(Block::unicast_peer),
        .handler = read_peers,
        .doc = "Adverts go to these routers instead of a multicast group: `IP [min_ttl 0..255] "
               "[max_ttl 0..255]`, one on each line. Adverts from a peer whose TTL is outside its "
               "limits are refused.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "unicast_src_ip",
        .argument = address(),
        .default_text = "the primary address of the interface; IPv6: its link-local address",
        .handler = set_address<&TransportDraft::unicast_source>,
        .doc = "The address that adverts to a `unicast_peer` come from, and are received on.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "mcast_src_ip",
        .argument = address(),
        .default_text = "the primary address of the interface; IPv6: its link-local address",
        .handler = set_address<&TransportDraft::multicast_source>,
        .doc = "The address that multicast adverts come from.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "mcast_dst_ip",
        .argument = address(),
        .default_text = "that of vrrp_mcast_group4 or vrrp_mcast_group6 in global_defs",
        .handler = set_destination,
        .doc = "The multicast group of this instance.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "track_src_ip",
        .argument = nothing(),
        .handler = set_flag<&TransportDraft::track_source>,
        .doc = "FAULT while the interface does not have the `unicast_src_ip` or `mcast_src_ip`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "unicast_fault_no_peer",
        .argument = nothing(),
        .handler = set_flag<&TransportDraft::fault_without_peer>,
        .doc = "An instance without a `unicast_peer` is in FAULT, instead of using multicast.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "unicast_ttl",
        .argument = number(0, 255),
        .default_text = "255",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->transport.ttl = {static_cast<std::uint8_t>(value.number),
                                                   value.where};
            },
        .doc = "TTL, or hop limit, of adverts to a `unicast_peer`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "check_unicast_src",
        .argument = flag(),
        .default_text = "that of vrrp_check_unicast_src in global_defs",
        .handler = set_flag<&TransportDraft::check_source>,
        .doc = "Adverts by unicast are accepted from a `unicast_peer` only.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "v3_checksum_as_v2",
        .argument = flag(),
        .default_text = "that of v3_checksum_as_v2 in global_defs",
        .handler = set_flag<&TransportDraft::message_only_checksum>,
        .doc =
            "Version 3 over IPv4: the checksum does not cover the IP addresses, as RFC 9568 "
            "and some manufacturers have it. Adverts with either are accepted and the difference "
            "is reported; when this is not written at all, the instance does as the first "
            "router that it hears.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "old_unicast_checksum",
        .argument = one_of(never).or_nothing(),
        .default_text = "what the first router that is heard does",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->transport.old_checksum = {!value.present, value.where};
            },
        .doc = "Version 3 over IPv4 by unicast: the checksum of keepalived before 1.3.7. `never`: "
               "it is not even accepted.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "skip_check_adv_addr",
        .argument = flag(),
        .default_text = "that of vrrp_skip_check_adv_addr in global_defs",
        .handler = set_flag<&TransportDraft::skip_known_addresses>,
        .doc = "The addresses in adverts are compared with ours only when the master changes.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "strict_mode",
        .argument = flag(),
        .default_text = "that of vrrp_strict in global_defs",
        .handler = set_flag<&TransportDraft::strict>,
        .doc =
            "Only what the RFCs have: no authentication, no unicast, no IPv6 in version 2, "
            "`state MASTER` exactly with priority 255; adverts with other addresses are refused. "
            "What keepalived adds to elections is ignored, and so is `garp_master_refresh`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "native_ipv6",
        .argument = nothing(),
        .handler = set_flag<&TransportDraft::native_ipv6>,
        .doc = "An IPv6 instance, also when its first address does not say so.",
    },
};

}  // namespace

std::span<const Keyword> vrrp_transport_keywords() {
    return vrrp_transport_rows;
}

}  // namespace headgate::config
