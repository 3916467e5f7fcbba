// Rows of the schema table: interfaces that are made for instances.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::string_view vmac_notation = "write `use_vmac [NAME [MAC]]`";
constexpr std::string_view ipvlan_notation =
    "write `use_ipvlan [NAME] [ADDRESS] [bridge|private|vepa]`";
constexpr std::int64_t prefix_max = 10;
constexpr std::array ipvlan_modes{std::pair{std::string_view("bridge"), IpvlanMode::bridge},
                                  std::pair{std::string_view("private"), IpvlanMode::private_},
                                  std::pair{std::string_view("vepa"), IpvlanMode::vepa}};
constexpr std::array interface_changes{Choice{"allow_if_changes", 1, ""}};

// Six bytes, or five, which the virtual router id follows.
bool read_mac(const Word& word, VmacDraft& draft) {
    constexpr std::ptrdiff_t colons_of_five = 4;
    const bool is_short = std::ranges::count(word.text, ':') == colons_of_five;
    const auto mac = MacAddress::parse(is_short ? word.text + ":00" : word.text);
    if (!mac)
        return false;
    draft.mac = *mac;
    draft.mac_ends_in_vrid = is_short;
    draft.mac_where = word.span;
    return true;
}

// False: it stands where another has stood, or says nothing that could stand here.
bool read_ipvlan_word(const Word& word, IpvlanDraft& draft, Report& report) {
    const auto* const mode = std::ranges::find(ipvlan_modes, std::string_view(word.text),
                                               [](const auto& each) { return each.first; });
    if (mode != ipvlan_modes.end()) {
        if (draft.mode)
            return false;
        draft.mode = {mode->second, word.span};
    } else if (const auto address = Prefix::parse(word.text)) {
        if (draft.address)
            return false;
        draft.address = {*address, word.span};
    } else {
        if (!draft.name.empty())
            return false;
        draft.name = read_interface(word, report, std::string(ipvlan_notation)).value_or("");
    }
    return true;
}

void report_out_of_place(const Word& word, std::string_view form, Report& report) {
    report.error(word.span, fmt::format("{} is out of place", quote(word.text)),
                 std::string(form) + "; it is ignored");
}

void read_ipvlan(const Context& context, const Value& value) {
    IpvlanDraft& draft = context.instance->ipvlan;
    draft = IpvlanDraft();  // the last line counts
    draft.where = value.statement->keyword().span;
    for (const Word& word : value.words) {
        if (!read_ipvlan_word(word, draft, context.report))
            report_out_of_place(word, ipvlan_notation, context.report);
    }
}

void read_vmac(const Context& context, const Value& value) {
    VmacDraft& draft = context.instance->vmac;
    draft.where = value.statement->keyword().span;
    for (const Word& word : value.words) {
        if (read_mac(word, draft))
            continue;
        if (!draft.name.empty() || draft.mac) {
            report_out_of_place(word, vmac_notation, context.report);
        } else if (const auto name =
                       read_interface(word, context.report, std::string(vmac_notation))) {
            draft.name = *name;
        }
    }
}

constexpr Keyword vmac_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "use_vmac",
        .argument = words("NAME [MAC]").or_nothing(),
        .handler = read_vmac,
        .doc = "The addresses are on an interface of their own, a macvlan on `interface` with the "
               "MAC address of the virtual router (00:00:5e:00:01:VRID, over IPv6 00:00:5e:00:02:"
               "VRID), and adverts come from there. NAME: `vrrp.VRID` (IPv6: `vrrp6.VRID`) where "
               "it is not given. Of a MAC with five bytes, VRID is the sixth. A virtual_server on "
               "such an address is not forwarded: the dataplane takes frames to the MAC address of "
               "an interface only.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "use_vmac_addr",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->vmac.for_addresses = {true, value.where};
            },
        .doc = "Addresses on another interface than that of the instance, and those of the other "
               "family, are on macvlans with the MAC address of the virtual router, too: one for "
               "each interface and family. For single addresses: write `use_vmac` behind them.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "vmac_xmit_base",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->vmac.send_from_base = {true, value.where};
            },
        .doc = "With `use_vmac`: adverts come from `interface` itself.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "use_ipvlan",
        .argument = words("[NAME] [ADDRESS] [bridge|private|vepa]").or_nothing(),
        .handler = read_ipvlan,
        .doc = "The addresses are on an interface of their own, an ipvlan in mode L2 on "
               "`interface` with the same MAC address, and adverts come from there. ADDRESS is its "
               "own, to send from: over IPv4 it must be given, over IPv6 the link-local one will "
               "do. The last word, by default `bridge`, must be the same for all on one interface. "
               "Not on an interface that has a `use_vmac`: the kernel has one of the two there.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vmac_prefix",
        .argument = text("PREFIX", prefix_max),
        .default_text = "vrrp",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.vmac_prefix = {std::string(value.text), value.where};
            },
        .doc = "How the names of interfaces begin that `use_vmac` makes and does not name.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vmac_addr_prefix",
        .argument = text("PREFIX", prefix_max),
        .default_text = "that of vmac_prefix",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.vmac_address_prefix = {std::string(value.text), value.where};
            },
        .doc = "Likewise for those that are made for addresses on other interfaces: PREFIX.VRID.N.",
    },
    {
        .blocks = Block::global_defs,
        .name = "disable_local_igmp",
        .argument = nothing(),
        .handler = accept_only,
        .doc = "Accepted: the interfaces that `use_vmac` makes join no group.",
    },
    {
        .blocks = Block::global_defs,
        .name = "dynamic_interfaces",
        .argument = one_of(interface_changes).or_nothing(),
        .handler = accept_only,
        .doc = "Accepted: interfaces may come, go and change at any time; an instance is in FAULT "
               "while its own is not there.",
    },
};

}  // namespace

std::span<const Keyword> vmac_keywords() {
    return vmac_rows;
}

}  // namespace headgate::config
