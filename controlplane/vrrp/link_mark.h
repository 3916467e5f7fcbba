// The mark on an interface that StackedLinks has made: its alias, as `ip link` shows it. By it a
// later run knows what a killed one has left behind, and what that had changed on the interface
// below:
//
//   headgate 6b1f0c9a2e77d413 ipv4/arp_filter:0:1 ipv4/arp_ignore:0:1
//
// The number is that of a claim, which the kernel ends with the process that has it: an interface
// whose claim nobody has is left over, and one that another daemon works with is not touched.
// The marks are pure; one thread has a claim.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/fd.h"
#include "common/result.h"
#include "controlplane/netlink/interface_settings.h"

namespace headgate::vrrp {

struct LinkMark {
    std::string claim;
    std::vector<netlink::InterfaceSettings::Change> changes;  // of the interface below
    bool operator==(const LinkMark&) const = default;
};

[[nodiscard]] std::string text_of(const LinkMark& mark);
// Nothing for an alias that is something else. `base`: the interface below.
[[nodiscard]] std::optional<LinkMark> read_mark(std::string_view alias, const std::string& base);

// A number of this process: the name of an abstract Unix socket, and so, as interfaces are, one of
// the network namespace.
class Claim {
public:
    static Result<Claim> take();
    [[nodiscard]] const std::string& name() const { return name_; }

    // True also when that cannot be found out.
    [[nodiscard]] static bool is_held(std::string_view name);

private:
    Claim(std::string name, Fd socket) : name_(std::move(name)), socket_(std::move(socket)) {}

    std::string name_;
    Fd socket_;
};

}  // namespace headgate::vrrp
