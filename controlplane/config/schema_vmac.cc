// Rows of the schema table: virtual MAC addresses.
#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::string_view notation = "write `use_vmac [NAME [MAC]]`";

void read_vmac(const Context& context, const Value& value) {
    VmacDraft& draft = context.instance->vmac;
    draft.where = value.statement->keyword().span;
    for (const Word& word : value.words) {
        if (const auto mac = MacAddress::parse(word.text)) {
            draft.mac = *mac;
        } else if (!draft.name.empty() || draft.mac) {
            context.report.error(word.span, fmt::format("{} is out of place", quote(word.text)),
                                 std::string(notation) + "; it is ignored");
        } else if (const auto name = read_interface(word, context.report, std::string(notation))) {
            draft.name = *name;
        }
    }
}

constexpr Keyword rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "use_vmac",
        .argument = words("NAME [MAC]").or_nothing(),
        .handler = read_vmac,
        .doc = "The addresses are on an interface of their own, a macvlan on `interface` with the "
               "MAC address of the virtual router (00:00:5e:00:01:VRID, over IPv6 00:00:5e:00:02:"
               "VRID), and adverts come from there. NAME: `vrrp.VRID` (IPv6: `vrrp6.VRID`) where "
               "it is not given.",
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
        .blocks = Block::global_defs,
        .name = "vmac_prefix",
        .argument = text("PREFIX", 10),
        .default_text = "vrrp",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.vmac_prefix = {std::string(value.text), value.where};
            },
        .doc = "How the names of interfaces begin that `use_vmac` makes and does not name.",
    },
};

}  // namespace

std::span<const Keyword> vmac_keywords() {
    return rows;
}

}  // namespace headgate::config
