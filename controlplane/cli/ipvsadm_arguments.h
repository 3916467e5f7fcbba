// The command line of `headgate ipvsadm`, which is that of ipvsadm(8), as far as it lists. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate::cli {

// One service of many.
struct IpvsadmService {
    std::uint32_t protocol = 0;  // its IP number; 0 with a mark
    std::string address{};       // "192.0.2.10", "2001:db8::10"
    std::uint32_t port = 0;
    std::uint32_t fwmark = 0;
    bool is_ipv6 = false;  // of a mark
};

struct IpvsadmArguments {
    enum class Columns : std::uint8_t {
        plain,
        stats,
        rate,
        thresholds,
        persistent_connections,
    };
    enum class What : std::uint8_t {
        list,         // -L
        save,         // -S: as commands of ipvsadm
        connections,  // -L -c
        timeouts,     // -L --timeout
    };
    What what = What::list;
    Columns columns = Columns::plain;
    bool numeric = false;  // no names of hosts and ports
    bool exact = false;    // no K, M, G
    bool sorted = true;
    bool tunnels = false;  // --tun-info
    std::optional<IpvsadmService> service;
};

// `words` are what follows `ipvsadm`. Fails with what to do instead for what would change a table.
Result<IpvsadmArguments> parse_ipvsadm_arguments(const std::vector<std::string>& words);

}  // namespace headgate::cli
