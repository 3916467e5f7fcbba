// See finish.h: how the adverts of an instance travel, and what guards them.
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

std::string_view name_of(Family family) {
    return family == Family::ipv4 ? "IPv4" : "IPv6";
}

class TransportFinisher {
public:
    TransportFinisher(VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                      Report& report)
        : whole_(draft),
          draft_(draft.transport),
          global_(global.transport),
          instance_(instance),
          transport_(instance.transport),
          report_(report) {}

    // False: the instance cannot run.
    bool run() {
        set_family();
        set_version();
        set_peers();
        if (!set_source() || !set_interface())
            return false;
        set_group();
        transport_.track_source = value_or(draft_.track_source, false);
        transport_.fault_without_peer = value_or(draft_.fault_without_peer, false);
        transport_.receive_buffer_bytes =
            value_or(draft_.receive_buffer_bytes,
                     value_or(global_.receive_buffer_bytes, transport_.receive_buffer_bytes));
        // keepalived checks only on request, or for TTL limits; forged adverts are easier to send
        // by unicast than by multicast, so that here it has to be turned off.
        transport_.check_source =
            draft_.has_ttl_limits ||
            value_or(draft_.check_source, value_or(global_.check_source, true));
        transport_.skip_known_addresses =
            value_or(draft_.skip_known_addresses, value_or(global_.skip_known_addresses, false));
        set_checksum();
        set_hmac();
        return !strict() || enforce_strict();
    }

private:
    [[nodiscard]] bool strict() const {
        return value_or(draft_.strict, value_or(global_.strict, false));
    }

    // That of the first address, as keepalived has it.
    void set_family() {
        Family family = Family::ipv4;
        if (draft_.native_ipv6)
            family = Family::ipv6;
        else if (!whole_.addresses.empty())
            family = whole_.addresses.front().value.prefix.address.family();
        else if (!draft_.peers.empty())
            family = draft_.peers.front().value.address.family();
        transport_.family = family;
        std::erase_if(whole_.addresses, [&](const Located<VirtualAddress>& entry) {
            if (entry.value.prefix.address.family() == family)
                return false;
            report_.error(entry.where,
                          fmt::format("this instance is for {} addresses", name_of(family)),
                          fmt::format("write {} in a vrrp_instance of its own, or in "
                                      "`virtual_ipaddress_excluded`; it is left out",
                                      entry.value.prefix.address.to_string()));
            return true;
        });
    }

    void set_version() {
        const bool is_v6 = transport_.family == Family::ipv6;
        if (!is_v6 || whole_.version)
            return;
        instance_.version = 3;
    }

    void set_peers() {
        for (const auto& [peer, where] : draft_.peers) {
            const auto same = [&](const UnicastPeer& other) {
                return other.address == peer.address;
            };
            if (peer.address.family() != transport_.family)
                report_.error(
                    where,
                    fmt::format("this peer is not an {} address", name_of(transport_.family)),
                    "peers are of the family of the virtual addresses; it is left out");
            else if (std::ranges::any_of(transport_.peers, same))
                report_.warning(where,
                                fmt::format("{} is a peer already", peer.address.to_string()),
                                "remove this line; the first one counts");
            else
                transport_.peers.push_back(peer);
        }
        transport_.unicast = !transport_.peers.empty() || draft_.fault_without_peer.has_value();
        if (transport_.unicast)
            transport_.ttl = value_or(draft_.ttl, transport_.ttl);
        else
            report_unicast_without_peers();
    }

    // As keepalived, multicast is used then.
    void report_unicast_without_peers() {
        const auto report = [&](const Span& where, std::string_view keyword) {
            report_.warning(where,
                            fmt::format("`{}` has no effect without a `unicast_peer`", keyword),
                            "add the peers, or remove it; multicast is used");
        };
        if (draft_.peers_where)
            report(*draft_.peers_where, "unicast_peer");
        if (draft_.ttl)
            report(draft_.ttl->where, "unicast_ttl");
        if (draft_.unicast_source)
            report(draft_.unicast_source->where, "unicast_src_ip");
    }

    bool set_source() {
        const Setting<IpAddress>& first =
            transport_.unicast ? draft_.unicast_source : draft_.multicast_source;
        const Setting<IpAddress>& other =
            transport_.unicast ? draft_.multicast_source : draft_.unicast_source;
        // keepalived has one variable for both.
        const Setting<IpAddress>& source = first ? first : other;
        if (!source) {
            if (draft_.track_source)
                report_.warning(draft_.track_source->where,
                                "`track_src_ip` has no effect without a source address",
                                "add `unicast_src_ip` or `mcast_src_ip`, or remove it");
            return true;
        }
        if (source->value.family() != transport_.family || source->value.is_multicast() ||
            source->value.is_unspecified()) {
            report_.error(
                source->where,
                fmt::format("this is not an {} address to send from", name_of(transport_.family)),
                "write an address of this router; the vrrp_instance is left out");
            return false;
        }
        transport_.source = source->value;
        return true;
    }

    bool set_interface() {
        if (whole_.interface || whole_.mentions.contains("interface"))
            return whole_.interface.has_value();
        if (!transport_.unicast || !transport_.source) {
            report_.error(
                whole_.where, "this vrrp_instance has no `interface`",
                fmt::format("{}; without it the block is left out",
                            expectation(*find_keyword(Block::vrrp_instance, "interface"))));
            return false;
        }
        const auto lacks_interface = [&](const Located<VirtualAddress>& entry) {
            if (!entry.value.interface.empty())
                return false;
            report_.error(entry.where, "this address has no interface",
                          "the vrrp_instance has none either: write `dev INTERFACE` behind the "
                          "address; it is left out");
            return true;
        };
        std::erase_if(whole_.addresses, lacks_interface);
        std::erase_if(whole_.excluded_addresses, lacks_interface);
        return true;
    }

    void set_group() {
        const bool is_v4 = transport_.family == Family::ipv4;
        static const IpAddress usual_v6 = *IpAddress::parse("ff02::12");
        transport_.group = is_v4 ? value_or(global_.group_v4, transport_.group)
                                 : value_or(global_.group_v6, usual_v6);
        if (!draft_.destination)
            return;
        const auto& [group, where] = *draft_.destination;
        if (group.family() != transport_.family)
            report_.error(where,
                          fmt::format("this is not an {} address", name_of(transport_.family)),
                          fmt::format("{} is used", transport_.group.to_string()));
        else if (transport_.unicast)
            report_.warning(where, "`mcast_dst_ip` has no effect with a `unicast_peer`",
                            "remove one of the two");
        else
            transport_.group = group;
    }

    void set_checksum() {
        const Setting<bool>& message_only = draft_.message_only_checksum
                                                ? draft_.message_only_checksum
                                                : global_.message_only_checksum;
        if (message_only) {
            transport_.checksum_fixed = true;
            if (message_only->value)
                transport_.checksum = ChecksumKind::message_only;
        }
        if (!draft_.old_checksum)
            return;
        transport_.accept_old_checksum = draft_.old_checksum->value;
        if (!draft_.old_checksum->value)
            return;
        if (value_or(message_only, false)) {
            report_.error(draft_.old_checksum->where,
                          "an advert has one checksum: `v3_checksum_as_v2` is on",
                          "remove one of the two; this one is ignored");
            return;
        }
        transport_.checksum_fixed = true;
        transport_.checksum = ChecksumKind::multicast_group;
    }

    void set_hmac() {
        if (!draft_.hmac)
            return;
        const AuthHmacDraft& draft = *draft_.hmac;
        if (instance_.version != 3) {
            report_.error(draft.where, "`auth_hmac` is for VRRP version 3; it is ignored",
                          "write `version 3` on all routers");
            return;
        }
        if (draft.keys.empty()) {
            report_.error(draft.where, "this auth_hmac has no usable `key`; it is ignored",
                          "write `key ID SECRET`");
            return;
        }
        AuthHmac hmac;
        for (const auto& key : draft.keys)
            hmac.keys.push_back(key.value);
        hmac.active_key = hmac.keys.front().id;
        if (draft.active_key) {
            const std::uint8_t wanted = draft.active_key->value;
            if (std::ranges::find(hmac.keys, wanted, &AuthHmac::Key::id) == hmac.keys.end())
                report_.error(draft.active_key->where, fmt::format("there is no key {}", wanted),
                              fmt::format("write the id of a `key` of this block; key {} is used",
                                          hmac.active_key));
            else
                hmac.active_key = wanted;
        }
        hmac.mode = value_or(draft.mode, hmac.mode);
        hmac.bounded_by_time = value_or(draft.bounded_by_time, hmac.bounded_by_time);
        constexpr std::chrono::seconds window_min{5};
        const auto three_adverts = std::chrono::ceil<std::chrono::seconds>(
            3 * value_or(whole_.advert_interval, instance_.advert_interval));
        hmac.time_window = value_or(draft.time_window, std::max(window_min, three_adverts));
        transport_.hmac = std::move(hmac);
    }

    // What is left here of keepalived's list concerns adverts; other parts see to the rest.
    // False: the instance is left out, and that is reported.
    bool enforce_strict() {
        transport_.strict_addresses = true;
        if (!transport_.peers.empty()) {
            report_.error(*draft_.peers_where, "strict mode does not allow unicast",
                          "remove `unicast_peer`, or `vrrp_strict` and `strict_mode`; the "
                          "vrrp_instance is left out");
            return false;
        }
        if (transport_.family == Family::ipv6 && instance_.version == 2) {
            report_.error(whole_.version->where, "strict mode does not allow IPv6 in version 2",
                          "write `version 3`, which is used now");
            instance_.version = 3;
        }
        if (transport_.family == Family::ipv6 && !whole_.addresses.empty() &&
            !is_link_local(whole_.addresses.front().value.prefix.address)) {
            report_.error(whole_.addresses.front().where,
                          "strict mode wants a link-local address first",
                          "write one, such as fe80::1, before this; the vrrp_instance is left out");
            return false;
        }
        if (transport_.hmac && transport_.hmac->mode != AuthHmac::Mode::enforce) {
            report_.error(draft_.hmac->mode->where, "strict mode wants `mode enforce`",
                          "remove this line; `enforce` is used now");
            transport_.hmac->mode = AuthHmac::Mode::enforce;
        }
        return true;
    }

    VrrpDraft& whole_;
    const TransportDraft& draft_;
    const GlobalTransportDraft& global_;
    VrrpInstance& instance_;
    VrrpTransport& transport_;
    Report& report_;
};

}  // namespace

bool finish_transport(VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                      Report& report) {
    return TransportFinisher(draft, global, instance, report).run();
}

bool is_strict(const VrrpDraft& draft, const GlobalDraft& global) {
    return value_or(draft.transport.strict, value_or(global.transport.strict, false));
}

}  // namespace headgate::config
