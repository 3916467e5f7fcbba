// Rows of the schema table: gratuitous ARP and unsolicited Neighbour Advertisements.
#include <array>

#include "common/limits.h"
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t delay_max = 4294;  // seconds; keepalived's bound
constexpr std::int64_t extra_max = 86400;
constexpr Argument interval = seconds(0.000001, 2147);
constexpr Duration interval_noticed = std::chrono::seconds(1);

// The block decides whose setting it is; the rows of both blocks share the handlers.
AnnounceDraft& announcing_of(const Context& context) {
    return context.instance != nullptr ? context.instance->announce
                                       : context.drafts.global.announce;
}

template <Setting<std::chrono::seconds> AnnounceDraft::*member>
void set_seconds(const Context& context, const Value& value) {
    announcing_of(context).*member = {std::chrono::seconds(value.number), value.where};
}

template <Setting<std::uint32_t> AnnounceDraft::*member>
void set_count(const Context& context, const Value& value) {
    announcing_of(context).*member = {static_cast<std::uint32_t>(value.number), value.where};
}

// [all] SECONDS, in either order as keepalived reads it.
void set_extra(const Context& context, const Value& value) {
    const std::string hint = expectation(*value.row);
    const std::int64_t minimum = context.instance != nullptr ? 0 : 1;
    ExtraInterfaces extra;
    bool has_interval = false;
    for (const Word& word : value.words) {
        if (word.text == "all") {
            extra.everywhere = true;
            continue;
        }
        const auto number = read_number(word, minimum, extra_max, context.report, hint);
        if (!number)
            return;
        extra.interval = std::chrono::seconds(*number);
        has_interval = true;
    }
    if (has_interval)
        announcing_of(context).extra = {extra, value.where};
    else
        context.report.error(value.where, "the number of seconds is missing", hint);
}

template <Setting<Duration> AnnounceLimitDraft::*member>
void set_interval(const Context& context, const Value& value) {
    if (value.duration >= interval_noticed)
        context.report.warning(value.where,
                               "with an interval this long it takes very long to announce all "
                               "addresses",
                               "the unit is seconds: write 0.001 for a millisecond");
    AnnounceLimitDraft& limit = context.garp_group != nullptr
                                    ? context.garp_group->limit
                                    : context.drafts.global.announce_limit;
    limit.*member = {value.duration, value.where};
}

void read_garp_group(const Context& context, const Value& value) {
    GarpGroupDraft draft;
    draft.where = value.statement->keyword().span;
    Context inner = context;
    inner.garp_group = &draft;
    draft.mentions.merge(read_body(inner, *value.statement, Block::garp_group));
    context.drafts.garp_groups.push_back(std::move(draft));
}

void add_garp_interface(const Context& context, const Value& value) {
    context.garp_group->interfaces.push_back({std::string(value.text), value.where});
}

// One or more names on each line.
void add_garp_interfaces(const Context& context, const Value& value) {
    for (const Statement& line : value.statement->body) {
        for (const Word& word : line.words) {
            if (const auto name = read_interface(word, context.report, "write its name only"))
                context.garp_group->interfaces.push_back({std::string(*name), word.span});
        }
    }
}

constexpr Keyword global_announce_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_master_delay",
        .argument = number(0, delay_max),
        .default_text = "5",
        .handler = set_seconds<&AnnounceDraft::delay>,
        .doc = "`garp_master_delay` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_master_repeat",
        .argument = number(1, limits::garp_repeat_max),
        .default_text = "5",
        .handler = set_count<&AnnounceDraft::repeat>,
        .doc = "`garp_master_repeat` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_master_refresh",
        .argument = number(0, delay_max),
        .default_text = "0",
        .handler = set_seconds<&AnnounceDraft::refresh>,
        .doc = "`garp_master_refresh` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_master_refresh_repeat",
        .argument = number(1, limits::garp_repeat_max),
        .default_text = "1",
        .handler = set_count<&AnnounceDraft::refresh_repeat>,
        .doc = "`garp_master_refresh_repeat` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_lower_prio_delay",
        .argument = number(0, delay_max),
        .default_text = "that of vrrp_garp_master_delay",
        .handler = set_seconds<&AnnounceDraft::lower_priority_delay>,
        .doc = "`garp_lower_prio_delay` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_lower_prio_repeat",
        .argument = number(0, limits::garp_repeat_max),
        .default_text = "that of vrrp_garp_master_repeat",
        .handler = set_count<&AnnounceDraft::lower_priority_repeat>,
        .doc = "`garp_lower_prio_repeat` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_extra_if",
        .argument = words("[all] SECONDS"),
        .default_text = "no extra announcements",
        .handler = set_extra,
        .doc = "`garp_extra_if` of the instances that do not say it; 1 to 86400 seconds.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_vmac_garp_intvl",
        .argument = words("[all] SECONDS"),
        .handler = set_extra,
        .doc = "The older name of `vrrp_garp_extra_if`.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_min_garp",
        .argument = flag(),
        .default_text = "off",
        .handler = [](const Context& context,
                      const Value& value) { context.drafts.global.min_garp = value.flag; },
        .doc = "One announcement per address and no second block, where nothing else is said: "
               "enough for modern switches.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_garp_interval",
        .argument = interval,
        .default_text = "no limit",
        .handler = set_interval<&AnnounceLimitDraft::garp>,
        .doc = "Seconds between two gratuitous ARPs on one interface, for those that no "
               "`garp_group` has. Leave it out for no limit.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_gna_interval",
        .argument = interval,
        .default_text = "no limit",
        .handler = set_interval<&AnnounceLimitDraft::na>,
        .doc = "The same for unsolicited Neighbour Advertisements (IPv6).",
    },
    {
        .blocks = Block::root,
        .name = "garp_group",
        .argument = nothing().with_block(Block::garp_group),
        .handler = read_garp_group,
        .doc = "Interfaces that share a limit, for example because they lead to the same switch.",
        .repeats = true,
    },
    {
        .blocks = Block::garp_group,
        .name = "garp_interval",
        .argument = interval,
        .default_text = "no limit",
        .handler = set_interval<&AnnounceLimitDraft::garp>,
        .doc = "Seconds between two gratuitous ARPs on these interfaces.",
    },
    {
        .blocks = Block::garp_group,
        .name = "gna_interval",
        .argument = interval,
        .default_text = "no limit",
        .handler = set_interval<&AnnounceLimitDraft::na>,
        .doc = "Seconds between two unsolicited Neighbour Advertisements on these interfaces.",
    },
    {
        .blocks = Block::garp_group,
        .name = "interface",
        .argument = interface_name(),
        .handler = add_garp_interface,
        .doc = "The one interface that the limits are for. VMACs on it count as it.",
    },
    {
        .blocks = Block::garp_group,
        .name = "interfaces",
        .argument = nothing().with_block(Block::garp_interfaces),
        .handler = add_garp_interfaces,
        .doc = "The names of the interfaces that share the limits.",
    },
};

constexpr Keyword instance_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_master_delay",
        .argument = number(0, delay_max),
        .default_text = "that of vrrp_garp_master_delay in global_defs",
        .handler = set_seconds<&AnnounceDraft::delay>,
        .doc = "Seconds after which a new MASTER announces its addresses again; 0: it does not.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_master_repeat",
        .argument = number(1, limits::garp_repeat_max),
        .default_text = "that of vrrp_garp_master_repeat in global_defs",
        .handler = set_count<&AnnounceDraft::repeat>,
        .doc = "How many gratuitous ARPs or Neighbour Advertisements a new MASTER sends for each "
               "address at a time.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_master_refresh",
        .argument = number(0, delay_max),
        .default_text = "that of vrrp_garp_master_refresh in global_defs",
        .handler = set_seconds<&AnnounceDraft::refresh>,
        .doc = "Seconds after which a MASTER that stays announces its addresses again and again; "
               "0: it does not.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_master_refresh_repeat",
        .argument = number(1, limits::garp_repeat_max),
        .default_text = "that of vrrp_garp_master_refresh_repeat in global_defs",
        .handler = set_count<&AnnounceDraft::refresh_repeat>,
        .doc = "How many it sends for each address then.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_lower_prio_delay",
        .argument = number(0, delay_max),
        .default_text = "that of vrrp_garp_lower_prio_delay in global_defs",
        .handler = set_seconds<&AnnounceDraft::lower_priority_delay>,
        .doc = "Seconds after which a MASTER that has heard a weaker one announces its addresses a "
               "second time; 0: it does not.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_lower_prio_repeat",
        .argument = number(0, limits::garp_repeat_max),
        .default_text = "that of vrrp_garp_lower_prio_repeat in global_defs",
        .handler = set_count<&AnnounceDraft::lower_priority_repeat>,
        .doc = "How many a MASTER that has heard a weaker one sends for each address at a time; 0: "
               "none.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "garp_extra_if",
        .argument = words("[all] SECONDS"),
        .default_text = "that of vrrp_garp_extra_if in global_defs",
        .handler = set_extra,
        .doc = "Seconds between announcements, while MASTER, on each VMAC interface that has "
               "addresses but no advertisements, so that switches do not forget it; `all`: on "
               "other interfaces, too. 0 to 86400; 0: none.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "vmac_garp_intvl",
        .argument = words("[all] SECONDS"),
        .handler = set_extra,
        .doc = "The older name of `garp_extra_if`.",
    },
};

}  // namespace

std::span<const Keyword> global_announce_keywords() {
    return global_announce_rows;
}

std::span<const Keyword> instance_announce_keywords() {
    return instance_rows;
}

}  // namespace headgate::config
