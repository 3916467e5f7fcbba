#include "controlplane/service/words.h"

#include <fmt/format.h>

#include "common/check.h"

namespace headgate::service {

std::string_view to_word(config::Scheduler scheduler) {
    using config::Scheduler;
    switch (scheduler) {
        case Scheduler::rr:
            return "rr";
        case Scheduler::wrr:
            return "wrr";
        case Scheduler::lc:
            return "lc";
        case Scheduler::wlc:
            return "wlc";
        case Scheduler::lblc:
            return "lblc";
        case Scheduler::lblcr:
            return "lblcr";
        case Scheduler::sh:
            return "sh";
        case Scheduler::mh:
            return "mh";
        case Scheduler::dh:
            return "dh";
        case Scheduler::fo:
            return "fo";
        case Scheduler::ovf:
            return "ovf";
        case Scheduler::sed:
            return "sed";
        case Scheduler::nq:
            return "nq";
        case Scheduler::twos:
            return "twos";
    }
    check(false, "a scheduler has a word");
    return {};
}

std::string_view to_word(config::ForwardingMethod method) {
    switch (method) {
        case config::ForwardingMethod::nat:
            return "NAT";
        case config::ForwardingMethod::dr:
            return "DR";
        case config::ForwardingMethod::tun:
            return "TUN";
    }
    check(false, "a forwarding method has a word");
    return {};
}

std::string words_of(const config::Forwarding& forwarding) {
    std::string words(to_word(forwarding.method));
    if (forwarding.method != config::ForwardingMethod::tun)
        return words;
    switch (forwarding.type) {
        case config::TunnelType::ipip:
            words += " ipip";
            break;
        case config::TunnelType::gue:
            words += fmt::format(" gue port {}", forwarding.port);
            break;
        case config::TunnelType::gre:
            words += " gre";
            break;
    }
    if (forwarding.checksum != config::TunnelChecksum::none)
        words += forwarding.checksum == config::TunnelChecksum::plain ? " csum" : " remcsum";
    return words;
}

std::string log_name(const config::VirtualServer& server) {
    if (server.fwmark != 0)
        return fmt::format("FWM {}", server.fwmark);
    return log_name(server, server.endpoint);
}

std::string log_name(const config::VirtualServer& server, const Endpoint& real) {
    return fmt::format("[{}]:{}:{}", real.address.to_string(),
                       server.fwmark != 0 ? "none" : to_word(server.protocol), real.port);
}

}  // namespace headgate::service
