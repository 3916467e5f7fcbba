// See finish.h: lvs_sync_daemon.
#include <algorithm>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

constexpr std::uint32_t sync_group_default = 0xe0000051;  // 224.0.0.81

// The old form: the first instance that has it.
std::optional<SyncDaemonDraft> of_an_instance(const Drafts& drafts, Report& report) {
    std::optional<SyncDaemonDraft> first;
    for (const VrrpDraft& instance : drafts.instances) {
        if (!instance.sync_interface)
            continue;
        const Span& where = instance.sync_interface->where;
        if (drafts.sync_daemon || first) {
            report.warning(where, "there is another sync daemon already, and IPVS has one of each",
                           "remove this line; it is ignored");
            continue;
        }
        report.warning(where, "`lvs_sync_daemon_interface` is an old form",
                       fmt::format("write `lvs_sync_daemon {} {}` into global_defs",
                                   instance.sync_interface->value, instance.name));
        first.emplace();
        first->daemon.interface = instance.sync_interface->value;
        first->instance = {instance.name, where};
    }
    return first;
}

}  // namespace

std::optional<SyncDaemon> finish_sync_daemon(const Drafts& drafts,
                                             const std::vector<VrrpInstance>& instances,
                                             Report& report) {
    std::optional<SyncDaemonDraft> draft = of_an_instance(drafts, report);
    if (drafts.sync_daemon)
        draft = drafts.sync_daemon->value;
    if (!draft)
        return std::nullopt;
    SyncDaemon daemon = draft->daemon;
    daemon.id = draft->id.value_or(0);
    if (daemon.group.is_unspecified())
        daemon.group = IpAddress::v4(Be32(sync_group_default));
    if (!draft->instance)
        return daemon;
    daemon.instance = draft->instance->value;
    const auto instance = std::ranges::find(instances, daemon.instance, &VrrpInstance::name);
    if (instance == instances.end()) {
        report.error(draft->instance->where,
                     fmt::format("there is no vrrp_instance {}", quote(daemon.instance)),
                     "name one of this configuration; no sync daemon runs now");
        return std::nullopt;
    }
    daemon.id = draft->id.value_or(instance->vrid);
    return daemon;
}

}  // namespace headgate::config
