// Whether an instance can send and receive adverts now, and from which address. Pure.
#pragma once

#include <set>

#include "common/net.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/vrrp/interface_watch.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

// The interface that the instance's adverts go over; null when there is none.
[[nodiscard]] const netlink::Interface* interface_of(const config::VrrpInstance& instance,
                                                     const netlink::InterfaceTable& table);

// `vips`: addresses that come and go with mastership, and are therefore nobody's to send from.
[[nodiscard]] LinkState link_state_of(const config::VrrpInstance& instance,
                                      const netlink::InterfaceTable& table,
                                      const InterfaceWatch& watch, const std::set<IpAddress>& vips);

}  // namespace headgate::vrrp
