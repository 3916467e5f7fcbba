// The rules of `no_accept`, as a script of nftables. Pure.
//
// They name every address of an instance with `no_accept`, whether it is MASTER or not: packets to
// an address that this host does not have never come by. So a failover waits for no rules, and none
// of its addresses answers before they are there.
#pragma once

#include <string>

#include "controlplane/config/model_vrrp.h"

namespace headgate::vrrp {

// Makes `table` anew, in one transaction. Empty: there is nothing to drop.
std::string firewall_script(const std::string& table, const config::Vrrp& vrrp);

// Removes the table, if it is there.
std::string firewall_removal(const std::string& table);

}  // namespace headgate::vrrp
