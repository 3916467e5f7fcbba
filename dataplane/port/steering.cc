#include "dataplane/port/steering.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <steer.skel.h>
#include <sys/random.h>

#include "common/check.h"
#include "common/log.h"

namespace headgate::dataplane {

namespace {

constexpr std::array<std::string_view, lb_steer_counter_count> counter_names{
#define LB_STEER_NAME(name) "steer_" #name,
    LB_STEER_COUNTERS(LB_STEER_NAME)
#undef LB_STEER_NAME
};

lb_service_key key_of(const SteeredService& service) {
    lb_service_key key{};
    const auto bytes = service.endpoint.address.bytes();
    if (service.endpoint.address.is_v4())
        key.address_be[2] = Be32(LB_MAPPED_IPV4).raw();
    std::memcpy(
        reinterpret_cast<std::uint8_t*>(key.address_be) + sizeof(key.address_be) - bytes.size(),
        bytes.data(), bytes.size());
    key.port_be = Be16(service.endpoint.port).raw();
    key.protocol = service.protocol;
    return key;
}

// One sentence about the XDP program that is in our way, and what to do about it.
std::string describe_attached(const std::string& interface, int ifindex) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    if (bpf_xdp_query(ifindex, 0, &query) != 0 || query.attach_mode == XDP_ATTACHED_NONE)
        return "it did not say which";
    std::uint32_t id = query.prog_id;
    if (id == 0)
        id = query.drv_prog_id != 0 ? query.drv_prog_id : query.skb_prog_id;
    bpf_prog_info info{};
    std::uint32_t info_bytes = sizeof info;
    std::string name = "unknown";
    const Fd program(bpf_prog_get_fd_by_id(id));
    if (program && bpf_obj_get_info_by_fd(program.get(), &info, &info_bytes) == 0)
        name = info.name;
    if (name == "headgate_steer")
        return fmt::format(
            "it is headgate_steer (id {}): another headgate-dataplane serves {}, or "
            "one with another run directory was killed, and what it left under "
            "/sys/fs/bpf/headgate is to be removed",
            id, interface);
    return fmt::format(
        "it is {} (id {}); stop the program that attached it, or take it away with "
        "`ip link set dev {} xdp off`",
        name, id, interface);
}

// A link of this program on the interface, or -1 with errno set.
Fd create_link(int program_fd, int ifindex, std::uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.flags = flags;
    const int fd = bpf_link_create(program_fd, ifindex, BPF_XDP, &options);
    if (fd < 0)
        errno = -fd;
    return Fd(fd < 0 ? -1 : fd);
}

bool is_occupied(int code) {
    return code == EBUSY || code == EEXIST;
}

// Why no link could be made: the errno of the attempt, and the mode that was tried.
tl::unexpected<Error> refused(const std::string& interface, int ifindex, int code,
                              std::string_view mode) {
    if (is_occupied(code))
        return fail("{}: another XDP program is attached: {}", interface,
                    describe_attached(interface, ifindex));
    return fail_code(code, "{}: attach the steering program in {} mode", interface, mode);
}

constexpr std::string_view generic_asked_for = "generic mode was asked for";

bool is_allowed(XdpMode mode, bool generic) {
    return mode == XdpMode::automatic || generic == (mode == XdpMode::generic);
}

// What can be taken over; what cannot is removed.
std::optional<Inheritance> find_inheritance(const SteeringOptions& options) {
    if (options.pins.empty())
        return std::nullopt;
    Result<std::optional<Inheritance>> found = Inheritance::find(
        options.pins, options.ifindex, inherited_maps(options.queues, options.flow_cache));
    if (found && *found && !is_allowed(options.mode, (*found)->is_generic()))
        found = fail("it runs in another mode than is asked for");
    if (found)
        return std::move(*found);
    log::warn("{}: what another process has left in {} is not taken over, and removed: {}",
              options.interface, options.pins.string(), found.error().message);
    Inheritance::remove(options.pins);
    return std::nullopt;
}

}  // namespace

std::string steer_counter_name(std::size_t counter) {
    return std::string(counter_names[counter]);
}

Steering::Steering(steer_bpf* program, const SteeringOptions& options)
    : program_(program), options_(options) {
    program_->rodata->flow4_bits = options.flow_cache.bits4;
    program_->rodata->flow6_bits = options.flow_cache.bits6;
    check(::getrandom(&program_->rodata->flow_seed, sizeof program_->rodata->flow_seed, 0) ==
              sizeof program_->rodata->flow_seed,
          "the kernel gives random bytes");
    check(::getrandom(returned_source_.bytes.data(), returned_source_.bytes.size(), 0) ==
              static_cast<ssize_t>(returned_source_.bytes.size()),
          "the kernel gives random bytes");
    // Locally administered, unicast.
    returned_source_.bytes[0] = static_cast<std::uint8_t>((returned_source_.bytes[0] & 0xfcU) | 2U);
    std::ranges::copy(returned_source_.bytes, program_->rodata->returned_source);
}

Steering::~Steering() {
    link_.reset();
    steer_bpf::destroy(program_);
}

Result<std::unique_ptr<Steering>> Steering::attach(const SteeringOptions& options) {
    steer_bpf* program = steer_bpf::open();
    if (program == nullptr)
        return fail_errno("{}: open the steering program", options.interface);
    std::unique_ptr<Steering> steering(new Steering(program, options));
    std::optional<Inheritance> inherited = find_inheritance(options);
    if (auto loaded = steering->load(inherited); !loaded)
        return tl::unexpected(loaded.error());
    if (inherited) {
        steering->inherit_link(*inherited);
        return steering;
    }
    if (auto attached = steering->attach_link(); !attached)
        return tl::unexpected(attached.error());
    for (lb_flow_control& control : steering->flow_controls())
        control.is_generic = steering->generic() ? 1 : 0;
    return steering;
}

Result<void> Steering::load(const std::optional<Inheritance>& inherited) {
    size_maps();
    if (inherited) {
        if (auto reused = reuse_maps(*inherited); !reused)
            return reused;
    }
    if (const int error = steer_bpf::load(program_); error != 0)
        return fail_code(-error, "{}: load the steering program", options_.interface);
    if (auto mapped = map_arrays(); !mapped)
        return mapped;
    if (inherited)
        return {};
    for (lb_flow_control& control : flow_controls_.items())
        control.own_mac = LB_NO_MAC;
    inheritance() = {LB_ABI_VERSION, 1, program_->rodata->flow_seed};
    return {};
}

void Steering::size_maps() {
    bpf_map__set_max_entries(program_->maps.sockets, options_.queues);
    bpf_map__set_max_entries(program_->maps.opening_shares, options_.queues);
    if (options_.flow_cache.bits4 == 0) {
        bpf_map__set_max_entries(program_->maps.flow_controls, options_.queues);
        return;
    }
    for (const InheritedMap& map : inherited_maps(options_.queues, options_.flow_cache))
        bpf_map__set_max_entries(bpf_object__find_map_by_name(program_->obj, map.name),
                                 map.entries);
}

Result<void> Steering::reuse_maps(const Inheritance& inherited) {
    program_->rodata->flow_seed = inherited.flow_seed();
    const InheritedMaps maps = inherited_maps(options_.queues, options_.flow_cache);
    for (std::size_t map = 0; map < maps.size(); ++map) {
        const int error = bpf_map__reuse_fd(
            bpf_object__find_map_by_name(program_->obj, maps[map].name), inherited.map_fd(map));
        if (error != 0)
            return fail_code(-error, "{}: use the map {} again", options_.interface,
                             maps[map].name);
    }
    return {};
}

Result<void> Steering::map_arrays() {
    const auto map = [](auto& array, const bpf_map* from) {
        return array.map(bpf_map__fd(from), bpf_map__max_entries(from));
    };
    const auto& maps = program_->maps;
    bool mapped = map(opening_shares_, maps.opening_shares) &&
                  map(flow_controls_, maps.flow_controls) && map(inheritance_, maps.inheritance);
    if (options_.flow_cache.bits4 != 0) {
        mapped = mapped && map(flow_destinations_, maps.flow_destinations) &&
                 map(flow_names_, maps.flow_names) && map(flows4_, maps.flows4) &&
                 map(flows6_, maps.flows6);
    }
    if (!mapped)
        return fail_errno("{}: map the arrays of the steering program", options_.interface);
    return {};
}

FlowCacheMemory Steering::flow_cache(std::uint32_t queue) {
    const FlowCacheSize& size = options_.flow_cache;
    if (size.bits4 == 0)
        return {.control = &flow_controls_.items()[queue]};
    const std::size_t count4 = std::size_t{1} << size.bits4;
    const std::size_t count6 = std::size_t{1} << size.bits6;
    return {&flow_controls_.items()[queue], flows4_.items().subspan(queue * count4, count4),
            flows6_.items().subspan(queue * count6, count6), program_->rodata->flow_seed};
}

void Steering::inherit_link(Inheritance& inherited) {
    link_ = inherited.take_link();
    has_inherited_ = true;
    generic_ = inherited.is_generic();
    if (generic_)
        generic_reason_ = options_.mode == XdpMode::generic
                              ? generic_asked_for
                              : "as the process before, which could not do better";
    // Nobody watches yet.
    for (lb_flow_control& control : flow_controls_.items())
        std::atomic_ref(control.bypassed).store(0, std::memory_order_relaxed);
}

Result<void> Steering::attach_link() {
    const std::string& interface = options_.interface;
    const int ifindex = options_.ifindex;
    const XdpMode mode = options_.mode;
    if (mode != XdpMode::generic) {
        link_ = create_link(program_fd(), ifindex, XDP_FLAGS_DRV_MODE);
        if (link_)
            return {};
        const int code = errno;
        if (mode == XdpMode::native || is_occupied(code))
            return refused(interface, ifindex, code, "native");
        generic_reason_ = "no native XDP: " + std::generic_category().message(code);
    } else {
        generic_reason_ = generic_asked_for;
    }
    generic_ = true;
    link_ = create_link(program_fd(), ifindex, XDP_FLAGS_SKB_MODE);
    if (link_)
        return {};
    return refused(interface, ifindex, errno, "generic");
}

Result<void> Steering::go_live() {
    if (has_inherited_) {
        if (const int error = bpf_link_update(link_.get(), program_fd(), nullptr); error != 0)
            return fail_code(-error, "{}: put the steering program in the place of another",
                             options_.interface);
        return {};
    }
    if (options_.pins.empty() || options_.flow_cache.bits4 == 0)
        return {};
    std::array<int, inherited_map_count> maps{};
    std::ranges::transform(inherited_maps(options_.queues, options_.flow_cache), maps.begin(),
                           [this](const InheritedMap& map) {
                               return bpf_object__find_map_fd_by_name(program_->obj, map.name);
                           });
    if (auto left = Inheritance::leave(options_.pins, link_.get(), maps); !left)
        log::warn(
            "{}: if this process is killed, established flows will not go on: {} (is a BPF "
            "file system there? `headgated --bpffs DIR` names another)",
            options_.interface, left.error().message);
    return {};
}

void Steering::detach() {
    if (!options_.pins.empty())
        Inheritance::remove(options_.pins);
    link_.reset();
}

void Steering::keep_alive(Instant flows_until, Instant others_until) {
    const auto store = [](__u64& place, Instant instant) {
        const std::chrono::nanoseconds ns = instant.time_since_epoch();
        std::atomic_ref(place).store(static_cast<std::uint64_t>(ns.count()),
                                     std::memory_order_relaxed);
    };
    for (lb_flow_control& control : flow_controls_.items()) {
        store(control.flows_until, flows_until);
        store(control.others_until, others_until);
    }
}

Result<void> Steering::set_socket(std::uint32_t queue, int socket_fd) {
    if (bpf_map_update_elem(bpf_map__fd(program_->maps.sockets), &queue, &socket_fd, BPF_ANY) != 0)
        return fail_errno("enter the socket of queue {} into the steering program", queue);
    return {};
}

Result<void> Steering::set_egress(std::uint32_t egress, int ifindex) {
    const int map = bpf_map__fd(program_->maps.egress_devices);
    const int error = ifindex == 0 ? bpf_map_delete_elem(map, &egress)
                                   : bpf_map_update_elem(map, &egress, &ifindex, BPF_ANY);
    if (error != 0)
        return fail_code(-error, "{}: enter the interface {} into the steering program",
                         options_.interface, ifindex);
    return {};
}

Result<void> Steering::add_service(const SteeredService& service) {
    const lb_service_key key = key_of(service);
    const std::uint32_t unread = 0;
    if (bpf_map_update_elem(bpf_map__fd(program_->maps.services), &key, &unread, BPF_ANY) != 0)
        return fail_errno("steer {} to the workers", service.endpoint.to_string());
    return {};
}

Result<void> Steering::remove_service(const SteeredService& service) {
    const lb_service_key key = key_of(service);
    if (bpf_map_delete_elem(bpf_map__fd(program_->maps.services), &key) != 0 && errno != ENOENT)
        return fail_errno("stop steering {} to the workers", service.endpoint.to_string());
    return {};
}

Result<void> Steering::block(const AccessList* list) {
    return blocked_clients_.follow(list, bpf_map__fd(program_->maps.blocked4),
                                   bpf_map__fd(program_->maps.blocked6));
}

SteerCounts Steering::counts() const {
    SteerCounts sums{};
    const int cpus = libbpf_num_possible_cpus();
    if (cpus <= 0)
        return sums;
    std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(cpus));
    for (std::uint32_t counter = 0; counter < sums.size(); ++counter) {
        if (bpf_map_lookup_elem(bpf_map__fd(program_->maps.counters), &counter, per_cpu.data()) !=
            0)
            continue;
        for (const std::uint64_t value : per_cpu)
            sums[counter] += value;
    }
    return sums;
}

int Steering::program_fd() const {
    return bpf_program__fd(program_->progs.headgate_steer);
}

}  // namespace headgate::dataplane
