// Inheritance: what a process leaves to the next that serves the same interface, also when it is
// killed: the steering program on its link, and the maps of the flow cache, pinned in a directory
// of a BPF file system. Established flows go on meanwhile (lb_flow_control.flows_until).
//
// A directory belongs to one interface, and holds all of it or what can be removed. *Control
// thread.* Errors are in words, and never end anything: without an inheritance one starts anew.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "bpf/abi.h"
#include "common/fd.h"
#include "common/result.h"
#include "dataplane/port/flow_cache_size.h"

namespace headgate::dataplane {

// A map of the steering program that is inherited.
struct InheritedMap {
    const char* name;
    std::uint32_t value_bytes;
    std::uint32_t entries;
};
constexpr std::size_t inherited_map_count = 7;
using InheritedMaps = std::array<InheritedMap, inherited_map_count>;

// With the sizes that they have for so many queues.
InheritedMaps inherited_maps(std::uint32_t queues, const FlowCacheSize& flow_cache);

class Inheritance {
public:
    // What the directory holds for this interface; nothing when there is no such directory. Fails
    // when it cannot be taken over as it is: incomplete, of another version or other sizes, or not
    // what is attached to the interface now.
    static Result<std::optional<Inheritance>> find(const std::filesystem::path& directory,
                                                   int ifindex, const InheritedMaps& expected);

    // In the order of inherited_maps().
    [[nodiscard]] int map_fd(std::size_t map) const { return maps_[map].get(); }
    [[nodiscard]] std::uint64_t flow_seed() const { return header_.flow_seed; }
    // Whether the program runs in generic mode.
    [[nodiscard]] bool is_generic() const { return is_generic_; }
    // The caller's from now on.
    [[nodiscard]] Fd take_link() { return std::move(link_); }

    // Leaves this link and these maps, in the order of inherited_maps(), to whoever finds them.
    // Fails, with nothing left, when the directory cannot be made, or in no BPF file system.
    static Result<void> leave(const std::filesystem::path& directory, int link_fd,
                              const std::array<int, inherited_map_count>& map_fds);

    // Removes it, if there is any, and detaches its program.
    static void remove(const std::filesystem::path& directory);

private:
    Result<void> open(const std::filesystem::path& directory);
    [[nodiscard]] Result<void> check_link(int ifindex) const;
    Result<void> check_maps(const InheritedMaps& expected);

    Fd link_;
    std::array<Fd, inherited_map_count> maps_;
    lb_inheritance header_{};
    bool is_generic_ = false;
};

}  // namespace headgate::dataplane
