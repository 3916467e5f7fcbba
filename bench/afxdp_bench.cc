// Packets per second that headgate-dataplane forwards on a veth, end to end, beside an XDP program
// that only swaps the MAC addresses and transmits: the ceiling of every XDP forwarder on this path.
//
// The real process runs, as its own process, with a table from a file. The source saturates one
// CPU; with two CPUs or more the dataplane is kept off it, as a network card's interrupts would be
// kept off its workers. Dataplane and reference take turns, sample by sample.
#include <algorithm>
#include <array>
#include <bit>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>

#include "bench/bare_loop.h"
#include "bench/dataplane_process.h"
#include "bench/measurement.h"
#include "bench/traffic.h"
#include "common/api.pb.h"

namespace headgate::bench {
namespace {

using std::chrono::milliseconds;

// Flows that a flood of SYNs is not to disturb.
constexpr std::uint32_t established_flows = 10'000;

constexpr const char* table = R"({"generation": "1", "flowCache": {"admitAfter": 1}, "services": [
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

constexpr const char* flood_row = "afxdp/syn_flood/established_kept";

// A row of rates: packets of so many flows, through the flow cache or through the worker.
struct Case {
    const char* name;
    std::uint32_t flows;
    bool cached;
    std::uint32_t frame_bytes = 60;
};
constexpr std::array<Case, 14> cases{{{"afxdp/flow_cache/1K", 1'000, true},
                                      {"afxdp/flow_cache/100K", 100'000, true},
                                      {"afxdp/flow_cache/1M", 1'000'000, true},
                                      {"afxdp/flow_cache/4M", 4'000'000, true},
                                      {"afxdp/worker/1K", 1'000, false},
                                      {"afxdp/worker/100K", 100'000, false},
                                      {"afxdp/worker/1M", 1'000'000, false},
                                      {"afxdp/worker/4M", 4'000'000, false},
                                      // Frames without their checksum (FCS).
                                      {"afxdp/flow_cache_frame/256", 1'000, true, 256},
                                      {"afxdp/flow_cache_frame/512", 1'000, true, 512},
                                      {"afxdp/flow_cache_frame/1514", 1'000, true, 1514},
                                      {"afxdp/worker_frame/256", 1'000, false, 256},
                                      {"afxdp/worker_frame/512", 1'000, false, 512},
                                      {"afxdp/worker_frame/1514", 1'000, false, 1514}}};

constexpr const char* new_flows_row = "afxdp/new_flows";
// More than a sample sends.
constexpr std::uint32_t new_flows = 8'000'000;

// Room for twice the flows; the same for all but the largest.
std::string room_for(std::uint32_t flows) {
    constexpr std::uint32_t least = 1U << 21U;
    return std::to_string(std::max(least, std::bit_ceil(2 * flows)));
}
constexpr double warm_share = 0.99;
constexpr int warm_up_attempts = 200;

struct Settings {
    int rounds = 0;
    milliseconds time{};
    std::string only;
    std::string dataplane;
};

// The flows get their connections, and their places in the cache, outside the measured time.
Result<void> warm_up(Traffic& traffic, const Dataplane& dataplane, const Settings& settings,
                     const Case& row) {
    for (int attempt = 0; attempt < warm_up_attempts; ++attempt) {
        if (auto warm = traffic.run(settings.time); !warm)
            return tl::unexpected(warm.error());
        const Result<api::DataplaneState> state = dataplane.ask();
        if (!state)
            return tl::unexpected(state.error());
        const std::uint64_t known =
            row.cached ? state->worker_states(0).cached_flows() : state->flows();
        if (static_cast<double>(known) >= warm_share * row.flows)
            return {};
    }
    return fail("{}: the flows are not all known after {} runs", row.name, warm_up_attempts);
}

Result<double> measure_dataplane(Traffic& traffic, const Settings& settings, const Case& row) {
    const std::string room = room_for(row.flows);
    std::vector<std::string> options{"--connections", room, "--flow-cache"};
    options.emplace_back(row.cached ? room : "0");
    Dataplane dataplane(settings.dataplane, Traffic::device, table, options);
    if (const Result<std::string> mode = dataplane.wait_until_ready(); !mode)
        return tl::unexpected(mode.error());
    if (auto warm = warm_up(traffic, dataplane, settings, row); !warm)
        return tl::unexpected(warm.error());
    return traffic.run(settings.time);
}

Result<double> measure_xdp_tx(Traffic& traffic, const Settings& settings) {
    const Result<Fd> link = traffic.attach_swap();
    if (!link)
        return tl::unexpected(link.error());
    if (auto warm = traffic.run(settings.time / 10); !warm)
        return warm;
    return traffic.run(settings.time);
}

Result<double> measure_bare_loop(Traffic& traffic, const Settings& settings) {
    const Result<std::unique_ptr<BareLoop>> loop = BareLoop::start(traffic);
    if (!loop)
        return tl::unexpected(loop.error());
    if (auto warm = traffic.run(settings.time / 10); !warm)
        return warm;
    return traffic.run(settings.time);
}

// Connections a second that begin, of datagrams each of which is the first of its flow.
Result<double> measure_beginnings(Traffic& traffic, const Settings& settings) {
    Dataplane dataplane(settings.dataplane, Traffic::device, table,
                        {"--connections", room_for(new_flows)});
    if (const Result<std::string> mode = dataplane.wait_until_ready(); !mode)
        return tl::unexpected(mode.error());
    if (auto sent = traffic.run(settings.time); !sent)
        return sent;
    const Result<api::DataplaneState> state = dataplane.ask();
    if (!state)
        return tl::unexpected(state.error());
    const std::chrono::duration<double> time = settings.time;
    return static_cast<double>(state->flows()) / time.count();
}

// What comes back of the packets of established flows, in hundredths: in a flood, and alone.
struct Kept {
    double in_flood = 0;
    double alone = 0;
};

Result<Kept> measure_kept(Traffic& traffic, const Settings& settings) {
    using Stream = Traffic::Stream;
    // All of them meet the worker.
    Dataplane dataplane(settings.dataplane, Traffic::device, table, {"--flow-cache", "0"});
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

Result<std::unique_ptr<Traffic>> make_traffic(std::uint32_t flows, std::uint32_t frame_bytes = 60) {
    TrafficOptions options;
    options.target = {*IpAddress::parse("10.77.0.100"), 80};
    options.flows = flows;
    options.frame_bytes = frame_bytes;
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
    result.name = flood_row;
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

// Both in turns; `result` has all but the samples.
template <typename Measure, typename Reference>
Result<Measurement> take_turns(Measurement result, int rounds, Measure measure,
                               Reference reference) {
    for (int round = 0; round < rounds; ++round) {
        const Result<double> sample = measure();
        if (!sample)
            return tl::unexpected(sample.error());
        const Result<double> reference_sample = reference();
        if (!reference_sample)
            return tl::unexpected(reference_sample.error());
        result.samples.push_back(*sample);
        result.reference_samples.push_back(*reference_sample);
    }
    return result;
}

Result<Measurement> measure_new_flows(const Settings& settings) {
    const Result<std::unique_ptr<Traffic>> traffic = make_traffic(new_flows);
    if (!traffic)
        return tl::unexpected(traffic.error());
    use_cpus(true);
    Measurement result;
    result.name = new_flows_row;
    result.unit = "connections/s";
    result.reference = "packets of xsk_l2fwd";
    return take_turns(
        std::move(result), settings.rounds, [&] { return measure_beginnings(**traffic, settings); },
        [&] { return measure_bare_loop(**traffic, settings); });
}

Result<Measurement> measure_rate(const Settings& settings, const Case& row) {
    const Result<std::unique_ptr<Traffic>> traffic = make_traffic(row.flows, row.frame_bytes);
    if (!traffic)
        return tl::unexpected(traffic.error());
    use_cpus(true);
    Measurement result;
    result.name = row.name;
    result.unit = "packets/s";
    result.reference = row.cached ? "xdp_tx" : "xsk_l2fwd";
    return take_turns(
        std::move(result), settings.rounds,
        [&] { return measure_dataplane(**traffic, settings, row); },
        [&] {
            return row.cached ? measure_xdp_tx(**traffic, settings)
                              : measure_bare_loop(**traffic, settings);
        });
}

// Those whose name has `only` in it.
Result<std::vector<Measurement>> measure_all(const Settings& settings) {
    std::vector<Measurement> measurements;
    for (const Case& row : cases) {
        if (std::string(row.name).find(settings.only) == std::string::npos)
            continue;
        const Result<Measurement> measurement = measure_rate(settings, row);
        if (!measurement)
            return tl::unexpected(measurement.error());
        measurements.push_back(*measurement);
    }
    using Measure = Result<Measurement> (*)(const Settings&);
    for (const auto& [name, measure] :
         {std::pair<std::string, Measure>{new_flows_row, measure_new_flows},
          {flood_row, measure_flood}}) {
        if (name.find(settings.only) == std::string::npos)
            continue;
        const Result<Measurement> measurement = measure(settings);
        if (!measurement)
            return tl::unexpected(measurement.error());
        measurements.push_back(*measurement);
    }
    return measurements;
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
        "only", po::value(&settings.only), "the rows with this in their names")(
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
    if (settings.rounds < 1 || time_ms < 100) {
        std::cerr << "afxdp_bench: at least 1 round of 100 ms is needed\n";
        return 2;
    }
    settings.time = milliseconds(time_ms);
    const Result<std::vector<Measurement>> measurements = measure_all(settings);
    if (!measurements) {
        std::cerr << "afxdp_bench: " << measurements.error().message << '\n';
        return 1;
    }
    std::cout << to_json(*measurements) << '\n';
    return 0;
}

}  // namespace
}  // namespace headgate::bench

int main(int argc, char** argv) {
    return headgate::bench::exit_code_of("afxdp_bench",
                                         [&] { return headgate::bench::run(argc, argv); });
}
