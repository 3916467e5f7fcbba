// Advice: what exactly is wrong with an advert, and what to write to change it.
// Pure; for the log and `headgate why`, so it runs once per cause and never decides anything.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {

// `message` is the VRRP message, from its first byte, whatever it is; it may be cut short or empty.
[[nodiscard]] std::string advise(AdvertError error, std::span<const std::uint8_t> message,
                                 const config::VrrpInstance& ours);
// What to do when an advert of `router` has no room for all virtual addresses of its instance,
// whose interface has this MTU; empty: it has.
[[nodiscard]] std::string advise_on_room(const VirtualRouter& router,
                                         const config::VrrpInstance& instance, std::uint32_t mtu);

}  // namespace headgate::vrrp
