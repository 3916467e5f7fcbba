// StackedLinks: the interfaces that are made for instances on those of the machine. They are made
// when the interface below is there, adopted from a run that was killed, made anew when somebody
// removes one, and removed at the end. With the interface below the kernel removes them by itself.
// Those that a killed run has left and nobody wants now are removed, and what it had changed on the
// interfaces below is put back. VRRP thread only.
//
// `use_vmac` makes macvlans with the MAC addresses of virtual routers. Adverts of others are heard
// on the interface below: macvlans join no groups, so that no switch takes a BACKUP for the holder
// of the address. That is why they are in mode VEPA, where keepalived's are private: those keep
// what comes from the MAC address that is theirs as well. `use_ipvlan` makes ipvlans, which have
// the MAC address of the interface below, and adverts are sent and heard on these.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/model_vrrp.h"
#include "controlplane/netlink/interface_settings.h"
#include "controlplane/netlink/links.h"
#include "controlplane/netlink/monitor.h"
#include "controlplane/vrrp/link_mark.h"

namespace headgate::vrrp {

class StackedLinks {
public:
    // `monitor` and `settings` outlive the object. The settings are to be those of settings_of().
    // Adopts what earlier runs have left, so that it comes before the first call of either.
    StackedLinks(netlink::Monitor& monitor, netlink::InterfaceSettings& settings,
                 netlink::LinkWriter links);

    // What the kernel is to be told about these interfaces and those below.
    [[nodiscard]] static netlink::InterfaceSettings::Values settings_of(const config::Vrrp& vrrp);

    // From now on those of `vrrp`. Those that are not wanted any more are removed.
    void apply(const config::Vrrp& vrrp);
    // Interfaces may have come or gone.
    void settle();
    void stop();
    // Why this interface is not as it should be; empty: it is, or nobody wants it, or the one below
    // is not there. Valid until the next call.
    [[nodiscard]] std::string_view problem_of(std::string_view name) const;

private:
    struct Wanted {
        std::string base;
        netlink::StackedLink link;
        int index = 0;        // of the one that was made, or adopted; 0: none was yet
        std::string error{};  // of the last attempt to make it
    };

    using WantedByName = std::map<std::string, Wanted, std::less<>>;

    [[nodiscard]] static WantedByName wanted_of(const config::Vrrp& vrrp);
    Result<void> make(const std::string& name, Wanted& wanted);
    void find_left_over();
    void remove_left_over();
    void remove(const std::string& name, const Wanted& unwanted);
    void remove(const netlink::Interface& interface);
    void mark(int index, const std::string& base);

    netlink::Monitor& monitor_;
    netlink::InterfaceSettings& settings_;
    netlink::LinkWriter links_;
    std::optional<Claim> claim_;  // absent: none could be had
    WantedByName wanted_;
    std::vector<netlink::Interface> left_over_;
};

}  // namespace headgate::vrrp
