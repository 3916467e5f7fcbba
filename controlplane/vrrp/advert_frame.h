// An advert as a whole Ethernet frame, for those that come from a virtual MAC address. The kernel
// would fill in checksums and find the group's MAC address; here that is done beforehand. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "common/net.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

// Requires: the destination is a multicast group.
[[nodiscard]] std::vector<std::uint8_t> advert_frame(const MacAddress& source,
                                                     const OutgoingAdvert& advert);

}  // namespace headgate::vrrp
