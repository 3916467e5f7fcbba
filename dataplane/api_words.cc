#include "dataplane/api_words.h"

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
        case Verdict::elsewhere:
            return "transmit";
        case Verdict::kernel:
            return "kernel";
        case Verdict::drop:
            break;
    }
    return "drop";
}

// load_scheduler() has them in the same order.
api::Scheduler api_scheduler(Scheduler scheduler) {
    return static_cast<api::Scheduler>(static_cast<int>(scheduler) + 1);
}

}  // namespace headgate::dataplane
