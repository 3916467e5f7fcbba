#include "controlplane/vrrp/refusals.h"

#include "common/log.h"

namespace headgate::vrrp {

namespace {

constexpr Duration explanation_interval = std::chrono::seconds(1);

}  // namespace

bool Refusals::add(Instant now, AdvertError error, const IpAddress& source) {
    ++num_refused_;
    const bool is_new_cause = !last_ || last_->error != error;
    Last& last = last_ ? *last_ : last_.emplace(Last{});
    last.when = now;
    last.error = error;
    last.source = source;
    if (is_new_cause)
        last.detail = describe(error);
    return remark(now, error, source);
}

bool Refusals::remark(Instant now, AdvertError error, const IpAddress& source) {
    const auto index = static_cast<std::size_t>(error);
    ++counts_[index];
    is_news_ = !logged_.test(index);
    logged_.set(index);
    added_ = error;
    source_ = source;
    if (!is_news_ && now < next_explanation_)
        return false;
    next_explanation_ = now + explanation_interval;
    return true;
}

void Refusals::explain(std::string detail) {
    if (is_news_) {
        warning_ = fmt::format("advert from {}: {}", source_.to_string(), detail);
        log::warn("({}) {}", owner_, warning_);
    }
    if (last_ && last_->error == added_)
        last_->detail = std::move(detail);
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
