#include "controlplane/vrrp/event.h"

#include <array>

namespace headgate::vrrp {

std::string_view describe(Event event) {
    static constexpr std::array sentences{
#define HEADGATE_WORDS(name, words) std::string_view(words),
        HEADGATE_VRRP_EVENTS(HEADGATE_WORDS)
#undef HEADGATE_WORDS
    };
    return sentences[static_cast<std::size_t>(event)];
}

std::string_view name_of(Event event) {
    static constexpr std::array names{
#define HEADGATE_NAME(name, words) std::string_view(#name),
        HEADGATE_VRRP_EVENTS(HEADGATE_NAME)
#undef HEADGATE_NAME
    };
    return names[static_cast<std::size_t>(event)];
}

}  // namespace headgate::vrrp
