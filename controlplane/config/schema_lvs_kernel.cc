// Rows of the schema table: what else the kernel's IPVS is asked for: its sync daemons and sysctls.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t sync_id_max = 255;
constexpr std::int64_t sync_payload_max = 65507;
constexpr std::int64_t sync_ttl_max = 255;

constexpr std::array<std::string_view, 6> sync_options{"inst", "id",  "maxlen",
                                                       "port", "ttl", "group"};

// `lvs_sync_daemon INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`.
class SyncDaemonReader {
public:
    SyncDaemonReader(const Value& value, Report& report)
        : rest_(value.words), report_(report), form_(expectation(*value.row) + "; it is ignored") {}

    std::optional<SyncDaemonDraft> run() {
        const auto interface = read_interface(take(), report_, form_);
        if (!interface)
            return std::nullopt;
        draft_.daemon.interface = *interface;
        if (!rest_.empty() &&
            std::ranges::find(sync_options, rest_.front().text) == sync_options.end()) {
            set_instance(take());
            read_bare_id();
        }
        while (!rest_.empty()) {
            if (!read_option())
                return std::nullopt;
        }
        return std::move(draft_);
    }

private:
    const Word& take() {
        const Word& word = rest_.front();
        rest_ = rest_.subspan(1);
        return word;
    }

    void set_instance(const Word& word) { draft_.instance = {std::string(word.text), word.span}; }

    // As it was before there was the word `id`.
    void read_bare_id() {
        if (rest_.empty() ||
            std::ranges::find(sync_options, rest_.front().text) != sync_options.end())
            return;
        report_.warning(rest_.front().span, "a number behind the instance is an old form",
                        fmt::format("write `id {}`", rest_.front().text));
        read_id(take());
    }

    bool read_id(const Word& word) {
        return read_into(word, 0, sync_id_max, [this](std::int64_t number) {
            draft_.id = static_cast<std::uint8_t>(number);
        });
    }

    template <typename Store>
    bool read_into(const Word& word, std::int64_t least, std::int64_t most, Store store) {
        const auto number = read_number(word, least, most, report_, form_);
        if (number)
            store(*number);
        return number.has_value();
    }

    bool read_group(const Word& word) {
        const auto group = read_address(word, report_, form_);
        if (group && !group->is_multicast()) {
            report_.error(word.span, quote(word.text) + " is not a multicast address", form_);
            return false;
        }
        draft_.daemon.group = group.value_or(IpAddress{});
        return group.has_value();
    }

    bool read_option() {
        const Word& option = take();
        if (std::ranges::find(sync_options, option.text) == sync_options.end()) {
            report_.error(option.span, quote(option.text) + " is no option of a sync daemon",
                          form_);
            return false;
        }
        if (rest_.empty()) {
            report_.error(option.span, quote(option.text) + " needs a value", form_);
            return false;
        }
        const Word& word = take();
        SyncDaemon& daemon = draft_.daemon;
        if (option.text == "id")
            return read_id(word);
        if (option.text == "maxlen")
            return read_into(word, 1, sync_payload_max, [&](std::int64_t number) {
                daemon.payload_max = static_cast<std::uint16_t>(number);
            });
        if (option.text == "port")
            return read_into(word, 1, port_max, [&](std::int64_t number) {
                daemon.port = static_cast<std::uint16_t>(number);
            });
        if (option.text == "ttl")
            return read_into(word, 1, sync_ttl_max, [&](std::int64_t number) {
                daemon.ttl = static_cast<std::uint8_t>(number);
            });
        if (option.text == "group")
            return read_group(word);
        set_instance(word);
        return true;
    }

    std::span<const Word> rest_;
    Report& report_;
    std::string form_;
    SyncDaemonDraft draft_;
};

void set_sync_daemon(const Context& context, const Value& value) {
    if (auto draft = SyncDaemonReader(value, context.report).run())
        context.drafts.sync_daemon = {std::move(*draft), value.where};
}

// Those of /proc/sys/net/ipv4/vs that change how IPVS forwards; the value is the largest.
constexpr std::array sysctls{
    Choice{.name = "conn_reuse_mode", .value = 3},
    Choice{.name = "conntrack", .value = 1},
    Choice{.name = "expire_nodest_conn", .value = 1},
    Choice{.name = "expire_quiescent_template", .value = 1},
    Choice{.name = "ignore_tunneled", .value = 1},
    Choice{.name = "nat_icmp_send", .value = 1},
    Choice{.name = "pmtu_disc", .value = 1},
    Choice{.name = "schedule_icmp", .value = 1},
    Choice{.name = "sloppy_sctp", .value = 1},
    Choice{.name = "sloppy_tcp", .value = 1},
    Choice{.name = "snat_reroute", .value = 1},
    Choice{.name = "sync_persist_mode", .value = 1},
};

void set_sysctl(const Context& context, const Value& value) {
    const std::string form = expectation(*value.row) + "; it is ignored";
    const Word& name = value.words.front();
    const auto sysctl = std::ranges::find(sysctls, name.text, &Choice::name);
    if (sysctl == sysctls.end())
        return context.report.error(name.span, quote(name.text) + " is not one of them", form);
    if (value.words.size() != 2)
        return context.report.error(name.span, "it takes one number", form);
    if (const auto number = read_number(value.words[1], 0, sysctl->value, context.report, form))
        context.drafts.ipvs.sysctls[std::string(name.text)] = static_cast<int>(*number);
}

constexpr Keyword lvs_kernel_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "lvs_sync_daemon",
        .argument = words("INTERFACE [[inst] INSTANCE] [id <0..255>] [maxlen BYTES] [port PORT] "
                          "[ttl <1..255>] [group ADDRESS]"),
        .default_text = "id: virtual_router_id, or 0; port 8848, ttl 1, group 224.0.0.81",
        .handler = set_sync_daemon,
        .doc = "The connections of the kernel's IPVS, not those of the bypass, are told to other "
               "directors by multicast: by the master daemon while the VRRP instance is MASTER "
               "here, and learned by the backup daemon otherwise; without an instance both run. A "
               "daemon that somebody stops is started again within a second.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "lvs_sync_daemon_interface",
        .argument = interface_name(),
        .handler =
            [](const Context& context, const Value& value) {
                context.instance->sync_interface = {std::string(value.text), value.where};
            },
        .doc = "The old form of `lvs_sync_daemon` with this instance; that one wins.",
    },
    {
        .blocks = Block::dataplane,
        .name = "ipvs_sysctl",
        .argument = words("conn_reuse_mode | conntrack | expire_nodest_conn | "
                          "expire_quiescent_template | ignore_tunneled | nat_icmp_send | pmtu_disc "
                          "| schedule_icmp | sloppy_sctp | sloppy_tcp | snat_reroute | "
                          "sync_persist_mode NUMBER"),
        .default_text = "the kernel's",
        .handler = set_sysctl,
        .doc = "A setting of the kernel's IPVS in /proc/sys/net/ipv4/vs, for all its services, "
               "while virtual servers may be there; at the end it is put back. Often wanted: "
               "`expire_nodest_conn 1`, connections to a real server that is gone end at once; "
               "`conntrack 1`, with NAT and rules of the firewall that know connections; "
               "`sloppy_tcp 1` and `sloppy_sctp 1`, a connection that is not known is scheduled "
               "where it is, as after a failover without sync daemons; `schedule_icmp 1`, ICMP "
               "errors without a connection are, too.",
        .origin = Origin::headgate,
        .repeats = true,
    },
};

}  // namespace

std::span<const Keyword> lvs_kernel_keywords() {
    return lvs_kernel_rows;
}

}  // namespace headgate::config
