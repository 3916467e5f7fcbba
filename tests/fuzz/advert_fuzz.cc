// Goal: no packet makes the advert decoder read out of bounds or break an invariant.
// Method: each input is decoded as a packet for three routers (v2 with and without a password, v3).
// One that is accepted has to survive being written again by our own encoder.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/check.h"
#include "controlplane/vrrp/packet.h"

namespace {

using namespace headgate::vrrp;

const std::array<VirtualRouter, 3>& routers() {
    static const std::array<VirtualRouter, 3> all{
        VirtualRouter{.vrid = 51,
                      .version = 2,
                      .advert_interval = std::chrono::seconds(1),
                      .auth_pass = AuthPass{'s', '3', 'c', 'r', 'e', 't'},
                      .addresses = {headgate::Be32(0x0a000064), headgate::Be32(0x0a000065)}},
        VirtualRouter{.vrid = 51,
                      .version = 2,
                      .advert_interval = std::chrono::seconds(1),
                      .auth_pass = {},
                      .addresses = {headgate::Be32(0x0a000064)}},
        VirtualRouter{.vrid = 7,
                      .version = 3,
                      .advert_interval = std::chrono::milliseconds(250),
                      .auth_pass = {},
                      .addresses = {headgate::Be32(0xc0000264)}},
    };
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> packet(data, size);
    const auto origin = peek(packet);
    for (const VirtualRouter& router : routers()) {
        const auto advert = decode(packet, router);
        if (!advert)
            continue;
        headgate::check(origin && origin->vrid == router.vrid && origin->source == advert->source,
                        "an accepted advert has the origin that it was found by");
        headgate::check(advert->advert_interval > headgate::Duration::zero(),
                        "an accepted interval leaves time to wait");
        std::array<std::uint8_t, advert_bytes_max> again{};
        const std::size_t length = encode(router, advert->source, advert->priority, again);
        const auto copy = decode(std::span(again).first(length), router);
        headgate::check(copy && copy->priority == advert->priority && copy->addresses_match,
                        "what was accepted can be written again");
    }
    return 0;
}
