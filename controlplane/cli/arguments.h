// The command line of headgate. Pure: words in, values or a message out.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate::cli {

// Connections. What is empty matches everything.
struct FlowFilter {
    std::string client;   // an address or a prefix
    std::string service;  // as `headgate status` names it
    std::string server;   // the address of a real server
};

// Packets, likewise.
struct WatchFilter {
    FlowFilter flow;
    std::uint32_t ip_protocol = 0;  // its number; 0: any
    std::string reason;             // by its name among the counters
    std::string verdict;            // transmit, kernel, drop
};

// "192.0.2.10:80/tcp" in its parts; "[2001:db8::1]:53/udp" likewise.
struct ServiceName {
    std::string address;
    std::uint32_t port = 0;
    std::string protocol;  // "tcp"
};
Result<ServiceName> parse_service_name(const std::string& text);

struct Arguments {
    enum class Command {
        status,
        show_vrrp,
        show_flows,
        kill_flows,
        trace,
        trace_live,
        capture,
        why,
        failover,
        ipvsadm,
        reload,
        check,
        explain,
        doctor,
        doctor_server,
        help,
        version
    };

    Command command = Command::help;
    // FILE of check, KEYWORD of explain (may be empty), OBJECT of why, INSTANCE of failover, and of
    // show vrrp (may be empty: all); PACKET of trace; INTERFACE of doctor (may be empty: all) or
    // ADDRESS of doctor server.
    std::string operand;
    // Of trace and capture: PACKET or FILTER, as typed; of ipvsadm: what is ipvsadm's own.
    std::vector<std::string> words;
    std::filesystem::path socket = "/run/headgate/api.sock";
    bool json = false;
    FlowFilter flows;                // of show flows and kill-flows
    std::uint32_t flows_limit = 50;  // of show flows
    // Of trace --live and capture: it ends after so many packets, or so long.
    WatchFilter watch;
    std::uint32_t packets_max = 10'000;
    std::chrono::seconds watch_time = std::chrono::minutes(1);
    std::filesystem::path capture_file;   // of capture; "-": stdout
    std::uint32_t capture_bytes = 65535;  // of each frame
    // Of failover.
    std::chrono::seconds hold = std::chrono::minutes(30);
    std::string reason;
    bool cancel = false;
};

// `words` are the arguments without the program's name.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

// "90", "90s", "30m", "2h", "1d"; fails, saying what to write, for anything else and for 0.
Result<std::chrono::seconds> parse_duration(const std::string& text);

std::string help();

}  // namespace headgate::cli
