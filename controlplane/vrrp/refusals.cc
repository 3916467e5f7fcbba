#include "controlplane/vrrp/refusals.h"

#include "common/log.h"

namespace headgate::vrrp {

void Refusals::add(AdvertError error, const IpAddress& source) {
    const auto index = static_cast<std::size_t>(error);
    ++counts_[index];
    if (logged_.test(index))
        return;
    logged_.set(index);
    warning_ = fmt::format("advert from {}: {}", source.to_string(), describe(error));
    log::warn("({}) {}", owner_, warning_);
}

void Refusals::forget() {
    logged_.reset();
    warning_.clear();
}

std::vector<NamedCount> Refusals::counts() const {
    std::vector<NamedCount> counts;
    for (std::size_t index = 0; index < num_advert_errors; ++index)
        counts.push_back(
            {.name = name_of(static_cast<AdvertError>(index)), .count = counts_[index]});
    return counts;
}

}  // namespace headgate::vrrp
