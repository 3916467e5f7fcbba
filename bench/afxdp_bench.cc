// Packets per second that headgate-dataplane forwards on a veth, end to end, beside an XDP program
// that only swaps the MAC addresses and transmits: the ceiling of every XDP forwarder on this path.
//
// The real process runs, as its own process, with a table from a file. The source saturates one
// CPU; with two CPUs or more the dataplane is kept off it, as a network card's interrupts would be
// kept off its workers. Dataplane and reference take turns, sample by sample.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/program_options.hpp>

#include "bench/measurement.h"
#include "bench/traffic.h"
#include "common/api.pb.h"
#include "common/framing.h"
#include "common/unix_socket.h"

namespace headgate::bench {
namespace {

using std::chrono::milliseconds;

// Flows that a flood of SYNs is not to disturb.
constexpr std::uint32_t established_flows = 10'000;

constexpr const char* table = R"({"generation": "1", "services": [
    {"address": "10.77.0.100", "port": 80, "protocol": "TCP", "scheduler": "RR", "method": "DR",
     "active": true, "destinations": [
        {"address": "10.77.0.11", "port": 80, "weight": 1},
        {"address": "10.77.0.12", "port": 80, "weight": 1}]},
    {"address": "10.77.0.100", "port": 80, "protocol": "UDP", "scheduler": "RR", "method": "DR",
     "active": true, "destinations": [
        {"address": "10.77.0.11", "port": 80, "weight": 1},
        {"address": "10.77.0.12", "port": 80, "weight": 1},
        {"address": "10.77.0.13", "port": 80, "weight": 1},
        {"address": "10.77.0.14", "port": 80, "weight": 1}]}]})";

struct Settings {
    int rounds = 0;
    milliseconds time{};
    std::uint32_t flows = 0;
    std::string dataplane;
};

void use_cpus(bool source) {
    const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus < 2)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (source) {
        CPU_SET(0, &set);
    } else {
        for (long cpu = 1; cpu < cpus; ++cpu)
            CPU_SET(static_cast<std::size_t>(cpu), &set);
    }
    ::sched_setaffinity(0, sizeof set, &set);
}

// A headgate-dataplane that lives as long as this object, and never longer than this process.
class Dataplane {
public:
    Dataplane(const std::string& program, const std::filesystem::path& folder)
        : socket_path_(folder / "dataplane.sock") {
        const std::string table_path = folder / "table.json";
        std::ofstream(table_path) << table;
        child_ = ::fork();
        if (child_ != 0)
            return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        use_cpus(false);
        ::execl(program.c_str(), program.c_str(), "--interface", Traffic::device, "--socket",
                socket_path_.c_str(), "--table", table_path.c_str(), nullptr);
        ::_exit(127);
    }
    ~Dataplane() {
        if (child_ <= 0)
            return;
        ::kill(child_, SIGTERM);
        ::waitpid(child_, nullptr, 0);
    }
    Dataplane(const Dataplane&) = delete;
    Dataplane& operator=(const Dataplane&) = delete;

    // Waits until it is attached and knows where to send; returns its mode.
    Result<std::string> wait_until_ready() {
        for (int attempt = 0; attempt < 100; ++attempt) {
            std::this_thread::sleep_for(milliseconds(100));
            if (::waitpid(child_, nullptr, WNOHANG) == child_) {
                child_ = 0;
                return fail("headgate-dataplane ended before it was ready");
            }
            const Result<api::DataplaneState> state = ask();
            if (state && state->ports_size() == 1 && state->ports(0).queues() > 0 &&
                state->services(0).destinations(0).resolved())
                return state->ports(0).mode();
        }
        return fail("headgate-dataplane was not ready after 10 s");
    }

private:
    [[nodiscard]] Result<api::DataplaneState> ask() const {
        const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const Result<sockaddr_un> address = unix_address(socket_path_);
        if (!address)
            return tl::unexpected(address.error());
        if (::connect(socket.get(), as_sockaddr(*address), sizeof *address) != 0)
            return fail_errno("connect to {}", socket_path_);
        api::DataplaneRequest request;
        request.mutable_get_state();
        const std::string frame = encode_frame(request);
        if (::send(socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0)
            return fail_errno("send a request");
        FrameDecoder decoder;
        std::array<char, 4096> buffer{};
        while (true) {
            const ssize_t received = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
            if (received <= 0)
                return fail_errno("read a reply");
            decoder.feed(std::span<const char>(buffer.data(), static_cast<std::size_t>(received)));
            const Result<std::optional<std::string>> next = decoder.next();
            if (!next)
                return tl::unexpected(next.error());
            const std::optional<std::string>& body = *next;
            if (body)
                return decode_body<api::DataplaneReply>(*body).map(
                    [](const api::DataplaneReply& reply) { return reply.state(); });
        }
    }

    std::string socket_path_;
    pid_t child_ = 0;
};

// A folder for the socket and the table, removed at the end.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern = std::filesystem::temp_directory_path() / "headgate-bench-XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr)
            path_ = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

Result<double> measure_dataplane(Traffic& traffic, const Settings& settings) {
    const ScratchFolder folder;
    Dataplane dataplane(settings.dataplane, folder.path());
    const Result<std::string> mode = dataplane.wait_until_ready();
    if (!mode)
        return tl::unexpected(mode.error());
    // The flows get their connections outside the measured time.
    if (auto warm = traffic.run(settings.time); !warm)
        return warm;
    return traffic.run(settings.time);
}

Result<double> measure_reference(Traffic& traffic, const Settings& settings) {
    const Result<Fd> link = traffic.attach_swap();
    if (!link)
        return tl::unexpected(link.error());
    if (auto warm = traffic.run(settings.time / 10); !warm)
        return warm;
    return traffic.run(settings.time);
}

// What comes back of the packets of established flows, in hundredths: in a flood, and alone.
struct Kept {
    double in_flood = 0;
    double alone = 0;
};

Result<Kept> measure_kept(Traffic& traffic, const Settings& settings) {
    using Stream = Traffic::Stream;
    const ScratchFolder folder;
    Dataplane dataplane(settings.dataplane, folder.path());
    if (const Result<std::string> mode = dataplane.wait_until_ready(); !mode)
        return tl::unexpected(mode.error());
    for (const Stream stream : {Stream::syns, Stream::acks}) {
        if (auto begun = traffic.run(settings.time, stream); !begun)
            return tl::unexpected(begun.error());
    }
    const Result<double> alone = traffic.run_and_count_acks(settings.time, Stream::acks);
    if (!alone)
        return tl::unexpected(alone.error());
    const Result<double> in_flood = traffic.run_and_count_acks(settings.time, Stream::flood);
    if (!in_flood)
        return tl::unexpected(in_flood.error());
    return Kept{100 * *in_flood, 100 * *alone};
}

Result<std::unique_ptr<Traffic>> make_traffic(std::uint32_t flows) {
    TrafficOptions options;
    options.target = {*IpAddress::parse("10.77.0.100"), 80};
    options.flows = flows;
    Result<std::unique_ptr<Traffic>> traffic =
        Traffic::create(options, *Prefix::parse("10.77.0.1/24"));
    if (!traffic)
        return traffic;
    for (const char* server : {"10.77.0.11", "10.77.0.12", "10.77.0.13", "10.77.0.14"}) {
        if (auto added = (*traffic)->add_neighbour(*IpAddress::parse(server)); !added)
            return tl::unexpected(added.error());
    }
    return traffic;
}

Result<Measurement> measure_flood(const Settings& settings) {
    const Result<std::unique_ptr<Traffic>> traffic = make_traffic(established_flows);
    if (!traffic)
        return tl::unexpected(traffic.error());
    use_cpus(true);
    Measurement result;
    result.name = "afxdp/syn_flood/established_kept";
    result.unit = "% of packets";
    result.reference = "the same flows alone";
    for (int round = 0; round < settings.rounds; ++round) {
        const Result<Kept> kept = measure_kept(**traffic, settings);
        if (!kept)
            return tl::unexpected(kept.error());
        result.samples.push_back(kept->in_flood);
        result.reference_samples.push_back(kept->alone);
    }
    return result;
}

Result<Measurement> measure(const Settings& settings) {
    const Result<std::unique_ptr<Traffic>> traffic = make_traffic(settings.flows);
    if (!traffic)
        return tl::unexpected(traffic.error());
    use_cpus(true);
    Measurement result;
    result.name = "afxdp_forward_60b";
    result.unit = "packets/s";
    result.reference = "XDP_TX MAC swap";
    for (int round = 0; round < settings.rounds; ++round) {
        const Result<double> rate = measure_dataplane(**traffic, settings);
        if (!rate)
            return tl::unexpected(rate.error());
        const Result<double> reference = measure_reference(**traffic, settings);
        if (!reference)
            return tl::unexpected(reference.error());
        result.samples.push_back(*rate);
        result.reference_samples.push_back(*reference);
    }
    return result;
}

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    Settings settings;
    int time_ms = 0;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    po::options_description options("afxdp_bench: packets per second on a veth (needs root)");
    options.add_options()("help", "this text")(
        "rounds", po::value(&settings.rounds)->default_value(5), "samples")(
        "time-ms", po::value(&time_ms)->default_value(1000), "of each sample")(
        "flows", po::value(&settings.flows)->default_value(100'000), "concurrent flows")(
        "dataplane",
        po::value(&settings.dataplane)
            ->default_value(self.parent_path().parent_path() / "dataplane/headgate-dataplane"),
        "the program that is measured");
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    if (given.contains("help")) {
        std::cout << options;
        return 0;
    }
    if (settings.rounds < 1 || time_ms < 100 || settings.flows < 1) {
        std::cerr << "afxdp_bench: at least 1 round, 100 ms and 1 flow are needed\n";
        return 2;
    }
    settings.time = milliseconds(time_ms);
    std::vector<Measurement> measurements;
    for (const auto& step : {measure, measure_flood}) {
        const Result<Measurement> measurement = step(settings);
        if (!measurement) {
            std::cerr << "afxdp_bench: " << measurement.error().message << '\n';
            return 1;
        }
        measurements.push_back(*measurement);
    }
    std::cout << to_json(measurements) << '\n';
    return 0;
}

}  // namespace
}  // namespace headgate::bench

int main(int argc, char** argv) {
    return headgate::bench::exit_code_of("afxdp_bench",
                                         [&] { return headgate::bench::run(argc, argv); });
}
