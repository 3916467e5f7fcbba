// See known_keywords.h. Keyword names as keepalived 2.4 installs them; a name moves from here to
// the schema table when Headgate learns to act on it.
#include "controlplane/config/known_keywords.h"

namespace headgate::config {
namespace {

struct Group {
    Blocks blocks;
    std::string_view names;  // separated by blanks
    std::string_view advice;
};

constexpr Blocks every_check = Block::tcp_check | Block::http_get;

constexpr Group groups[] = {
    // Processes, namespaces and files.
    {Block::root,
     "net_namespace net_namespace_ipvs namespace_with_ipsets instance use_pid_dir child_wait_time",
     ""},
    {Block::root | Block::vrrp_instance, "linkbeat_use_polling linkbeat_interfaces",
     "remove it: the kernel tells by itself when an interface loses its carrier"},
    {Block::root, "includer includem includew includeb includea", "write `include` instead"},
    {Block::root, "SSL", ""},

    {Block::global_defs,
     "notification_email notification_email_from smtp_server smtp_helo_name smtp_connect_timeout "
     "smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults no_checker_emails "
     "checker_log_all_failures rs_init_notifies",
     ""},
    {Block::global_defs,
     "startup_script startup_script_timeout shutdown_script shutdown_script_timeout notify_fifo "
     "notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script lvs_notify_fifo "
     "lvs_notify_fifo_script vrrp_notify_priority_changes fifo_write_vrrp_states_on_reload",
     ""},
    {Block::global_defs, "vrrp_iptables vrrp_ipsets nftables_ifindex",
     "`no_accept` uses a table of its own in nftables: see `nftables`"},
    {Block::global_defs, "nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark", ""},
    {Block::global_defs,
     "process_names process_name vrrp_process_name checker_process_name lvs_process_name "
     "bfd_process_name",
     "remove it: the processes are called headgated and headgate-dataplane, their threads vrrp "
     "and bfd"},
    {Block::global_defs,
     "checker_priority checker_rt_priority checker_no_swap checker_cpu_affinity "
     "checker_rlimit_rttime checker_rlimit_rtime",
     "checks run on the main thread, and all that it starts would inherit it: let the service "
     "manager set it, such as by `Nice=` and `CPUAffinity=` of systemd"},
    // In keepalived's manual, not in keepalived.
    {Block::global_defs, "state_file_location", "write `state_dump_file`"},
    {Block::global_defs, "stats_file_location", "write `stats_dump_file`"},
    {Block::global_defs, "json_file_location", "write `json_dump_file`"},
    {Block::global_defs, "umask", "remove it: what headgated writes is for its user only"},
    {Block::global_defs,
     "snmp_socket enable_snmp_vrrp enable_snmp_checker enable_snmp_rfc enable_snmp_rfcv2 "
     "enable_snmp_rfcv3 enable_snmp_keepalived enable_traps snmp_vs_stats_update_interval "
     "snmp_rs_stats_update_interval enable_dbus dbus_service_name dbus_no_interface_name "
     "data_use_instance "
     "reload_check_config reload_time_file reload_repeat reload_file config_save_dir "
     "tmp_config_directory random_seed include_check",
     ""},

    {Block::vrrp_instance, "vrf",
     "write `interface` with one of the VRF, and `table` with its table behind routes and rules"},
    {Block::vrrp_sync_group,
     "notify_master notify_backup notify_fault notify_stop notify smtp_alert "
     "notify_priority_changes",
     ""},
    {Block::vrrp_sync_group, "global_tracking", "write `sync_group_tracking_weight` instead"},
    {Block::vrrp_instance,
     "notify_master notify_backup notify_fault notify_stop notify notify_deleted "
     "notify_master_rx_lower_pri notify_priority_changes smtp_alert",
     ""},

    {Block::virtual_server,
     "warmup omega quorum hysteresis quorum_up quorum_down sorry_server "
     "sorry_server_inhibit sorry_server_lvs_method ha_suspend hashed smtp_alert "
     "snmp_name",
     ""},
    {Block::real_server, "notify_up notify_down alpha warmup smtp_alert snmp_name", ""},
    {Block::real_server,
     "SSL_GET SMTP_CHECK DNS_CHECK MISC_CHECK UDP_CHECK PING_CHECK FILE_CHECK BFD_CHECK",
     "use TCP_CHECK or HTTP_GET: a real_server without a check counts as up"},
    {every_check, "bindto bind_port bind_if fwmark warmup alpha log_all_failures", ""},
    {Block::http_get, "http_protocol fast_recovery enable_sni sni_name tls_compliant", ""},
    {Block::url,
     "digest regex regex_no_match regex_options regex_stack regex_min_offset regex_max_offset "
     "tls_compliant",
     "only the status code is looked at"},
};

// Calls `visit` for each name of a list until it returns false.
template <typename Visit>
void for_each_name(std::string_view names, Visit visit) {
    while (!names.empty()) {
        const std::size_t end = std::min(names.find(' '), names.size());
        if (!visit(names.substr(0, end)))
            return;
        names.remove_prefix(std::min(end + 1, names.size()));
    }
}

}  // namespace

bool find_known_keyword(Block block, std::string_view name, KnownKeyword* found) {
    bool is_known = false;
    for (const Group& group : groups) {
        if (!group.blocks.contains(block))
            continue;
        for_each_name(group.names, [&](std::string_view each) {
            is_known = each == name;
            if (is_known && found != nullptr)
                *found = {each, group.advice};
            return !is_known;
        });
        if (is_known)
            break;
    }
    return is_known;
}

void for_each_known_keyword(Block block, const std::function<void(std::string_view)>& visit) {
    for (const Group& group : groups) {
        if (!group.blocks.contains(block))
            continue;
        for_each_name(group.names, [&](std::string_view each) {
            visit(each);
            return true;
        });
    }
}

}  // namespace headgate::config
