// RFC 792, RFC 1812 4.3.2.3 and RFC 4443: errors quote the packet that caused them, at least its IP
// header and the eight bytes behind. Quoted is what the real server has sent to the client.
#include "dataplane/core/ip_headers.h"
#include "dataplane/core/packet.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t ports_bytes = 4;

bool is_error(const Packet& packet, std::uint8_t type) {
    if (packet.is_v6)
        return type >= 1 && type <= 4;  // unreachable, too big, time exceeded, parameter problem
    return type == 3 || type == 11 || type == 12;  // unreachable, time exceeded, parameter problem
}

// The ports of the quote, which lie at `at` of the `bytes` that are there.
bool take_ports(const std::uint8_t* quote, std::uint32_t bytes, std::uint8_t protocol,
                std::uint32_t at, Packet& about) {
    if (!is_carried(protocol) || bytes < at || bytes - at < ports_bytes)
        return false;
    about.protocol = static_cast<Protocol>(protocol);
    about.port = read16(quote + at);
    about.client_port = read16(quote + at + sizeof(Be16));
    return true;
}

bool take_ipv4(const std::uint8_t* quote, std::uint32_t bytes, Packet& about) {
    if (bytes < ipv4_bytes_min || quote[0] >> 4U != 4)
        return false;
    const std::uint32_t header_bytes = (quote[0] & 0x0fU) * 4U;
    const bool is_later_fragment = (read16(quote + 6).host() & 0x1fffU) != 0;
    if (header_bytes < ipv4_bytes_min || is_later_fragment)
        return false;
    about.is_v6 = false;
    about.address = wide_v4(read32(quote + 12));
    about.client = wide_v4(read32(quote + 16));
    return take_ports(quote, bytes, quote[9], header_bytes, about);
}

bool take_ipv6(const std::uint8_t* quote, std::uint32_t bytes, Packet& about) {
    if (bytes < ipv6_bytes || quote[0] >> 4U != 6)
        return false;
    about.is_v6 = true;
    about.address = wide_v6(quote + 8);
    about.client = wide_v6(quote + 24);
    ExtensionWalk walk{quote[6], ipv6_bytes};
    Reason reason = skip_extensions(quote, bytes, walk);
    if (reason == Reason::fragment) {
        const std::uint8_t* header = quote + walk.at;
        if ((read16(header + 2).host() & 0xfff8U) != 0)
            return false;
        walk = {header[0], walk.at + 8, walk.count + 1};
        reason = skip_extensions(quote, bytes, walk);
    }
    return reason == Reason::none && take_ports(quote, bytes, walk.protocol, walk.at, about);
}

}  // namespace

bool parse_icmp_error(const Frame& frame, const Packet& error, Packet& about) {
    const std::uint32_t bytes = error.ip_at + error.ip_bytes - error.behind_at;
    const std::uint8_t* icmp = frame.data + error.behind_at;
    if (bytes < icmp_bytes || !is_error(error, icmp[0]))
        return false;
    const std::uint8_t* quote = icmp + icmp_bytes;
    return error.is_v6 ? take_ipv6(quote, bytes - icmp_bytes, about)
                       : take_ipv4(quote, bytes - icmp_bytes, about);
}

}  // namespace headgate::dataplane
