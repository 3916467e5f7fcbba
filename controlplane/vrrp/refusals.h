// Refusals: the adverts that one instance did not accept, or not without a word: a counter for each
// cause, and the sentence that tells the operator. Every cause is logged once, until the state or
// the configuration changes: a peer sends adverts at any rate.
//
// VRRP thread only.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "common/net.h"
#include "controlplane/vrrp/advert_error.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

class Refusals {
public:
    // `owner`: the name of the instance, for the log.
    explicit Refusals(std::string owner) : owner_(std::move(owner)) {}

    void add(AdvertError error, const IpAddress& source);
    // Each cause is news again.
    void forget();

    // The last one that was news; empty when there is none.
    [[nodiscard]] const std::string& warning() const { return warning_; }
    // Every cause, also those that are zero.
    [[nodiscard]] std::vector<NamedCount> counts() const;

private:
    std::string owner_;
    std::string warning_;
    std::bitset<num_advert_errors> logged_;
    std::array<std::uint64_t, num_advert_errors> counts_{};
};

}  // namespace headgate::vrrp
