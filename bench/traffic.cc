#include "bench/traffic.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <traffic.skel.h>

namespace headgate::bench {

namespace {

constexpr const char* source_device = "gen";

// Frames that one system call sends: some tens of milliseconds, so that a run ends on time.
constexpr int frames_per_call = 1 << 16;
// The largest batch the kernel takes (NAPI_POLL_WEIGHT).
constexpr std::uint32_t batch = 64;
// After it the last frame of a run has come back.
constexpr std::chrono::milliseconds on_the_way{200};

Result<void> command(const std::string& line) {
    if (std::system(line.c_str()) != 0)
        return fail("`{}` failed", line);
    return {};
}

Result<MacAddress> mac_of(const std::string& device) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    device.copy(request.ifr_name, IFNAMSIZ - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0)
        return fail_errno("read the MAC address of {}", device);
    MacAddress mac;
    std::copy_n(request.ifr_hwaddr.sa_data, mac.bytes.size(), mac.bytes.begin());
    return mac;
}

Result<void> make_devices(const Prefix& address) {
    if (::unshare(CLONE_NEWNET) != 0)
        return fail_errno("make a network namespace (root is needed)");
    for (const std::string& line :
         {fmt::format("ip link add name {} type veth peer name {}", Traffic::device, source_device),
          fmt::format("ip link set {} up", Traffic::device),
          fmt::format("ip link set {} up", source_device),
          fmt::format("ip addr add {} dev {}", address.to_string(), Traffic::device)}) {
        if (auto done = command(line); !done)
            return done;
    }
    return {};
}

Result<Fd> attach(const bpf_program* program, const char* device) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = XDP_FLAGS_DRV_MODE;
    const int fd = bpf_link_create(bpf_program__fd(program),
                                   static_cast<int>(::if_nametoindex(device)), BPF_XDP, &options);
    if (fd < 0)
        return fail_code(-fd, "attach {} to {}", bpf_program__name(program), device);
    return Fd(fd);
}

std::uint64_t sum_of(const bpf_map* map) {
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    const std::uint32_t key = 0;
    bpf_map_lookup_elem(bpf_map__fd(map), &key, per_cpu.data());
    return std::accumulate(per_cpu.begin(), per_cpu.end(), std::uint64_t{0});
}

}  // namespace

Traffic::~Traffic() {
    sink_.reset();
    traffic_bpf::destroy(programs_);
}

Result<std::unique_ptr<Traffic>> Traffic::create(const TrafficOptions& options,
                                                 const Prefix& address) {
    if (auto made = make_devices(address); !made)
        return tl::unexpected(made.error());
    const Result<MacAddress> source_mac = mac_of(source_device);
    const Result<MacAddress> target_mac = mac_of(device);
    if (!source_mac || !target_mac)
        return tl::unexpected((source_mac ? target_mac : source_mac).error());

    traffic_bpf* programs = traffic_bpf::open();
    if (programs == nullptr)
        return fail_errno("open the traffic programs");
    std::unique_ptr<Traffic> traffic(new Traffic(programs));
    programs->rodata->flows = options.flows;
    std::ranges::copy(source_mac->bytes, programs->rodata->source_mac);
    std::ranges::copy(target_mac->bytes, programs->rodata->target_mac);
    programs->rodata->target_address = options.target.address.as_v4().raw();
    programs->rodata->target_port = Be16(options.target.port).raw();
    if (const int error = traffic_bpf::load(programs); error != 0)
        return fail_code(-error, "load the traffic programs");
    Result<Fd> sink = attach(programs->progs.sink, source_device);
    if (!sink)
        return tl::unexpected(sink.error());
    traffic->sink_ = std::move(*sink);
    traffic->source_mac_ = *source_mac;
    traffic->source_ifindex_ = static_cast<int>(::if_nametoindex(source_device));
    traffic->frame_bytes_ = options.frame_bytes;
    return traffic;
}

Result<void> Traffic::add_neighbour(const IpAddress& address) {
    return command(fmt::format("ip neigh replace {} lladdr {} dev {} nud permanent",
                               address.to_string(), source_mac_.to_string(), device));
}

Result<Fd> Traffic::attach_swap() {
    return attach(programs_->progs.swap, device);
}

Result<Fd> Traffic::attach_redirect(int socket_fd) {
    const std::uint32_t queue = 0;
    if (bpf_map_update_elem(bpf_map__fd(programs_->maps.sockets), &queue, &socket_fd, BPF_ANY) != 0)
        return fail_errno("enter the socket into the program that redirects");
    return attach(programs_->progs.redirect, device);
}

Result<void> Traffic::send_for(std::chrono::milliseconds time, Stream stream) {
    using Clock = std::chrono::steady_clock;
    programs_->bss->traffic = static_cast<std::uint32_t>(stream);
    std::vector<std::uint8_t> frame(frame_bytes_);
    xdp_md context{};
    context.data_end = frame_bytes_;
    context.ingress_ifindex = static_cast<std::uint32_t>(source_ifindex_);
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data();
    options.data_size_in = frame_bytes_;
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.repeat = frames_per_call;
    options.batch_size = batch;
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < time) {
        if (const int error =
                bpf_prog_test_run_opts(bpf_program__fd(programs_->progs.source), &options);
            error != 0)
            return fail_code(-error, "send live frames (Linux 5.18 is needed)");
    }
    return {};
}

Result<double> Traffic::run(std::chrono::milliseconds time, Stream stream) {
    using Clock = std::chrono::steady_clock;
    const std::uint64_t before = sum_of(programs_->maps.received);
    const Clock::time_point start = Clock::now();
    if (auto sent = send_for(time, stream); !sent)
        return tl::unexpected(sent.error());
    const std::chrono::duration<double> took = Clock::now() - start;
    return static_cast<double>(sum_of(programs_->maps.received) - before) / took.count();
}

Result<double> Traffic::run_and_count_acks(std::chrono::milliseconds time, Stream stream) {
    const std::uint64_t sent_before = sum_of(programs_->maps.sent_acks);
    const std::uint64_t received_before = sum_of(programs_->maps.received_acks);
    if (auto sent = send_for(time, stream); !sent)
        return tl::unexpected(sent.error());
    std::this_thread::sleep_for(on_the_way);
    const std::uint64_t sent = sum_of(programs_->maps.sent_acks) - sent_before;
    const std::uint64_t received = sum_of(programs_->maps.received_acks) - received_before;
    if (sent == 0)
        return fail("no ACK was sent");
    return static_cast<double>(received) / static_cast<double>(sent);
}

}  // namespace headgate::bench
