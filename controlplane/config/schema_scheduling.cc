// Rows of the schema table: how the threads of VRRP and BFD are scheduled.
#include <algorithm>
#include <cstdint>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t cpus_max = 1024;  // as many as a cpu_set_t has

using ThreadScheduling = Scheduling GlobalDraft::*;

template <ThreadScheduling thread>
void set_realtime_priority(const Context& context, const Value& value) {
    (context.drafts.global.*thread).realtime_priority = static_cast<int>(value.number);
}

template <ThreadScheduling thread>
void set_nice(const Context& context, const Value& value) {
    (context.drafts.global.*thread).nice = static_cast<int>(value.number);
}

template <ThreadScheduling thread>
void set_cpus(const Context& context, const Value& value) {
    std::vector<unsigned>& cpus = (context.drafts.global.*thread).cpus;
    for (const Word& word : value.words) {
        const auto cpu =
            read_number(word, 0, cpus_max - 1, context.report, expectation(*value.row));
        if (cpu && std::ranges::find(cpus, *cpu) == cpus.end())
            cpus.push_back(static_cast<unsigned>(*cpu));
    }
}

// keepalived has both spellings.
constexpr Keyword time_limit(std::string_view name) {
    constexpr std::int64_t microseconds_min = 2;
    return {.blocks = Block::global_defs,
            .name = name,
            .argument = number(microseconds_min, UINT32_MAX),
            .handler = accept_only,
            .doc =
                "Accepted: there is no such limit. A thread that is ended for it would be a "
                "failover, and the kernel keeps a part of each second from real-time threads "
                "anyway (sched_rt_runtime_us)."};
}

constexpr auto vrrp = &GlobalDraft::vrrp_scheduling;
constexpr auto bfd = &GlobalDraft::bfd_scheduling;

constexpr Keyword scheduling_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "vrrp_rt_priority",
        .argument = number(1, 99),
        .default_text = "1",
        .handler = set_realtime_priority<vrrp>,
        .doc =
            "Real-time priority of the VRRP thread (SCHED_FIFO). It always has one where that is "
            "permitted; 1 is above all that is not real-time.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_priority",
        .argument = number(-20, 19),
        .default_text = "0",
        .handler = set_nice<vrrp>,
        .doc = "Nice value of the VRRP thread; counts where real-time scheduling is not permitted.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_cpu_affinity",
        .argument = words("CPU..."),
        .default_text = "all CPUs",
        .handler = set_cpus<vrrp>,
        .doc = "The CPUs that the VRRP thread may run on, counted from 0.",
    },
    {
        .blocks = Block::global_defs,
        .name = "vrrp_no_swap",
        .argument = flag(),
        .default_text = "on",
        .handler = accept_only,
        .doc = "Accepted: the memory that the VRRP thread works with is always locked.",
    },
    {
        .blocks = Block::global_defs,
        .name = "bfd_rt_priority",
        .argument = number(1, 99),
        .default_text = "1",
        .handler = set_realtime_priority<bfd>,
        .doc = "Real-time priority of the BFD thread, as `vrrp_rt_priority`. Read when the thread "
               "starts.",
    },
    {
        .blocks = Block::global_defs,
        .name = "bfd_priority",
        .argument = number(-20, 19),
        .default_text = "0",
        .handler = set_nice<bfd>,
        .doc = "Nice value of the BFD thread, as `vrrp_priority`. Read when the thread starts.",
    },
    {
        .blocks = Block::global_defs,
        .name = "bfd_cpu_affinity",
        .argument = words("CPU..."),
        .default_text = "all CPUs",
        .handler = set_cpus<bfd>,
        .doc = "The CPUs that the BFD thread may run on. Read when the thread starts.",
    },
    {
        .blocks = Block::global_defs,
        .name = "bfd_no_swap",
        .argument = flag(),
        .default_text = "on",
        .handler = accept_only,
        .doc = "Accepted: the memory that the BFD thread works with is always locked.",
    },
    {
        .blocks = Block::global_defs,
        .name = "max_auto_priority",
        .argument = number(-1, 99),
        .handler = accept_only,
        .doc = "Accepted: no thread has to raise its priority when it is late, since those of VRRP "
               "and BFD have real-time priority from the start.",
    },
    {
        .blocks = Block::global_defs,
        .name = "min_auto_priority_delay",
        .argument = number(1, 10'000'000),
        .handler = accept_only,
        .doc = "Accepted: see `max_auto_priority`.",
    },
    time_limit("vrrp_rlimit_rttime"),
    time_limit("vrrp_rlimit_rtime"),
    time_limit("bfd_rlimit_rttime"),
    time_limit("bfd_rlimit_rtime"),
};

}  // namespace

std::span<const Keyword> scheduling_keywords() {
    return scheduling_rows;
}

}  // namespace headgate::config
