// Listing: what `ipvsadm` would show of a table, with the counters of whoever forwards. Pure.
#pragma once

#include <initializer_list>
#include <optional>

namespace headgate::api {
class DataplaneState;
class IpvsListing;
}  // namespace headgate::api

namespace headgate::forwarding::ipvs {

struct Table;

// The services of `table`, each with the sum of what `counters` know of it. Timeouts that `table`
// does not set are IPVS's defaults.
api::IpvsListing listing_of(
    const Table& table, std::initializer_list<const std::optional<api::DataplaneState>*> counters);

}  // namespace headgate::forwarding::ipvs
