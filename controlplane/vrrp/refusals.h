// Refusals: the adverts that one instance did not accept, or not without a word: a counter for each
// cause, and the sentence that tells the operator. Every cause is logged once, until the state or
// the configuration changes: a peer sends adverts at any rate.
//
// VRRP thread only.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/vrrp/advert_error.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

class Refusals {
public:
    // `owner`: the name of the instance, for the log.
    explicit Refusals(std::string owner) : owner_(std::move(owner)) {}

    // Counts it. True: explain() is to follow; it is not for each advert of a flood.
    [[nodiscard]] bool add(Instant now, AdvertError error, const IpAddress& source);
    // As add(), about an advert that was accepted.
    [[nodiscard]] bool remark(Instant now, AdvertError error, const IpAddress& source);
    // What is wrong with the advert that was added last, and what to change. Logged when it is
    // news.
    void explain(std::string detail);
    // Each cause is news again.
    void forget();

    // The last one that was news; empty when there is none.
    [[nodiscard]] const std::string& warning() const { return warning_; }
    // The last one of all that refused the advert; it is not forgotten.
    struct Last {
        Instant when{};
        AdvertError error{};
        IpAddress source;
        std::string detail;
    };
    [[nodiscard]] const std::optional<Last>& last() const { return last_; }
    // How many adverts were refused, for whatever cause.
    [[nodiscard]] std::uint64_t num_refused() const { return num_refused_; }
    // Every cause and remark, also those that are zero.
    [[nodiscard]] std::vector<NamedCount> counts() const;

private:
    std::string owner_;
    std::string warning_;
    std::optional<Last> last_;
    AdvertError added_{};
    IpAddress source_;
    bool is_news_ = false;
    Instant next_explanation_{};
    std::bitset<num_advert_errors> logged_;
    std::uint64_t num_refused_ = 0;
    std::array<std::uint64_t, num_advert_errors> counts_{};
};

}  // namespace headgate::vrrp
