// Goal: no packet makes the advert decoder read out of bounds or break an invariant.
// Method: each input is decoded as an IPv4 packet and as an IPv6 message for routers of every kind:
// versions 2 and 3, without and with a password, an authentication header, an auth_hmac trailer, by
// multicast and unicast. One that is accepted has to survive being written again by our own
// encoder. The authenticated kinds are met again with their digest made right, which no fuzzer
// guesses.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/check.h"
#include "controlplane/vrrp/packet.h"

namespace {

using namespace headgate;
using namespace headgate::vrrp;

constexpr WallTime now{std::chrono::seconds(0x68000000)};

IpAddress v4(std::uint32_t host) {
    return IpAddress::v4(Be32(host));
}

IpAddress v6(std::uint8_t first, std::uint8_t second, std::uint8_t last) {
    std::array<std::uint8_t, 16> bytes{};
    bytes[0] = first;
    bytes[1] = second;
    bytes[15] = last;
    return IpAddress::v6(bytes);
}

VirtualRouter plain(std::uint8_t version, Family family) {
    VirtualRouter router{.vrid = 51,
                         .version = version,
                         .advert_interval = std::chrono::seconds(1),
                         .auth_pass = {},
                         .addresses = {v4(0x0a000064)},
                         .transport = {}};
    if (family == Family::ipv6) {
        router.transport.family = family;
        router.transport.group = v6(0xff, 0x02, 0x12);
        router.addresses = {v6(0xfe, 0x80, 0x64), v6(0x20, 0x01, 0x64)};
    }
    return router;
}

VirtualRouter with_hmac(VirtualRouter router) {
    config::AuthHmac& hmac = router.transport.hmac.emplace();
    hmac.keys.push_back({.id = 1, .secret = std::vector<std::uint8_t>(32, std::uint8_t{7})});
    hmac.active_key = 1;
    hmac.mode = config::AuthHmac::Mode::permissive;
    return router;
}

VirtualRouter with_pass(VirtualRouter router, bool header) {
    router.auth_pass = AuthPass{'s', '3', 'c', 'r', 'e', 't'};
    router.addresses.push_back(v4(0x0a000065));
    router.transport.auth_header = header;
    return router;
}

VirtualRouter with_peer(VirtualRouter router) {
    router.transport.unicast = true;
    router.transport.check_source = false;
    router.transport.peers = {{.address = v4(0x0a000001)}};
    return router;
}

const std::vector<VirtualRouter>& routers() {
    static const std::vector<VirtualRouter> all{
        plain(2, Family::ipv4),
        with_pass(plain(2, Family::ipv4), false),
        with_pass(plain(2, Family::ipv4), true),
        with_peer(with_pass(plain(2, Family::ipv4), true)),
        plain(3, Family::ipv4),
        with_peer(plain(3, Family::ipv4)),
        with_hmac(plain(3, Family::ipv4)),
        plain(2, Family::ipv6),
        plain(3, Family::ipv6),
        with_hmac(plain(3, Family::ipv6)),
    };
    return all;
}

Envelope envelope_v6(std::span<const std::uint8_t> message) {
    return {.source = v6(0xfe, 0x80, 1),
            .destination = v6(0xff, 0x02, 0x12),
            .ttl = std::uint8_t{255},
            .protocol = ip_protocol_vrrp,
            .payload = message};
}

void judge(const VirtualRouter& router, const Envelope& envelope) {
    AdvertCodec codec(router);
    const auto advert = codec.decode(envelope, now);
    if (!advert)
        return;
    check(vrid_of(envelope) == router.vrid && envelope.source == advert->source,
          "an accepted advert has the origin that it was found by");
    check(advert->advert_interval > Duration::zero(), "an accepted interval leaves time to wait");
    const IpAddress destination = codec.destinations().front();
    const auto again = codec.encode(advert->source, destination, advert->priority, now);
    check(again.has_value(), "what was accepted can be written again");
    const auto copy_of = router.family() == Family::ipv4 ? open_ipv4(*again) : [&] {
        Envelope copy = envelope_v6(*again);
        copy.source = advert->source;
        return std::optional(copy);
    }();
    AdvertCodec reader(router);
    const auto copy = reader.decode(*copy_of, now);
    check(copy && copy->priority == advert->priority, "and read again");
}

// The input as the fields of an authenticated message, under a right digest.
void judge_signed(std::span<const std::uint8_t> input) {
    std::vector<std::uint8_t> message(input.begin(), input.end());
    message.resize(message.size() + 8 + hmac_trailer_bytes);
    const VirtualRouter router = with_hmac(plain(3, Family::ipv6));
    HmacTrailer trailer;
    check(trailer.sign(message, {.source = v6(0xfe, 0x80, 1), .version = 3, .vrid = router.vrid},
                       *router.transport.hmac, now),
          "there is a digest");
    judge(router, envelope_v6(message));

    std::vector<std::uint8_t> packet(ipv4_header_bytes + auth_header_bytes);
    packet.insert(packet.end(), input.begin(), input.end());
    if (packet.size() > 0xffff)
        return;
    const std::size_t total = packet.size();
    packet[0] = 0x45;
    packet[2] = static_cast<std::uint8_t>(total >> 8U);
    packet[3] = static_cast<std::uint8_t>(total);
    packet[8] = advert_ttl;
    packet[9] = ip_protocol_auth;
    packet[12] = 0x0a;
    packet[16] = 0xe0;
    packet[19] = 0x12;
    const VirtualRouter header = with_pass(plain(2, Family::ipv4), true);
    AuthHeader signer;
    check(signer.sign(packet, *header.auth_pass, false), "there is a digest");
    judge(header, *open_ipv4(packet));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> input(data, size);
    const auto packet = open_ipv4(input);
    for (const VirtualRouter& router : routers()) {
        if (router.family() == Family::ipv6)
            judge(router, envelope_v6(input));
        else if (packet)
            judge(router, *packet);
    }
    judge_signed(input);
    return 0;
}
