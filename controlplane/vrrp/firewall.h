// Firewall: keeps packets away from the addresses of instances with `no_accept`, by a table of its
// own in nftables. The table stays when the daemon is killed, so that its addresses answer nobody
// until their leases end; the next run with the same name makes it anew, or removes it.
//
// One thread, which waits for the kernel at a start and a reload: some milliseconds, some tens of
// them with hundreds of addresses.
#pragma once

#include <string>
#include <utility>

#include "controlplane/config/model_vrrp.h"

namespace headgate::vrrp {

class Firewall {
public:
    // `usual_table`: the name of its table where the configuration says none. Two daemons in one
    // network namespace need two names.
    explicit Firewall(std::string usual_table) : usual_table_(std::move(usual_table)) {}
    // Removes the table: the addresses are to be gone by then.
    ~Firewall() { clear(); }
    Firewall(const Firewall&) = delete;
    Firewall& operator=(const Firewall&) = delete;

    // From now on the rules of `vrrp`. Call it before the addresses of `vrrp` can come. What fails
    // is logged.
    void apply(const config::Vrrp& vrrp);

private:
    void clear();

    std::string usual_table_;
    std::string table_;  // the one that is there, or may be; empty: none
};

}  // namespace headgate::vrrp
