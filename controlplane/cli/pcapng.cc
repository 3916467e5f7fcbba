#include "controlplane/cli/pcapng.h"

#include <cstring>

namespace headgate::cli::pcapng {

namespace {

constexpr std::uint32_t section_header_type = 0x0a0d0d0a;
constexpr std::uint32_t interface_description_type = 1;
constexpr std::uint32_t interface_statistics_type = 5;
constexpr std::uint32_t enhanced_packet_type = 6;
constexpr std::uint32_t byte_order_magic = 0x1a2b3c4d;
constexpr std::uint16_t linktype_ethernet = 1;

// Options: 3.5, 4.2, 4.3, 4.6.
constexpr std::uint16_t opt_comment = 1;
constexpr std::uint16_t if_name = 2;
constexpr std::uint16_t epb_queue = 6;
constexpr std::uint16_t isb_osdrop = 7;
constexpr std::uint16_t if_tsresol = 9;

// Numbers are written in the byte order of the host: the section header tells which that is.
template <typename T>
void put(std::string& bytes, T value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
}

void put_padded(std::string& bytes, std::string_view content) {
    bytes.append(content);
    bytes.append((4 - content.size() % 4) % 4, '\0');
}

void put_option(std::string& bytes, std::uint16_t code, std::string_view value) {
    const std::string_view kept = value.substr(0, 0xffff);
    put(bytes, code);
    put(bytes, static_cast<std::uint16_t>(kept.size()));
    put_padded(bytes, kept);
}

template <typename T>
void put_number_option(std::string& bytes, std::uint16_t code, T value) {
    std::string raw;
    put(raw, value);
    put_option(bytes, code, raw);
}

void end_options(std::string& bytes) {
    put(bytes, std::uint32_t{0});
}

// The time since 1970, its upper half first.
void put_time(std::string& bytes, std::uint64_t unix_ns) {
    put(bytes, static_cast<std::uint32_t>(unix_ns >> 32U));
    put(bytes, static_cast<std::uint32_t>(unix_ns));
}

std::string block(std::uint32_t type, const std::string& body) {
    constexpr std::size_t around = 12;  // type, and the length twice
    const auto length = static_cast<std::uint32_t>(body.size() + around);
    std::string bytes;
    put(bytes, type);
    put(bytes, length);
    bytes += body;
    put(bytes, length);
    return bytes;
}

}  // namespace

std::string section_header() {
    std::string body;
    put(body, byte_order_magic);
    put(body, std::uint16_t{1});  // version 1.0
    put(body, std::uint16_t{0});
    put(body, std::int64_t{-1});  // the length of the section is not known
    return block(section_header_type, body);
}

std::string interface_description(std::string_view name, std::uint32_t bytes_max) {
    std::string body;
    put(body, linktype_ethernet);
    put(body, std::uint16_t{0});
    put(body, bytes_max);
    put_option(body, if_name, name);
    put_number_option(body, if_tsresol, std::uint8_t{9});  // 10^-9 s
    end_options(body);
    return block(interface_description_type, body);
}

std::string enhanced_packet(const CapturedPacket& packet) {
    std::string body;
    put(body, packet.interface);
    put_time(body, packet.unix_ns);
    put(body, static_cast<std::uint32_t>(packet.frame.size()));
    put(body, packet.frame_bytes);
    put_padded(body, packet.frame);
    put_option(body, opt_comment, packet.comment);
    put_number_option(body, epb_queue, packet.queue);
    end_options(body);
    return block(enhanced_packet_type, body);
}

std::string interface_statistics(std::uint32_t interface, std::uint64_t unix_ns,
                                 std::uint64_t dropped) {
    std::string body;
    put(body, interface);
    put_time(body, unix_ns);
    put_number_option(body, isb_osdrop, dropped);
    end_options(body);
    return block(interface_statistics_type, body);
}

}  // namespace headgate::cli::pcapng
