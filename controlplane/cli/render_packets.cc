#include "controlplane/cli/render_packets.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <map>
#include <vector>

#include <fmt/format.h>

#include "common/api.pb.h"
#include "common/endpoint_text.h"
#include "controlplane/cli/packet_text.h"

namespace headgate::cli {

namespace {

std::string lower(std::string words) {
    std::ranges::transform(words, words.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return words;
}

std::string service_name(const std::string& address, std::uint32_t port, api::Protocol protocol) {
    return endpoint_text(address, port) + "/" + lower(api::Protocol_Name(protocol));
}

std::string line(std::string_view step, std::string_view words) {
    return fmt::format("  {:<12}{}\n", step, words);
}

std::string service_line(const api::WorkerTrace& trace) {
    if (!trace.has_service())
        return line("service", "none has this address, port and protocol");
    const api::TracedService& service = trace.service();
    return line(
        "service",
        fmt::format("{}{}, {}", service_name(service.address(), service.port(), service.protocol()),
                    service.port() == 0 ? " (of every port without a service of its own)" : "",
                    service.active() ? "active" : "not active on this node"));
}

std::string connection_line(const api::WorkerTrace& trace) {
    if (trace.known_to_peer())
        return line("connection", "another worker has it, as it began with a fragment");
    if (!trace.has_connection())
        return line("connection", "none is known");
    const api::TracedConnection& known = trace.connection();
    const std::string server = known.server().empty() ? "a removed real server" : known.server();
    std::string words = fmt::format("{} to {}, ", known.state(), server);
    words += known.expired() ? "idle for too long" : fmt::format("for {} s", known.expires_s());
    if (known.persistent())
        words += ", persistent";
    if (known.replaced())
        words += ": it ends, and another one begins";
    return line("connection", words);
}

std::string persistence_line(const api::WorkerTrace& trace) {
    if (!trace.service().persistent())
        return {};
    if (!trace.has_binding())
        return line("persistence", "the client is bound to no real server");
    const api::TracedBinding& binding = trace.binding();
    if (binding.followed())
        return line("persistence", fmt::format("the client is bound to {}", binding.server()));
    return line("persistence",
                binding.server().empty()
                    ? "the client is bound to a real server that the service no longer has"
                    : fmt::format("the client is bound to {}, which takes no clients now",
                                  binding.server()));
}

std::string why_picked(const api::WorkerTrace& trace) {
    if (trace.pick().repeatable())
        return "too many connections are there, or begin: by the table that needs no entry";
    switch (trace.service().scheduler()) {
        case api::RR:
        case api::WRR:
            return "the next of this worker's round";
        case api::LC:
            return "the fewest connections";
        case api::WLC:
            return "the fewest connections for its weight";
        case api::SED:
            return "the shortest expected delay";
        case api::NQ:
            return "the first idle one, or the shortest expected delay";
        case api::SH:
        case api::MH:
            return "by the hash of the client";
        case api::DH:
            return "by the hash of the address";
        case api::FO:
            return "the heaviest";
        case api::OVF:
            return "the heaviest with no more connections than its weight";
        case api::LBLC:
        case api::LBLCR:
            return "where the address is served from, as long as that has room";
        case api::TWOS:
            return "the less loaded of two that were drawn";
        default:
            return "";
    }
}

// How many get no new connections, and why.
std::string left_out(const api::TracedPick& pick) {
    std::map<std::string, int> counts;
    for (const api::TracedServer& server : pick.candidates()) {
        if (server.leaving())
            ++counts["leaving"];
        else if (server.weight() == 0)
            ++counts["of weight 0"];
        else if (server.inhibited())
            ++counts["down"];
        else if (server.mac().empty())
            ++counts["without a MAC address"];
        else if (server.overloaded() && !pick.repeatable())
            ++counts["over its threshold"];
    }
    std::string words;
    for (const auto& [why, count] : counts)
        words += fmt::format(", {} {}", count, why);
    return words;
}

std::string pick_line(const api::WorkerTrace& trace) {
    if (!trace.has_pick())
        return {};
    const std::string scheduler = lower(api::Scheduler_Name(trace.service().scheduler()));
    const std::string of =
        fmt::format("of {}{}", trace.pick().candidates_size(), left_out(trace.pick()));
    if (!trace.has_server())
        return line("pick", fmt::format("{}: none {}", scheduler, of));
    return line("pick", fmt::format("{}: {}, {} ({})", scheduler, trace.server().address(),
                                    why_picked(trace), of));
}

std::string server_line(const api::WorkerTrace& trace) {
    if (!trace.has_server())
        return {};
    const api::TracedServer& server = trace.server();
    return line("server",
                fmt::format("{}, weight {}, {} active and {} inactive connections, {} by {}{}",
                            endpoint_text(server.address(), server.port()), server.weight(),
                            server.active_connections(), server.inactive_connections(),
                            api::ForwardingMethod_Name(server.method()),
                            server.mac().empty() ? "a MAC address that is not known" : server.mac(),
                            server.interface().empty() ? "" : " on " + server.interface()));
}

std::string entry_line(const api::WorkerTrace& trace) {
    if (trace.entry() == "made")
        return line("entry", "it gets one in the connection table");
    if (trace.entry() == "made_for_half_open")
        return line("entry", "the table is full: the oldest half-open connection makes room");
    if (trace.entry() == "no_room")
        return line("entry", "the table is full: it goes without one");
    if (trace.entry() == "deferred")
        return line("entry", "too many connections begin: it goes without one");
    if (trace.entry() == "one_packet")
        return line("entry", "none: every packet is scheduled by itself");
    return {};
}

std::string worker_words(const std::vector<std::uint32_t>& workers, int all, bool has_connection) {
    if (std::cmp_equal(workers.size(), all))
        return all == 1 ? "its worker" : fmt::format("any of its {} workers", all);
    std::string words = workers.size() == 1 ? "worker" : "workers";
    for (const std::uint32_t worker : workers)
        words += fmt::format("{} {}", worker == workers.front() ? "" : ",", worker);
    if (has_connection)
        words += " (has the connection: its queue should be the packet's)";
    return words;
}

std::string render_interface(const api::InterfaceTrace& interface, const RenderOptions& options) {
    // Workers that answer alike, in the order of their first ones.
    std::vector<std::pair<api::WorkerTrace, std::vector<std::uint32_t>>> groups;
    for (const api::WorkerTrace& worker : interface.workers()) {
        api::WorkerTrace answer = worker;
        answer.clear_worker();
        const auto same = std::ranges::find_if(groups, [&](const auto& group) {
            return group.first.SerializeAsString() == answer.SerializeAsString();
        });
        if (same == groups.end())
            groups.push_back({answer, {worker.worker()}});
        else
            same->second.push_back(worker.worker());
    }
    std::string text;
    for (const auto& [trace, workers] : groups) {
        text +=
            fmt::format("{}, {}:\n", interface.interface(),
                        worker_words(workers, interface.workers_size(), trace.has_connection()));
        text += line("steering", interface.steered()
                                     ? "the XDP program gives it to a worker"
                                     : "the XDP program leaves it to the kernel; a worker would do "
                                       "this:");
        text += service_line(trace);
        if (trace.has_service() && trace.service().active())
            text += connection_line(trace) + persistence_line(trace) + pick_line(trace) +
                    server_line(trace) + entry_line(trace);
        const bool good = trace.verdict() == "transmit";
        text += line("verdict",
                     painted(trace.verdict(), good ? Paint::good : Paint::warn, options.colour) +
                         (good ? "" : fmt::format(" {}: {}", trace.reason(), trace.reason_text())));
    }
    return text;
}

}  // namespace

std::string render_trace(const api::Trace& trace, const RenderOptions& options) {
    std::string text;
    for (const api::InterfaceTrace& interface : trace.interfaces())
        text += render_interface(interface, options);
    return text;
}

bool is_forwarded(const api::Trace& trace) {
    return std::ranges::all_of(trace.interfaces(), [](const api::InterfaceTrace& interface) {
        return interface.steered() &&
               std::ranges::all_of(interface.workers(), [](const api::WorkerTrace& worker) {
                   return worker.verdict() == "transmit";
               });
    });
}

std::string render_watched(const api::WatchedPacket& packet) {
    constexpr std::int64_t second = 1'000'000'000;
    const std::time_t time = packet.unix_ns() / second;
    std::tm parts{};
    ::localtime_r(&time, &parts);
    std::string words =
        fmt::format("{:02}:{:02}:{:02}.{:06} {}/{} ", parts.tm_hour, parts.tm_min, parts.tm_sec,
                    packet.unix_ns() % second / 1000, packet.interface(), packet.worker());
    if (packet.client().empty()) {
        words += "frame";
    } else {
        const auto end_words = [](const std::string& address, std::uint32_t port) {
            return port == 0 ? address : endpoint_text(address, port);
        };
        words += fmt::format("{} {} > {}", protocol_words(packet.ip_protocol()),
                             end_words(packet.client(), packet.client_port()),
                             end_words(packet.address(), packet.port()));
        if (const std::string flags = flag_words(packet.tcp_flags()); !flags.empty())
            words += " " + flags;
    }
    return fmt::format("{} {} bytes: {}\n", words, packet.frame_bytes(), outcome_words(packet));
}

std::string outcome_words(const api::WatchedPacket& packet) {
    if (packet.verdict() != "transmit")
        return packet.verdict() + " " + packet.reason();
    return packet.server().empty() ? packet.verdict() : packet.verdict() + " to " + packet.server();
}

std::string comment_words(const api::WatchedPacket& packet) {
    std::string words = "headgate: " + outcome_words(packet);
    if (!packet.service_address().empty())
        words += fmt::format("; service {}",
                             service_name(packet.service_address(), packet.service_port(),
                                          packet.service_protocol()));
    return words;
}

}  // namespace headgate::cli
