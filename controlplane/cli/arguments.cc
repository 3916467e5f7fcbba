#include "controlplane/cli/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "controlplane/cli/packet_text.h"

namespace headgate::cli {

namespace po = boost::program_options;

namespace {

po::options_description visible_options() {
    po::options_description options("Options", 100, 60);
    auto add = options.add_options();
    add("json", "print JSON, for programs (status, show, why, trace, doctor)");
    add("for", po::value<std::string>()->value_name("TIME"),
        "how long, as 90s, 30m, 2h or 1d (failover: default 30m; trace --live, capture: 1m)");
    add("live", "trace: real packets as they come");
    add("count", po::value<std::uint32_t>()->value_name("N"),
        "trace --live, capture: end after so many packets (default 10000)");
    add("write,w", po::value<std::string>()->value_name("FILE"),
        "capture: where to, in pcapng; - for stdout");
    add("snaplen", po::value<std::uint32_t>()->value_name("N"),
        "capture: bytes to keep of each frame (default all)");
    add("reason", po::value<std::string>()->value_name("TEXT"),
        "failover: why, for the log and the status");
    add("cancel", "failover: take it back");
    add("limit", po::value<std::uint32_t>()->value_name("N"),
        "show flows: how many to list (default 50)");
    add("run-dir", po::value<std::string>()->value_name("DIR"),
        "the run directory of headgated (default /run/headgate)");
    add("socket", po::value<std::string>()->value_name("PATH"),
        "its API socket (default api.sock in the run directory)");
    add("version,v", "print the version");
    add("help,h", "print this text");
    return options;
}

enum class Operand : std::uint8_t { none, optional, required, filter, packets };

// A command as it is typed, with what may follow it.
struct Form {
    std::array<std::string_view, 2> words;  // the second may be empty
    Arguments::Command command;
    Operand operand = Operand::none;
    std::string_view operand_name{};
    bool has_json = false;
};

constexpr Form forms[] = {
    {{"status", ""}, Arguments::Command::status, Operand::none, "", true},
    {{"show", "vrrp"}, Arguments::Command::show_vrrp, Operand::optional, "INSTANCE", true},
    {{"show", "flows"}, Arguments::Command::show_flows, Operand::filter, "", true},
    {{"kill-flows", ""}, Arguments::Command::kill_flows, Operand::filter},
    {{"trace", ""}, Arguments::Command::trace, Operand::packets, "", true},
    {{"capture", ""}, Arguments::Command::capture, Operand::packets},
    {{"why", ""}, Arguments::Command::why, Operand::required, "OBJECT", true},
    {{"failover", ""}, Arguments::Command::failover, Operand::required, "INSTANCE"},
    {{"ipvsadm", ""}, Arguments::Command::ipvsadm},
    {{"reload", ""}, Arguments::Command::reload},
    {{"check", ""}, Arguments::Command::check, Operand::required, "FILE"},
    {{"doctor", "server"}, Arguments::Command::doctor_server, Operand::required, "ADDRESS", true},
    {{"doctor", ""}, Arguments::Command::doctor, Operand::optional, "INTERFACE", true},
    {{"config", "explain"}, Arguments::Command::explain, Operand::optional, "KEYWORD"},
};

struct Field {
    std::string_view word;
    std::string_view value_name;
    std::string* value;
};

std::array<Field, 3> fields_of(FlowFilter& flows) {
    return {{{"client", "PREFIX", &flows.client},
             {"service", "NAME", &flows.service},
             {"server", "ADDRESS", &flows.server}}};
}

// Pairs of what is to match and its value. `names` tells what there is.
Result<void> read_fields(std::span<const std::string> words, std::span<const Field> fields,
                         std::string_view names) {
    for (std::size_t at = 0; at < words.size(); at += 2) {
        const auto field = std::ranges::find(fields, words[at], &Field::word);
        if (field == fields.end())
            return fail("{} is none of {}", words[at], names);
        if (at + 1 == words.size())
            return fail("after {} comes {}", field->word, field->value_name);
        *field->value = words[at + 1];
    }
    return {};
}

Result<void> check_service(const FlowFilter& flows) {
    if (flows.service.empty())
        return {};
    if (const auto name = parse_service_name(flows.service); !name)
        return tl::unexpected(name.error());
    return {};
}

Result<void> read_filter(std::span<const std::string> words, Arguments& arguments) {
    const auto fields = fields_of(arguments.flows);
    if (auto read = read_fields(words, fields, "client PREFIX, service NAME and server ADDRESS");
        !read)
        return read;
    const bool all = words.empty();
    if (arguments.command == Arguments::Command::kill_flows && all)
        return fail("kill-flows needs client PREFIX, service NAME or server ADDRESS");
    return check_service(arguments.flows);
}

Result<void> read_watch_filter(std::span<const std::string> words, WatchFilter& watch) {
    std::string protocol;
    const auto flows = fields_of(watch.flow);
    std::vector<Field> fields(flows.begin(), flows.end());
    fields.push_back({"proto", "NAME", &protocol});
    fields.push_back({"reason", "NAME", &watch.reason});
    fields.push_back({"verdict", "NAME", &watch.verdict});
    if (auto read = read_fields(words, fields,
                                "proto NAME, client PREFIX, service NAME, server ADDRESS, "
                                "reason NAME and verdict NAME");
        !read)
        return read;
    if (!protocol.empty()) {
        const auto number = protocol_of(protocol);
        if (!number)
            return fail("{} is none of the protocols tcp, udp, sctp, icmp and icmpv6", protocol);
        watch.ip_protocol = *number;
    }
    constexpr std::string_view verdicts[] = {"", "transmit", "kernel", "drop"};
    if (std::ranges::find(verdicts, watch.verdict) == std::end(verdicts))
        return fail("{} is none of the verdicts transmit, kernel and drop", watch.verdict);
    return check_service(watch.flow);
}

// Which command the words say. Fails when they say none.
Result<Arguments> read_command(const std::vector<std::string>& words, const Form*& form) {
    const std::string_view second = words.size() < 2 ? std::string_view() : words[1];
    std::string seconds;
    for (form = std::begin(forms); form != std::end(forms); ++form) {
        if (form->words[0] != words.front())
            continue;
        if (form->words[1].empty() || form->words[1] == second)
            break;
        seconds += fmt::format("{}{}", seconds.empty() ? "" : " or ", form->words[1]);
    }
    if (form == std::end(forms))
        return seconds.empty() ? fail("{} is not a command", words.front())
                               : fail("after {} comes {}", words.front(), seconds);
    std::size_t used = form->words[1].empty() ? 1 : 2;
    Arguments arguments;
    arguments.command = form->command;
    if (form->operand == Operand::filter) {
        if (auto read = read_filter(std::span(words).subspan(used), arguments); !read)
            return tl::unexpected(read.error());
        return arguments;
    }
    if (form->operand == Operand::packets) {
        arguments.words.assign(words.begin() + static_cast<std::ptrdiff_t>(used), words.end());
        return arguments;
    }
    if (form->operand != Operand::none && words.size() > used)
        arguments.operand = words[used++];
    else if (form->operand == Operand::required)
        return fail("{} needs {} {}", words.front(), form->operand_name == "FILE" ? "a" : "an",
                    form->operand_name);
    if (words.size() > used)
        return fail("{} is one word too many", words[used]);
    return arguments;
}

Result<void> read_failover(const po::variables_map& values, Arguments& arguments) {
    const bool is_failover = arguments.command == Arguments::Command::failover;
    for (const char* option : {"reason", "cancel"}) {
        if (values.contains(option) && !is_failover)
            return fail("--{} goes with failover only", option);
    }
    arguments.cancel = values.contains("cancel");
    if (arguments.cancel && (values.contains("for") || values.contains("reason")))
        return fail("--cancel goes with neither --for nor --reason");
    if (values.contains("reason"))
        arguments.reason = values["reason"].as<std::string>();
    return {};
}

Result<void> read_time(const po::variables_map& values, Arguments& arguments) {
    if (!values.contains("for"))
        return {};
    using Command = Arguments::Command;
    const auto time = parse_duration(values["for"].as<std::string>());
    if (!time)
        return tl::unexpected(time.error());
    if (arguments.command == Command::failover)
        arguments.hold = *time;
    else if (arguments.command == Command::trace_live || arguments.command == Command::capture)
        arguments.watch_time = *time;
    else
        return fail("--for goes with failover, trace --live and capture only");
    return {};
}

// Of trace and capture: which of them it is, and what they need.
Result<void> read_packets(const po::variables_map& values, Arguments& arguments) {
    using Command = Arguments::Command;
    if (values.contains("live")) {
        if (arguments.command != Command::trace)
            return fail("--live goes with trace only");
        arguments.command = Command::trace_live;
    }
    const bool captures = arguments.command == Command::capture;
    const bool watches = captures || arguments.command == Command::trace_live;
    for (const char* option : {"write", "snaplen"}) {
        if (values.contains(option) && !captures)
            return fail("--{} goes with capture only", option);
    }
    if (values.contains("count")) {
        arguments.packets_max = values["count"].as<std::uint32_t>();
        if (!watches || arguments.packets_max == 0)
            return fail("--count is at least 1, and goes with trace --live and capture only");
    }
    if (watches) {
        if (auto read = read_watch_filter(arguments.words, arguments.watch); !read)
            return read;
    }
    if (captures) {
        if (!values.contains("write"))
            return fail("capture needs -w FILE; - is stdout");
        arguments.capture_file = values["write"].as<std::string>();
        if (values.contains("snaplen"))
            arguments.capture_bytes = values["snaplen"].as<std::uint32_t>();
        if (arguments.capture_bytes == 0)
            return fail("--snaplen is at least 1");
    }
    if (arguments.command == Command::trace) {
        for (const std::string& word : arguments.words)
            arguments.operand += (arguments.operand.empty() ? "" : " ") + word;
        if (arguments.operand.empty())
            return fail(
                "trace needs a packet, such as 'tcp 198.51.100.7:40112 > 192.0.2.10:443', "
                "or --live");
    }
    return {};
}

Result<void> read_limit(const po::variables_map& values, Arguments& arguments) {
    if (!values.contains("limit"))
        return {};
    if (arguments.command != Arguments::Command::show_flows)
        return fail("--limit goes with show flows only");
    arguments.flows_limit = values["limit"].as<std::uint32_t>();
    return {};
}

}  // namespace

Result<ServiceName> parse_service_name(const std::string& text) {
    const std::size_t slash = text.rfind('/');
    const std::size_t colon = text.rfind(':', slash);
    ServiceName name;
    const auto wrong = [&text] {
        return fail(
            "{} does not name a virtual server; write it as `headgate status` does, such "
            "as 192.0.2.10:80/tcp",
            text);
    };
    if (slash == std::string::npos || colon == std::string::npos)
        return wrong();
    const char* const begin = text.data() + colon + 1;
    const char* const end = text.data() + slash;
    const auto [rest, error] = std::from_chars(begin, end, name.port);
    if (error != std::errc() || rest != end)
        return wrong();
    name.address = text.substr(0, colon);
    if (name.address.starts_with('[') && name.address.ends_with(']'))
        name.address = name.address.substr(1, name.address.size() - 2);
    name.protocol = text.substr(slash + 1);
    if (name.address.empty() || name.protocol.empty())
        return wrong();
    return name;
}

Result<std::chrono::seconds> parse_duration(const std::string& text) {
    constexpr std::int64_t days_max = 365;
    constexpr std::int64_t seconds_per_day = 86400;
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
    std::int64_t scale = 0;
    if (unit.empty() || unit == "s")
        scale = 1;
    else if (unit == "m")
        scale = 60;
    else if (unit == "h")
        scale = 3600;
    else if (unit == "d")
        scale = seconds_per_day;
    if (error != std::errc() || scale == 0 || number < 1 ||
        number > days_max * seconds_per_day / scale)
        return fail("{} is not a time: write 90s, 30m, 2h or 1d, at most {}d", text, days_max);
    return std::chrono::seconds(number * scale);
}

Result<Arguments> parse_arguments(const std::vector<std::string>& all_words) {
    // What follows it is not ours to read.
    constexpr std::string_view foreign = "ipvsadm";
    const auto foreign_at = std::ranges::find(all_words, foreign);
    std::vector<std::string> words(all_words.begin(), foreign_at);
    if (foreign_at != all_words.end())
        words.emplace_back(foreign);
    po::options_description all = visible_options();
    all.add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("words", -1);
    po::variables_map values;
    try {
        po::store(
            po::command_line_parser(words)
                .options(all)
                .positional(positional)
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .run(),
            values);
    } catch (const po::error& error) {
        return fail("{}", error.what());
    }
    Arguments arguments;
    if (values.contains("help"))
        return arguments;
    if (values.contains("version")) {
        arguments.command = Arguments::Command::version;
        return arguments;
    }
    if (!values.contains("words"))
        return fail("a command is missing");
    const Form* form = nullptr;
    auto read = read_command(values["words"].as<std::vector<std::string>>(), form);
    if (!read)
        return read;
    if (read->command == Arguments::Command::ipvsadm)
        read->words.assign(foreign_at + 1, all_words.end());
    read->json = values.contains("json");
    if (read->json && !form->has_json)
        return fail("--json goes with status, show, why and trace only");
    if (const auto limit = read_limit(values, *read); !limit)
        return tl::unexpected(limit.error());
    if (const auto failover = read_failover(values, *read); !failover)
        return tl::unexpected(failover.error());
    if (const auto packets = read_packets(values, *read); !packets)
        return tl::unexpected(packets.error());
    if (const auto time = read_time(values, *read); !time)
        return tl::unexpected(time.error());
    if (values.contains("run-dir"))
        read->socket = std::filesystem::path(values["run-dir"].as<std::string>()) / "api.sock";
    if (values.contains("socket"))
        read->socket = values["socket"].as<std::string>();
    return read;
}

std::string help() {
    std::ostringstream text;
    text
        << "usage: headgate [options] COMMAND\n\n"
           "  headgate status                    what runs here, and what is wrong with it\n"
           "  headgate show vrrp [INSTANCE]      the VRRP instances, or all about one\n"
           "  headgate show flows [FILTER]       connections; FILTER: client PREFIX, service "
           "NAME,\n"
           "                                     server ADDRESS\n"
           "  headgate kill-flows FILTER         end connections\n"
           "  headgate trace PACKET              what would become of a packet, such as\n"
           "                                     'tcp 198.51.100.7:40112 > 192.0.2.10:443'\n"
           "  headgate trace --live [FILTER]     packets as they come, with what becomes of them;\n"
           "                                     FILTER: as above, proto NAME, reason NAME,\n"
           "                                     verdict NAME\n"
           "  headgate capture [FILTER] -w FILE  the same, with their frames, in a file\n"
           "  headgate why OBJECT                why a VRRP instance or a virtual server is in "
           "its\n"
           "                                     state, and what would happen next\n"
           "  headgate failover INSTANCE         make a VRRP instance step down, and stay BACKUP\n"
           "                                     for a time while another router is MASTER\n"
           "  headgate ipvsadm -L|-S [OPTIONS]   what ipvsadm would list, whichever backend "
           "forwards\n"
           "  headgate reload                    read the configuration again; a file with an\n"
           "                                     error is reported and changes nothing\n"
           "  headgate doctor [INTERFACE]        what is wrong with this machine, and what fixes "
           "it\n"
           "  headgate doctor server ADDRESS     the same of a real server\n"
           "  headgate check FILE                check a configuration without a daemon\n"
           "  headgate config explain KEYWORD    what a keyword means; without one, all of them\n\n"
        << visible_options()
        << "\nExit status: 0 all is well, 1 degraded or warnings, 2 critical or errors, 3 no answer"
           "\nfrom headgated, 4 wrong use, 5 it took too long, 7 the state does not allow it.\n";
    return text.str();
}

}  // namespace headgate::cli
