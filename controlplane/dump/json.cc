#include "controlplane/dump/json.h"

#include <algorithm>
#include <cmath>

#include <boost/algorithm/string/join.hpp>
#include <nlohmann/json.hpp>

#include "controlplane/dump/routes.h"
#include "controlplane/dump/words.h"

namespace headgate::dump {

namespace {

using Json = nlohmann::ordered_json;

constexpr int version_with_object = 2;

// Whole numbers without a fraction, or readers that want an integer refuse them.
Json number(double value) {
    if (std::trunc(value) == value)
        return static_cast<std::int64_t>(value);
    return value;
}

// What is tracked, under a key of its own for each kind; none where there is nothing.
void add_trackers(Json& data, const vrrp::InstanceStatus& status,
                  const config::Trackers& trackers) {
    for (const vrrp::TrackerStatus& tracker : status.trackers) {
        if (tracker.kind == "track_interface")
            data["track_ifp"].push_back(tracker.name);
    }
    for (const vrrp::TrackerStatus& tracker : status.trackers) {
        if (tracker.kind != "track_script")
            continue;
        const auto script =
            std::ranges::find(trackers.scripts, tracker.name, &config::TrackScript::name);
        if (script != trackers.scripts.end())
            data["track_script"].push_back(command_words(script->command));
    }
    for (const vrrp::TrackerStatus& tracker : status.trackers) {
        if (tracker.kind == "track_process")
            data["track_process"].push_back(tracker.name);
    }
}

Json data_of(const config::VrrpInstance& config, const vrrp::InstanceStatus& status,
             const config::Trackers& trackers) {
    const config::Announcing& announcing = config.announcing;
    const bool is_master = status.state == vrrp::State::master;
    Json data;
    data["iname"] = config.name;
    data["dont_track_primary"] = number_of(!config.track_primary);
    data["skip_check_adv_addr"] = number_of(config.transport.skip_known_addresses);
    data["strict_mode"] = number_of(config.transport.strict_addresses);
    data["vmac_ifname"] = config.vmac ? config.vmac->name : "";
    data["ifp_ifname"] = config::address_interface(config);
    data["master_priority"] = status.last_heard ? status.last_heard->priority : 0;
    data["last_transition"] = static_cast<double>(status.last_transition_unix_ms) / 1000;
    data["garp_delay"] = announcing.delay.count();
    data["garp_refresh"] = announcing.refresh.count();
    data["garp_rep"] = announcing.repeat;
    data["garp_refresh_rep"] = announcing.refresh_repeat;
    data["garp_lower_prio_delay"] = announcing.lower_priority_delay.count();
    data["garp_lower_prio_rep"] = announcing.lower_priority_repeat;
    data["lower_prio_no_advert"] = number_of(config.election.lower_prio_no_advert);
    data["higher_prio_send_advert"] = number_of(config.election.higher_prio_send_advert);
    data["vrid"] = config.vrid;
    data["base_priority"] = config.priority;
    data["effective_priority"] = status.priority;
    data["vipset"] = is_master;
    data["promote_secondaries"] = config.promote_secondaries;
    data["adver_int"] = number(to_seconds(config.advert_interval));
    data["master_adver_int"] = number(to_seconds(status.advert_interval));
    data["accept"] = number_of(config.accept);
    data["nopreempt"] = !config.preempt;
    data["preempt_delay"] = number(to_seconds(config.election.preempt_delay));
    data["state"] = number_of(status.state);
    data["wantstate"] = number_of(status.state);
    data["version"] = config.version;
    data["smtp_alert"] = false;
    data["notify_deleted"] = false;
    for (const config::VirtualAddress& address : config.virtual_addresses)
        data["vips"].push_back(address_words(config, address, is_present(status, address)));
    for (const config::VirtualAddress& address : config.excluded_addresses)
        data["evips"].push_back(address_words(config, address, is_present(status, address)));
    for (const config::Route& route : config.routes)
        data["vroutes"].push_back(route_words(route));
    for (const config::Rule& rule : config.rules)
        data["vrules"].push_back(rule_words(rule));
    add_trackers(data, status, trackers);
    data["auth_type"] = number_of(auth_of(config));
    if (config.auth_pass)
        data["auth_data"] = masked_password;
    return data;
}

Json process_of(const config::TrackProcess& process, const config::Trackers& trackers,
                const track::ProcessActivity& now) {
    const auto weight = trackers.weights.find({config::TrackerKind::process, process.name});
    Json data;
    data["process"] = process.name;
    if (!process.parameters.empty())
        data["parameters"] = boost::algorithm::join(process.parameters, " ");
    data["param_match"] = match_words(process);
    data["min_processes"] = process.quorum;
    if (has_maximum(process))
        data["max_processes"] = process.quorum_max;
    data["current_processes"] = now.num_processes;
    data["have_quorum"] = now.has_quorum;
    data["weight"] = weight == trackers.weights.end()
                         ? 0
                         : weight->second.weight * (weight->second.reverse ? -1 : 1);
    data["terminate_delay"] = number(to_seconds(process.terminate_delay));
    data["fork_delay"] = number(to_seconds(process.fork_delay));
    data["fork_delay_timer_running"] = now.may_rise;
    data["terminate_delay_timer_running"] = now.may_fall;
    data["full_command"] = process.full_command;
    return data;
}

// Of those that nobody uses there is no activity, and nothing is counted.
Json processes_of(const config::Trackers& trackers, const track::Activity& activity) {
    Json list = Json::array();
    for (const config::TrackProcess& process : trackers.processes) {
        const auto now = activity.processes.find(process.name);
        list.push_back(
            process_of(process, trackers,
                       now == activity.processes.end() ? track::ProcessActivity{} : now->second));
    }
    return list;
}

Json stats_of(const Stats& stats) {
    Json document;
    document["advert_rcvd"] = stats.adverts_received;
    document["advert_sent"] = stats.adverts_sent;
    document["become_master"] = stats.became_master;
    document["release_master"] = stats.released_master;
    document["packet_len_err"] = stats.length_errors;
    document["advert_interval_err"] = stats.interval_errors;
    document["ip_ttl_err"] = stats.ttl_errors;
    document["invalid_type_rcvd"] = stats.type_errors;
    document["addr_list_err"] = stats.address_list_errors;
    document["invalid_authtype"] = stats.auth_type_invalid;
    document["authtype_mismatch"] = stats.auth_type_mismatch;
    document["auth_failure"] = stats.auth_failures;
    document["pri_zero_rcvd"] = stats.priority_zero_received;
    document["pri_zero_sent"] = stats.priority_zero_sent;
    return document;
}

}  // namespace

std::string render_json(const config::Config& config,
                        const std::vector<vrrp::InstanceStatus>& instances,
                        const track::Activity& activity, const Baseline& baseline) {
    Json list = Json::array();
    for (const config::VrrpInstance& instance : config.vrrp.instances) {
        const auto status =
            std::ranges::find(instances, instance.name, &vrrp::InstanceStatus::name);
        if (status == instances.end())
            continue;
        list.push_back({{"data", data_of(instance, *status, config.trackers)},
                        {"stats", stats_of(stats_since(*status, baseline))}});
    }
    // A name that is not UTF-8 is no reason to write nothing.
    const auto text = [](const Json& document) {
        return document.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    if (config.dump_files.json_version != version_with_object)
        return text(list);
    Json document{{"vrrp", list}};
    if (!config.trackers.processes.empty())
        document["track_process"] = processes_of(config.trackers, activity);
    return text(document);
}

}  // namespace headgate::dump
