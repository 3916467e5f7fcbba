// Frames as a pcapng file (draft-ietf-opsawg-pcapng), block by block. Pure: values in, bytes out.
//
// Written here, since libpcap writes the classic format alone, which has no comments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::cli::pcapng {

// 4.1: opens the file.
std::string section_header();

// 4.2: Ethernet, times in nanoseconds. Interfaces are numbered from 0 in the order of these blocks.
std::string interface_description(std::string_view name, std::uint32_t bytes_max);

struct CapturedPacket {
    std::uint32_t interface = 0;
    std::uint64_t unix_ns = 0;
    std::string_view frame;         // as much as was captured
    std::uint32_t frame_bytes = 0;  // as long as it was
    std::uint32_t queue = 0;
    std::string_view comment;
};
// 4.3
std::string enhanced_packet(const CapturedPacket& packet);

// 4.6: how many packets found no room.
std::string interface_statistics(std::uint32_t interface, std::uint64_t unix_ns,
                                 std::uint64_t dropped);

}  // namespace headgate::cli::pcapng
