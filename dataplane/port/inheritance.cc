#include "dataplane/port/inheritance.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

namespace headgate::dataplane {

namespace {

constexpr const char* link_name = "link";
constexpr std::size_t controls_map = 0;
constexpr std::size_t header_map = 1;

Result<Fd> open_pin(const std::filesystem::path& path) {
    const int fd = bpf_obj_get(path.c_str());
    if (fd < 0)
        return fail_code(-fd, "open {}", path.string());
    return Fd(fd);
}

Result<void> pin(int fd, const std::filesystem::path& path) {
    if (const int error = bpf_obj_pin(fd, path.c_str()); error != 0)
        return fail_code(-error, "pin {}", path.string());
    return {};
}

template <typename T>
Result<T> read_first(int map_fd) {
    T value{};
    const std::uint32_t key = 0;
    if (const int error = bpf_map_lookup_elem(map_fd, &key, &value); error != 0)
        return fail_code(-error, "read a map");
    return value;
}

}  // namespace

InheritedMaps inherited_maps(std::uint32_t queues, const FlowCacheSize& flow_cache) {
    return {{{"flow_controls", sizeof(lb_flow_control), queues},
             {"inheritance", sizeof(lb_inheritance), 1},
             {"flow_names", sizeof(lb_destination_name), LB_DESTINATIONS_MAX},
             {"flow_destinations", sizeof(lb_flow_destination), queues * LB_DESTINATIONS_MAX},
             {"flows4", sizeof(lb_flow4_bucket), queues << flow_cache.bits4},
             {"flows6", sizeof(lb_flow6_bucket), queues << flow_cache.bits6},
             {"egress_devices", sizeof(std::uint32_t), LB_EGRESSES_MAX}}};
}

Result<std::optional<Inheritance>> Inheritance::find(const std::filesystem::path& directory,
                                                     int ifindex, const InheritedMaps& expected) {
    std::error_code error;
    if (!std::filesystem::exists(directory, error))
        return std::nullopt;
    Inheritance found;
    if (auto opened = found.open(directory); !opened)
        return tl::unexpected(opened.error());
    if (auto checked = found.check_link(ifindex); !checked)
        return tl::unexpected(checked.error());
    if (auto checked = found.check_maps(expected); !checked)
        return tl::unexpected(checked.error());
    return std::optional(std::move(found));
}

Result<void> Inheritance::open(const std::filesystem::path& directory) {
    Result<Fd> link = open_pin(directory / link_name);
    if (!link)
        return tl::unexpected(link.error());
    link_ = std::move(*link);
    const InheritedMaps names = inherited_maps(0, {});
    for (std::size_t map = 0; map < maps_.size(); ++map) {
        Result<Fd> opened = open_pin(directory / names[map].name);
        if (!opened)
            return tl::unexpected(opened.error());
        maps_[map] = std::move(*opened);
    }
    return {};
}

// A link stays when its interface goes, and another one, perhaps in another network namespace, can
// have its name and number: but no other has its program.
Result<void> Inheritance::check_link(int ifindex) const {
    bpf_link_info link{};
    std::uint32_t bytes = sizeof link;
    if (const int error = bpf_obj_get_info_by_fd(link_.get(), &link, &bytes); error != 0)
        return fail_code(-error, "ask about its link");
    LIBBPF_OPTS(bpf_xdp_query_opts, attached);
    if (const int error = bpf_xdp_query(ifindex, 0, &attached); error != 0)
        return fail_code(-error, "ask which program is attached");
    if (link.prog_id != attached.prog_id)
        return fail("its program is not attached to this interface any more");
    return {};
}

Result<void> Inheritance::check_maps(const InheritedMaps& expected) {
    const Result<lb_inheritance> header = read_first<lb_inheritance>(map_fd(header_map));
    if (!header)
        return tl::unexpected(header.error());
    header_ = *header;
    if (header_.abi_version != LB_ABI_VERSION)
        return fail("its maps have version {}, these {}", header_.abi_version, LB_ABI_VERSION);
    for (std::size_t map = 0; map < maps_.size(); ++map) {
        bpf_map_info info{};
        std::uint32_t bytes = sizeof info;
        if (const int error = bpf_obj_get_info_by_fd(map_fd(map), &info, &bytes); error != 0)
            return fail_code(-error, "ask about a map");
        const InheritedMap& wanted = expected[map];
        if (info.value_size != wanted.value_bytes || info.max_entries != wanted.entries)
            return fail(
                "its map {} has {} entries of {} bytes, this one {} of {}: the number of "
                "queues or the size of the flow cache was another",
                wanted.name, info.max_entries, info.value_size, wanted.entries, wanted.value_bytes);
    }
    const Result<lb_flow_control> control = read_first<lb_flow_control>(map_fd(controls_map));
    if (!control)
        return tl::unexpected(control.error());
    is_generic_ = control->is_generic != 0;
    return {};
}

Result<void> Inheritance::leave(const std::filesystem::path& directory, int link_fd,
                                const std::array<int, inherited_map_count>& map_fds) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail_code(error.value(), "make {}", directory.string());
    const InheritedMaps names = inherited_maps(0, {});
    Result<void> left;
    for (std::size_t map = 0; left && map < map_fds.size(); ++map)
        left = pin(map_fds[map], directory / names[map].name);
    // Last: without a link it is incomplete.
    if (left)
        left = pin(link_fd, directory / link_name);
    if (!left)
        std::filesystem::remove_all(directory, error);
    return left;
}

void Inheritance::remove(const std::filesystem::path& directory) {
    // At once: to remove the last reference to a link detaches it only a moment later.
    if (const Result<Fd> link = open_pin(directory / link_name); link)
        bpf_link_detach(link->get());
    std::error_code error;
    std::filesystem::remove_all(directory, error);
}

}  // namespace headgate::dataplane
