#include "dataplane/api_words.h"

#include <array>
#include <bit>

namespace headgate::dataplane {

const char* name_of(ConnectionState state) {
    switch (state) {
        case ConnectionState::syn:
            return "SYN";
        case ConnectionState::established:
            return "ESTABLISHED";
        case ConnectionState::fin:
            return "FIN";
        case ConnectionState::closed:
            return "CLOSE";
        case ConnectionState::udp:
            break;
    }
    return "UDP";
}

const char* name_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::transmit:
            return "transmit";
        case Verdict::kernel:
            return "kernel";
        case Verdict::drop:
            break;
    }
    return "drop";
}

IpAddress address_of(const WideAddress& address) {
    if (is_v4(address))
        return IpAddress::v4(v4_of(address));
    return IpAddress::v6(std::bit_cast<std::array<std::uint8_t, 16>>(address));
}

// load_scheduler() has them in the same order.
api::Scheduler api_scheduler(Scheduler scheduler) {
    return static_cast<api::Scheduler>(static_cast<int>(scheduler) + 1);
}

}  // namespace headgate::dataplane
