// The corpus, by theme: Ethernet, IPv4, TCP, UDP, connections, services, clients.
#include "tests/packets/cases.h"

#include <utility>

namespace headgate::packets {
namespace {

using dataplane::Reason;

const MacAddress director = mac("02:00:00:00:00:01");
const MacAddress client = mac("02:00:00:00:00:02");
const MacAddress server_a = mac("02:00:00:00:01:01");
const MacAddress server_b = mac("02:00:00:00:01:02");
const MacAddress stranger = mac("02:00:00:00:02:01");

constexpr std::string_view vip = "192.0.2.10";
constexpr std::string_view vip_inactive = "192.0.2.11";
constexpr std::string_view vip_drained = "192.0.2.12";
constexpr std::string_view vip_unresolved = "192.0.2.13";
constexpr std::string_view client_address = "198.51.100.7";
constexpr std::uint16_t client_port = 40000;

PacketBuilder on_wire(PacketBuilder builder, std::uint16_t port, std::string_view to = vip) {
    return builder.macs(director, client).from(client_address, client_port).to(to, port);
}

PacketBuilder tcp(std::uint8_t flags, std::string_view to = vip) {
    return on_wire(PacketBuilder::tcp(flags), 80, to);
}

PacketBuilder udp(std::string_view to = vip) {
    return on_wire(PacketBuilder::udp(), 53, to).payload(20);
}

PacketBuilder other(std::uint8_t protocol, Bytes body) {
    return on_wire(PacketBuilder::ipv4(protocol, std::move(body)), 0);
}

PacketCase forwarded(std::string_view description, const PacketBuilder& in,
                     const MacAddress& to = server_a) {
    return {description, {}, in.build(), Reason::none, to};
}

PacketCase refused(std::string_view description, const PacketBuilder& in, Reason reason) {
    return {description, {}, in.build(), reason, std::nullopt};
}

PacketCase after(std::vector<Bytes> before, PacketCase then) {
    then.before = std::move(before);
    return then;
}

Bytes nops(std::size_t count) {
    return Bytes(count, 0x01);
}

void add_ethernet(std::vector<PacketCase>& cases) {
    const Bytes syn = tcp(flag::syn).build();
    cases.insert(
        cases.end(),
        {refused("an empty frame", tcp(flag::syn).cut_to(0), Reason::frame_truncated),
         refused("a frame of one byte", tcp(flag::syn).cut_to(1), Reason::frame_truncated),
         refused("a frame that ends before its ethertype", tcp(flag::syn).cut_to(13),
                 Reason::frame_truncated),
         refused("an Ethernet header and nothing else", tcp(flag::syn).cut_to(14),
                 Reason::frame_truncated),
         refused("a frame that ends within the IPv4 header", tcp(flag::syn).cut_to(33),
                 Reason::frame_truncated),
         refused("a frame for another station", tcp(flag::syn).macs(stranger, client),
                 Reason::other_mac),
         refused("a broadcast frame with a packet for the VIP",
                 tcp(flag::syn).macs(mac("ff:ff:ff:ff:ff:ff"), client), Reason::other_mac),
         refused("a multicast frame with a packet for the VIP",
                 tcp(flag::syn).macs(mac("01:00:5e:00:02:0a"), client), Reason::other_mac),
         refused("a VLAN tag", tcp(flag::syn).vlan(0x8100, 100), Reason::vlan_tag),
         refused("a priority tag (VLAN 0)", tcp(flag::syn).vlan(0x8100, 0xa000), Reason::vlan_tag),
         refused("two VLAN tags", tcp(flag::syn).vlan(0x88a8, 7).vlan(0x8100, 100),
                 Reason::vlan_tag),
         refused("ARP", PacketBuilder::ethernet(0x0806, Bytes(46)).macs(director, client),
                 Reason::not_ipv4),
         refused("IPv6", PacketBuilder::ethernet(0x86dd, Bytes(60, 0x60)).macs(director, client),
                 Reason::not_ipv4),
         refused("an IEEE 802.3 length instead of an ethertype",
                 PacketBuilder::ethernet(46, Bytes(46)).macs(director, client), Reason::not_ipv4),
         forwarded("a frame padded to Ethernet's 60 bytes", tcp(flag::syn).pad_to(60)),
         forwarded("a frame with more padding than packet", tcp(flag::syn).pad_to(200))});
}

void add_ipv4(std::vector<PacketCase>& cases) {
    cases.insert(
        cases.end(),
        {refused("IP version 6 under the ethertype of IPv4", tcp(flag::syn).ip_version(6),
                 Reason::ip_malformed),
         refused("IP version 0", tcp(flag::syn).ip_version(0), Reason::ip_malformed),
         refused("a header length of 0", tcp(flag::syn).ip_header_words(0), Reason::ip_malformed),
         refused("a header length of 16 bytes", tcp(flag::syn).ip_header_words(4),
                 Reason::ip_malformed),
         refused("a header longer than the packet", tcp(flag::syn).ip_header_words(15),
                 Reason::ip_malformed),
         refused("a total length of 0", tcp(flag::syn).ip_total_length(0), Reason::ip_malformed),
         refused("a total length shorter than the header", tcp(flag::syn).ip_total_length(19),
                 Reason::ip_malformed),
         refused("a total length one byte longer than the frame",
                 tcp(flag::syn).ip_total_length(41), Reason::ip_malformed),
         refused("a total length of 65535 in a short frame", tcp(flag::syn).ip_total_length(65535),
                 Reason::ip_malformed),
         refused("a frame cut within its payload", tcp(flag::syn).payload(100).cut_to(100),
                 Reason::ip_malformed),
         forwarded("one word of IP options", tcp(flag::syn).ip_options(nops(4))),
         forwarded("forty bytes of IP options", tcp(flag::syn).ip_options(nops(40))),
         forwarded("IP options before UDP", udp().ip_options(nops(8))),
         refused("IP options that the frame does not hold",
                 tcp(flag::syn).ip_options(nops(40)).cut_to(60), Reason::ip_malformed),
         refused("a first fragment", tcp(flag::syn).payload(64).fragment(0x2000), Reason::fragment),
         refused("a later fragment", tcp(flag::syn).payload(64).fragment(0x2008), Reason::fragment),
         refused("a last fragment", udp().fragment(0x0010), Reason::fragment),
         refused("a fragment of one byte", udp().ip_total_length(21).cut_to(35).fragment(0x2001),
                 Reason::fragment),
         forwarded("don't fragment", tcp(flag::syn).fragment(0x4000)),
         forwarded("the reserved fragment bit", tcp(flag::syn).fragment(0x8000)),
         forwarded("a TTL of 1", tcp(flag::syn).ttl(1)),
         forwarded("a DSCP and ECN marking", tcp(flag::syn).tos(0xbb)),
         forwarded("a wrong IP header checksum is the server's to refuse",
                   tcp(flag::syn).bad_ip_checksum()),
         refused("ICMP echo to the VIP", other(1, {8, 0, 0xf7, 0xff, 0, 0, 0, 0}), Reason::icmp),
         refused("ICMP with an empty body", other(1, {}), Reason::icmp),
         refused("IGMP", other(2, Bytes(8)), Reason::other_protocol),
         refused("SCTP", other(132, Bytes(12)), Reason::other_protocol),
         refused("GRE", other(47, Bytes(4)), Reason::other_protocol),
         refused("protocol 0", other(0, Bytes(8)), Reason::other_protocol),
         refused("protocol 255", other(255, Bytes(8)), Reason::other_protocol)});
}

void add_tcp(std::vector<PacketCase>& cases) {
    cases.insert(
        cases.end(),
        {forwarded("a SYN", tcp(flag::syn)),
         forwarded("a SYN with options", tcp(flag::syn).tcp_options({2, 4, 5, 0xb4, 4, 2, 1, 1})),
         forwarded("a SYN with forty bytes of options", tcp(flag::syn).tcp_options(nops(40))),
         forwarded("a SYN with ECN setup flags", tcp(flag::syn | flag::ece | flag::cwr)),
         forwarded("a SYN with data (TCP fast open)", tcp(flag::syn).payload(100)),
         forwarded("a SYN with a wrong TCP checksum is the server's to refuse",
                   tcp(flag::syn).bad_l4_checksum()),
         refused("a TCP header cut short", tcp(flag::syn).ip_total_length(39).cut_to(53),
                 Reason::tcp_malformed),
         refused("no TCP header at all", tcp(flag::syn).ip_total_length(20).cut_to(34),
                 Reason::tcp_malformed),
         refused("a total length that ends within the TCP header",
                 tcp(flag::syn).ip_total_length(39), Reason::tcp_malformed),
         refused("a TCP header length of 0", tcp(flag::syn).tcp_header_words(0),
                 Reason::tcp_malformed),
         refused("a TCP header length of 16 bytes", tcp(flag::syn).tcp_header_words(4),
                 Reason::tcp_malformed),
         refused("a TCP header longer than its packet", tcp(flag::syn).tcp_header_words(6),
                 Reason::tcp_malformed),
         refused("TCP behind IP options, cut short",
                 tcp(flag::syn).ip_options(nops(4)).ip_total_length(43), Reason::tcp_malformed),
         refused("an ACK without a connection", tcp(flag::ack), Reason::no_connection),
         refused("a FIN without a connection", tcp(flag::fin | flag::ack), Reason::no_connection),
         refused("an RST without a connection", tcp(flag::rst), Reason::no_connection),
         refused("data without a connection", tcp(flag::psh | flag::ack).payload(9),
                 Reason::no_connection),
         refused("a SYN-ACK opens nothing", tcp(flag::syn | flag::ack), Reason::no_connection),
         refused("a SYN-FIN opens nothing", tcp(flag::syn | flag::fin), Reason::no_connection),
         refused("a SYN-RST opens nothing", tcp(flag::syn | flag::rst), Reason::no_connection),
         refused("no flags at all", tcp(0), Reason::no_connection),
         refused("all flags at once", tcp(0xff), Reason::no_connection)});
}

void add_udp(std::vector<PacketCase>& cases) {
    cases.insert(
        cases.end(),
        {forwarded("a datagram", udp()), forwarded("an empty datagram", udp().payload(0)),
         forwarded("a datagram of 1472 bytes", udp().payload(1472)),
         forwarded("bytes between the datagram and the end of the packet", udp().udp_length(18)),
         forwarded("a wrong UDP checksum is the server's to refuse", udp().bad_l4_checksum()),
         refused("a UDP header cut short", udp().ip_total_length(27).cut_to(41),
                 Reason::udp_malformed),
         refused("a UDP length of 0", udp().udp_length(0), Reason::udp_malformed),
         refused("a UDP length shorter than its header", udp().udp_length(7),
                 Reason::udp_malformed),
         refused("a UDP length longer than the packet", udp().udp_length(29),
                 Reason::udp_malformed),
         refused("a UDP length that only the padding would fill",
                 udp().payload(0).udp_length(9).pad_to(60), Reason::udp_malformed)});
}

void add_connections(std::vector<PacketCase>& cases) {
    const Bytes syn = tcp(flag::syn).build();
    const Bytes ack = tcp(flag::ack).build();
    const Bytes fin = tcp(flag::fin | flag::ack).build();
    const Bytes rst = tcp(flag::rst).build();
    const Bytes datagram = udp().build();
    const PacketBuilder next_client = tcp(flag::syn).from(client_address, client_port + 1);
    cases.insert(
        cases.end(),
        {after({syn}, forwarded("the SYN again", tcp(flag::syn))),
         after({syn}, forwarded("the ACK of the handshake", tcp(flag::ack))),
         after({syn},
               forwarded("the ACK, in a packet with options", tcp(flag::ack).ip_options(nops(8)))),
         after({syn}, refused("a fragment of the connection",
                              tcp(flag::ack).payload(64).fragment(0x2000), Reason::fragment)),
         after({syn}, forwarded("another port of the client is another connection", next_client,
                                server_b)),
         after({syn}, forwarded("another client is another connection",
                                tcp(flag::syn).from("198.51.100.8", client_port), server_b)),
         after({syn, ack}, forwarded("data", tcp(flag::psh | flag::ack).payload(900))),
         after({syn, ack}, forwarded("urgent data", tcp(flag::urg | flag::ack).payload(1))),
         after({syn, ack}, forwarded("the FIN", tcp(flag::fin | flag::ack))),
         after({syn, ack}, forwarded("the RST", tcp(flag::rst | flag::ack))),
         after({syn, ack}, forwarded("a SYN within the connection", tcp(flag::syn))),
         after({syn, ack},
               forwarded("a SYN-ACK within the connection", tcp(flag::syn | flag::ack))),
         after({syn, ack}, forwarded("no flags within the connection", tcp(0))),
         after({syn, ack, fin}, forwarded("the last ACK", tcp(flag::ack))),
         after({syn, ack, fin},
               forwarded("a SYN after the FIN begins anew", tcp(flag::syn), server_b)),
         after({syn, ack, rst}, forwarded("an ACK after the RST", tcp(flag::ack))),
         after({syn, ack, rst},
               forwarded("a SYN after the RST begins anew", tcp(flag::syn), server_b)),
         after({datagram}, forwarded("the next datagram", udp().payload(3))),
         after({datagram}, forwarded("a datagram of another client",
                                     udp().from("198.51.100.8", client_port), server_b)),
         after({syn}, forwarded("the same client by UDP is another service", udp()))});
}

void add_services(std::vector<PacketCase>& cases) {
    cases.insert(cases.end(),
                 {refused("an address that no service has", tcp(flag::syn, "192.0.2.99"),
                          Reason::no_service),
                  refused("a port of the VIP that no service has",
                          on_wire(PacketBuilder::tcp(flag::syn), 81), Reason::no_service),
                  refused("the TCP service's port by UDP", on_wire(PacketBuilder::udp(), 80),
                          Reason::no_service),
                  refused("the UDP service's port by TCP",
                          on_wire(PacketBuilder::tcp(flag::syn), 53), Reason::no_service),
                  refused("port 0", on_wire(PacketBuilder::tcp(flag::syn), 0), Reason::no_service),
                  refused("a SYN for a service that is not active", tcp(flag::syn, vip_inactive),
                          Reason::service_inactive),
                  refused("an ACK for a service that is not active", tcp(flag::ack, vip_inactive),
                          Reason::service_inactive),
                  refused("a SYN for a service whose destinations drain",
                          tcp(flag::syn, vip_drained), Reason::no_destination),
                  refused("a datagram for a service without destinations",
                          on_wire(PacketBuilder::udp(), 53, vip_drained), Reason::no_destination),
                  refused("a SYN for a service whose destination has no MAC address",
                          tcp(flag::syn, vip_unresolved), Reason::no_destination)});
}

void add_clients(std::vector<PacketCase>& cases) {
    const auto syn_from = [](std::string_view address) {
        return tcp(flag::syn).from(address, client_port);
    };
    cases.insert(
        cases.end(),
        {refused("a client 0.0.0.0", syn_from("0.0.0.0"), Reason::source_invalid),
         refused("a client in 127/8", syn_from("127.0.0.1"), Reason::source_invalid),
         refused("a multicast client", syn_from("224.0.0.1"), Reason::source_invalid),
         refused("a reserved client", syn_from("240.0.0.1"), Reason::source_invalid),
         refused("the broadcast address as a client", syn_from("255.255.255.255"),
                 Reason::source_invalid),
         refused("the VIP as its own client (LAND)", syn_from(vip), Reason::source_invalid),
         refused("a datagram from the VIP", udp().from(vip, 53), Reason::source_invalid),
         forwarded("a client with port 0", tcp(flag::syn).from(client_address, 0)),
         forwarded("a client with port 65535", tcp(flag::syn).from(client_address, 65535)),
         forwarded("another service's VIP as a client", syn_from(vip_inactive)),
         forwarded("a client just below multicast", syn_from("223.255.255.255"))});
}

}  // namespace

dataplane::ForwardingConfig corpus_config() {
    using dataplane::DestinationConfig;
    using dataplane::Protocol;
    const DestinationConfig a{{ip("192.0.2.101"), 80}, 1, server_a};
    const DestinationConfig b{{ip("192.0.2.102"), 80}, 1, server_b};
    const DestinationConfig draining{{ip("192.0.2.101"), 80}, 0, server_a};
    const DestinationConfig unresolved{{ip("192.0.2.101"), 80}, 1, std::nullopt};
    dataplane::ForwardingConfig config;
    config.interface_macs = {director};
    const auto add = [&config](std::string_view address, std::uint16_t port, Protocol protocol,
                               std::vector<DestinationConfig> destinations) {
        dataplane::ServiceConfig& service = config.services.emplace_back();
        service.endpoint = {ip(address), port};
        service.protocol = protocol;
        service.destinations = std::move(destinations);
    };
    add(vip, 80, Protocol::tcp, {a, b});
    add(vip, 53, Protocol::udp, {a, b});
    add(vip_inactive, 80, Protocol::tcp, {a, b});
    config.services.back().active = false;
    add(vip_drained, 80, Protocol::tcp, {draining});
    add(vip_drained, 53, Protocol::udp, {});
    add(vip_unresolved, 80, Protocol::tcp, {unresolved});
    return config;
}

std::vector<PacketCase> packet_cases() {
    std::vector<PacketCase> cases;
    add_ethernet(cases);
    add_ipv4(cases);
    add_tcp(cases);
    add_udp(cases);
    add_connections(cases);
    add_services(cases);
    add_clients(cases);
    return cases;
}

}  // namespace headgate::packets
