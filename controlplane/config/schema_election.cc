// Rows of the schema table: elections, in vrrp_instance and, as defaults, in global_defs.
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

// Seconds; keepalived has the same bound for preempt_delay and a larger one for the others.
constexpr double preempt_delay_max = 1000;
constexpr double startup_delay_max = 4294;

// The draft of the block that the keyword stands in.
ElectionDraft& election_of(const Context& context) {
    return context.instance != nullptr ? context.instance->election
                                       : context.drafts.global.election;
}

template <Setting<bool> ElectionDraft::*setting>
void set_flag(const Context& context, const Value& value) {
    election_of(context).*setting = {value.flag, value.where};
}

void set_down_timer_adverts(const Context& context, const Value& value) {
    election_of(context).down_timer_adverts = {static_cast<std::uint8_t>(value.number),
                                               value.where};
}

void set_late_takeover(const Context& context, const Value& value) {
    constexpr std::uint8_t quickest = 254;
    context.instance->election.late_takeover_priority = {
        value.present ? static_cast<std::uint8_t>(value.number) : quickest, value.where};
}

constexpr Keyword election_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "vrrp_startup_delay",
        .argument = seconds(0.001, startup_delay_max),
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.startup.after_start = {value.duration, value.where};
            },
        .doc = "Seconds after the start of the daemon in which its instances are deaf and do not "
               "become MASTER; then they wait for a master as ever. An instance that goes on as "
               "MASTER after a restart does not wait.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_delay_after_boot",
        .argument = seconds(0.001, startup_delay_max),
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.global.startup.after_boot = {value.duration, value.where};
            },
        .doc = "As vrrp_startup_delay, counted from the boot of the machine; the later one counts.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_down_timer_adverts",
        .argument = number(1, 100),
        .default_text = "3",
        .handler = set_down_timer_adverts,
        .doc = "`down_timer_adverts` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_lower_prio_no_advert",
        .argument = flag(),
        .default_text = "off",
        .handler = set_flag<&ElectionDraft::lower_prio_no_advert>,
        .doc = "`lower_prio_no_advert` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_higher_prio_send_advert",
        .argument = flag(),
        .default_text = "off",
        .handler = set_flag<&ElectionDraft::higher_prio_send_advert>,
        .doc = "`higher_prio_send_advert` of the instances that do not say it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_owner_ignore_adverts",
        .argument = flag(),
        .default_text = "off",
        .handler = set_flag<&ElectionDraft::owner_ignore_adverts>,
        .doc = "`owner_ignore_adverts` of the instances that do not say it.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "preempt_delay",
        .argument = seconds(0, preempt_delay_max),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->election.preempt_delay = {value.duration, value.where};
            },
        .doc = "Seconds for which a MASTER with a lower priority is left alone, from its first "
               "advertisement. Needs `state BACKUP`, and no `nopreempt`.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "down_timer_adverts",
        .argument = number(1, 100),
        .default_text = "that of vrrp_down_timer_adverts in global_defs",
        .handler = set_down_timer_adverts,
        .doc = "How many advertisements a BACKUP waits for before it takes over.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "lower_prio_no_advert",
        .argument = flag(),
        .default_text = "that of vrrp_lower_prio_no_advert in global_defs",
        .handler = set_flag<&ElectionDraft::lower_prio_no_advert>,
        .doc = "A MASTER does not answer another one with a lower priority at once, but with its "
               "next advertisement.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "higher_prio_send_advert",
        .argument = flag(),
        .default_text = "that of vrrp_higher_prio_send_advert in global_defs",
        .handler = set_flag<&ElectionDraft::higher_prio_send_advert>,
        .doc = "A MASTER sends a last advertisement before it yields to a higher priority.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "owner_ignore_adverts",
        .argument = flag(),
        .default_text = "that of vrrp_owner_ignore_adverts in global_defs",
        .handler = set_flag<&ElectionDraft::owner_ignore_adverts>,
        .doc = "With priority 255: advertisements of other routers are not looked at.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "timer_expired_backup",
        .argument = number(1, 254).or_nothing(),
        .handler = set_late_takeover,
        .doc = "A MASTER that was kept from advertising for so long that a router of this priority "
               "(254: the quickest) has taken over becomes BACKUP at once.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "thread_timer_expired",
        .argument = number(1, 254).or_nothing(),
        .handler = set_late_takeover,
        .doc = "An older name of `timer_expired_backup`.",
    },
};

}  // namespace

std::span<const Keyword> election_keywords() {
    return election_rows;
}

}  // namespace headgate::config
