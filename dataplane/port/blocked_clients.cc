#include "dataplane/port/blocked_clients.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <bpf/bpf.h>

#include "bpf/abi.h"

namespace headgate::dataplane {
namespace {

std::vector<Prefix> difference(const std::vector<Prefix>& left, const std::vector<Prefix>& right) {
    std::vector<Prefix> only_left;
    std::ranges::set_difference(left, right, std::back_inserter(only_left));
    return only_left;
}

// Calls `change` with the descriptor of the prefix's map and its key there; false, with errno: the
// kernel refused.
template <typename Change>
bool with_key(const Prefix& prefix, int map4, int map6, const Change& change) {
    const auto bytes = prefix.address.bytes();
    if (prefix.address.is_v4()) {
        lb_prefix4 key{.length = prefix.length, .address_be = 0};
        std::memcpy(&key.address_be, bytes.data(), bytes.size());
        return change(map4, &key) == 0;
    }
    lb_prefix6 key{.length = prefix.length, .address_be = {}};
    std::memcpy(key.address_be, bytes.data(), bytes.size());
    return change(map6, &key) == 0;
}

}  // namespace

Result<void> BlockedClients::follow(const AccessList* list, int map4, int map6) {
    const std::vector<Prefix> wanted =
        list == nullptr ? std::vector<Prefix>{} : list->blocked_prefixes();
    std::vector<Prefix> entered;
    std::ranges::set_intersection(entered_, wanted, std::back_inserter(entered));
    Result<void> result;
    for (const Prefix& prefix : difference(entered_, wanted)) {
        const bool removed = with_key(prefix, map4, map6, [](int map, const void* key) {
            return bpf_map_delete_elem(map, key);
        });
        if (removed || errno == ENOENT)
            continue;
        result = fail_errno("unblock {} in the steering program", prefix.to_string());
        entered.push_back(prefix);
    }
    for (const Prefix& prefix : difference(wanted, entered_)) {
        const bool added = with_key(prefix, map4, map6, [](int map, const void* key) {
            const __u32 unread = 0;
            return bpf_map_update_elem(map, key, &unread, BPF_ANY);
        });
        if (!added) {
            result = fail_errno("block {} in the steering program (its worker will)",
                                prefix.to_string());
            break;
        }
        entered.push_back(prefix);
    }
    std::ranges::sort(entered);
    entered_ = std::move(entered);
    return result;
}

}  // namespace headgate::dataplane
