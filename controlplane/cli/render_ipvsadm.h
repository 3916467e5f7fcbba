// What ipvsadm 1.31 prints, to the byte, from headgated's messages. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "controlplane/cli/ipvsadm_arguments.h"

namespace headgate::api {
class Flows;
class IpvsListing;
}  // namespace headgate::api

namespace headgate::cli {

// How hosts and ports are called; each answers "" where there is no name.
struct IpvsadmNames {
    std::function<std::string(const std::string& address)> host;
    std::function<std::string(std::uint32_t protocol, std::uint32_t port)> port;
};

// -L and -S. Of the services of `listing`, those that are asked for. `names` are asked unless
// numbers are wanted.
std::string render_ipvsadm(const api::IpvsListing& listing, const IpvsadmArguments& arguments,
                           const IpvsadmNames& names);

// -L --timeout
std::string render_ipvsadm_timeouts(const api::IpvsListing& listing);

// -L -c
std::string render_ipvsadm_connections(const api::Flows& flows, const IpvsadmArguments& arguments,
                                       const IpvsadmNames& names);

// Only the service that is asked for stays. False when it is not there.
bool select_service(const IpvsadmService& service, api::IpvsListing& listing);

// Whether everything that is counted has a rate already.
bool has_all_rates(const api::IpvsListing& listing);

// Adds to the rates of `now` what the counters without one have grown by since `before`.
void complete_rates(const api::IpvsListing& before, double seconds, api::IpvsListing& now);

}  // namespace headgate::cli
