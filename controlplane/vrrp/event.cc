#include "controlplane/vrrp/event.h"

#include <array>

namespace headgate::vrrp {

std::string_view describe(Event event) {
    static constexpr std::array sentences{HEADGATE_VRRP_EVENTS(HEADGATE_WORDS)};
    return sentences[static_cast<std::size_t>(event)];
}

std::string_view name_of(Event event) {
    static constexpr std::array names{HEADGATE_VRRP_EVENTS(HEADGATE_NAME)};
    return names[static_cast<std::size_t>(event)];
}

}  // namespace headgate::vrrp
