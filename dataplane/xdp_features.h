// What the kernel says of the drivers of interfaces (the netdev family of generic netlink, Linux
// 6.3): whether they send frames that an XDP program on another interface redirects to them. What a
// driver does not send is lost without a word, so one that is not known to is not sent any.
// *Control thread.*
#pragma once

#include <cstdint>
#include <memory>

struct nl_sock;

namespace headgate::dataplane {

enum class TakesRedirects : std::uint8_t { no, yes, unknown };

class XdpFeatures {
public:
    XdpFeatures();
    ~XdpFeatures();
    XdpFeatures(const XdpFeatures&) = delete;
    XdpFeatures& operator=(const XdpFeatures&) = delete;

    // At the moment: a veth does while its peer has an XDP program or GRO, a network card often
    // while it has a program itself. Unknown also when there is no such interface.
    [[nodiscard]] TakesRedirects takes_redirects(int ifindex);

private:
    nl_sock* socket_;           // owned; nullptr without generic netlink
    std::uint16_t family_ = 0;  // 0: the kernel has none
};

}  // namespace headgate::dataplane
