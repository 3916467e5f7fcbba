// InterfaceSettings: numbers in /proc/sys/net/ipv4/conf/INTERFACE and its counterpart for IPv6, set
// as long as somebody wants them so. Then what was there before comes back, unless it was changed
// by somebody else.
//
// One thread. A file of proc answers at once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/netlink/interfaces.h"

namespace headgate::netlink {

class InterfaceSettings {
public:
    struct Setting {
        Family family = Family::ipv4;
        std::string interface;
        std::string name;  // "promote_secondaries"
        auto operator<=>(const Setting&) const = default;
    };
    using Values = std::map<Setting, int>;
    struct Change {
        Setting setting;
        int before = 0;
        int now = 0;
        bool operator==(const Change&) const = default;
    };

    // `folder`: another than proc's, for tests.
    explicit InterfaceSettings(std::string folder = "/proc/sys/net") : folder_(std::move(folder)) {}

    // From now on these, in place of those that were wanted before. What cannot be set is logged.
    void want(const Values& wanted, const InterfaceTable& interfaces);
    // Sets those of interfaces that have come, or have come anew, since the last call.
    void settle(const InterfaceTable& interfaces);

    // What has been changed of one interface, for another run to adopt.
    [[nodiscard]] std::vector<Change> changes_of(std::string_view interface) const;
    // An earlier run made that change. Unless it was changed again since then, it is ours from now
    // on, to be put back when nobody wants it any more.
    void adopt(const Change& change, const InterfaceTable& interfaces);

private:
    struct Held {
        int wanted = 0;
        int index = 0;  // of the interface on which it is set; 0: it is set on none
        int before = 0;
    };

    void set(const Setting& setting, Held& held) const;
    void put_back(const Setting& setting, const Held& held) const;
    [[nodiscard]] std::string path_of(const Setting& setting) const;

    std::string folder_;
    std::map<Setting, Held> held_;
};

}  // namespace headgate::netlink
