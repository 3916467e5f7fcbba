#include "controlplane/vrrp/advert_error.h"

#include <array>

namespace headgate::vrrp {

std::string_view name_of(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> names{
#define HEADGATE_NAME(name, words) #name,
        HEADGATE_ADVERT_ERRORS(HEADGATE_NAME)
#undef HEADGATE_NAME
    };
    return names[static_cast<std::size_t>(error)];
}

std::string_view describe(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> sentences{
#define HEADGATE_WORDS(name, words) words,
        HEADGATE_ADVERT_ERRORS(HEADGATE_WORDS)
#undef HEADGATE_WORDS
    };
    return sentences[static_cast<std::size_t>(error)];
}

}  // namespace headgate::vrrp
