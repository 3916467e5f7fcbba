#include "controlplane/vrrp/advert_error.h"

#include <array>

namespace headgate::vrrp {

std::string_view name_of(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> names{
        HEADGATE_ADVERT_ERRORS(HEADGATE_NAME)};
    return names[static_cast<std::size_t>(error)];
}

std::string_view describe(AdvertError error) {
    static constexpr std::array<std::string_view, num_advert_errors> sentences{
        HEADGATE_ADVERT_ERRORS(HEADGATE_WORDS)};
    return sentences[static_cast<std::size_t>(error)];
}

}  // namespace headgate::vrrp
