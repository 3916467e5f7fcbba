// Vmacs: the interfaces with the MAC addresses of virtual routers. They are made when the
// interface below is there, adopted from a run that was killed, made anew when somebody removes
// one, and removed at the end. With the interface below the kernel removes them by itself. Those
// that a killed run has left and nobody wants now are removed, and what it had changed on the
// interfaces below is put back.
//
// Adverts of others are heard on the interface below: these join no groups, so that no switch takes
// a BACKUP for the holder of the address. That is why they are in mode VEPA, where keepalived's are
// private: those keep what comes from the MAC address that is theirs as well. VRRP thread only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/model_vrrp.h"
#include "controlplane/netlink/interface_settings.h"
#include "controlplane/netlink/links.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/vrrp/vmac_mark.h"

namespace headgate::vrrp {

class Vmacs {
public:
    // `monitor` and `settings` outlive the object. The settings are to be those of settings_of().
    // Adopts what earlier runs have left, so that it comes before the first call of either.
    Vmacs(netlink::Monitor& monitor, netlink::InterfaceSettings& settings,
          netlink::LinkWriter links);

    // What the kernel is to be told about these interfaces and those below.
    [[nodiscard]] static netlink::InterfaceSettings::Values settings_of(const config::Vrrp& vrrp);

    // From now on those of `vrrp`. Those that are not wanted any more are removed.
    void apply(const config::Vrrp& vrrp);
    // Interfaces may have come or gone.
    void settle();
    void stop();

private:
    struct Wanted {
        config::Vmac vmac;
        int index = 0;        // of the one that was made, or adopted; 0: none was yet
        std::string error{};  // of the last attempt to make it
    };

    Result<void> make(Wanted& wanted);
    void find_left_over();
    void remove_left_over();
    void remove(const config::Vmac& unwanted);
    void remove(const netlink::Interface& interface);
    void mark(int index, const std::string& base);

    netlink::Monitor& monitor_;
    netlink::InterfaceSettings& settings_;
    netlink::LinkWriter links_;
    std::optional<Claim> claim_;            // absent: none could be had
    std::map<std::string, Wanted> wanted_;  // by name
    std::vector<netlink::Interface> left_over_;
};

}  // namespace headgate::vrrp
