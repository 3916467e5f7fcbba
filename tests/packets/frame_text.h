// Frames as text: layers from the outside in, each with what differs from the usual.
//
//     tcp(S)                                a SYN from the client to the VIP, port 80
//     vlan(100) / ip(ttl=1) / udp / data(20)
//     ip6 / hopopts(8) / tcp(A sport=40001)
//     icmp(3 4 word=1400) / ip(quote=28) / tcp(A)     an error about a packet of the real server
//
// Layers and their words (numbers may be 0x...):
//     eth(dst=HOST src=HOST type=N)         type: the frame is no IP packet
//     vlan(TCI tpid=N)
//     ip(src=HOST dst=HOST ttl=N tos=N id=N df more offset=BYTES reserved options=BYTES words=N
//        length=N version=N proto=N badsum)
//     ip6(src=HOST dst=HOST hops=N class=N flow=N length=N version=N proto=N)
//     hopopts(BYTES) dstopts(BYTES) routing(left=N) frag(id=N offset=BYTES more) ah(BYTES)
//     tcp(FLAGS sport=N dport=N options=BYTES words=N badsum), FLAGS of FSRPAUEC or -
//     udp(sport=N dport=N length=N badsum)
//     sctp(TYPE sport=N dport=N): init, data, ... or the number of the first chunk's type
//     ipip gre(csum) gue(sport=N port=N csum): a tunnel, and the packet in it behind. at=BYTES
//        bytes=BYTES: of what the outer IP packet carries, a fragment
//     icmp(TYPE CODE word=N quote=BYTES): the packet behind it is quoted, from the VIP to the
//     client data(BYTES) hex(DIGITS): a payload pad(BYTES) cut(BYTES): the length of the frame in
//     the end
// HOST is a name of `Hosts`, or an address. Options are NOPs. Left out: eth, ip (ip6 is said), and
// every field that is as it should be. Lengths, checksums and next headers follow from the rest.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/net.h"
#include "common/result.h"
#include "tests/packets/packet_builder.h"

namespace headgate::packets {

struct NamedHost {
    std::optional<MacAddress> mac;
    std::optional<IpAddress> v4;
    std::optional<IpAddress> v6;
};
// By name. `director`, `client` and `vip` are the ones that frames are between.
using Hosts = std::map<std::string, NamedHost, std::less<>>;

// The bytes of the frame, or what is wrong with the text.
Result<Bytes> frame_of(std::string_view text, const Hosts& hosts);

}  // namespace headgate::packets
