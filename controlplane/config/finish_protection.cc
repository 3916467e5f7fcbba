// See finish.h: the lists of clients.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/limits.h"
#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

Prefix without_host_bits(const Prefix& prefix) {
    std::array<std::uint8_t, 16> bytes{};
    const auto given = prefix.address.bytes();
    for (std::size_t at = 0; at < given.size(); ++at) {
        const int bits = std::clamp(prefix.length - static_cast<int>(8 * at), 0, 8);
        bytes[at] = static_cast<std::uint8_t>(given[at] & (0xff00U >> static_cast<unsigned>(bits)));
    }
    if (!prefix.address.is_v4())
        return {IpAddress::v6(bytes), prefix.length};
    std::uint32_t host = 0;
    for (std::size_t at = 0; at < 4; ++at)
        host = host << 8U | bytes[at];
    return {IpAddress::v4(Be32(host)), prefix.length};
}

// Mapped addresses (RFC 4291 2.5.5.2): no packet has one, what is meant is IPv4.
bool is_mapped(const Prefix& prefix) {
    static const Prefix mapped = *Prefix::parse("::ffff:0:0/96");
    return prefix.length >= mapped.length && mapped.contains(prefix.address);
}

// Sorted by network; those in use are reported and left out.
std::vector<Located<Prefix>> usable(const std::vector<Located<Prefix>>& given, Report& report) {
    std::vector<Located<Prefix>> prefixes;
    for (const auto& [prefix, where] : given) {
        if (is_mapped(prefix))
            report.error(where,
                         fmt::format("{} stands for IPv4 addresses, which no client has in this "
                                     "form",
                                     prefix.to_string()),
                         "write them as IPv4; it is left out");
        else
            prefixes.push_back({without_host_bits(prefix), where});
    }
    std::ranges::stable_sort(prefixes, {}, &Located<Prefix>::value);
    const auto repeated = std::ranges::unique(prefixes, {}, &Located<Prefix>::value);
    prefixes.erase(repeated.begin(), repeated.end());
    return prefixes;
}

std::vector<Prefix> values(const std::vector<Located<Prefix>>& prefixes) {
    std::vector<Prefix> values;
    values.reserve(prefixes.size());
    for (const auto& [prefix, where] : prefixes)
        values.push_back(prefix);
    return values;
}

}  // namespace

Protection finish_protection(const ProtectionDraft& draft, Report& report) {
    Protection protection = draft.settings;
    std::vector<Located<Prefix>> blocked = usable(draft.blocked, report);
    std::vector<Located<Prefix>> allowed = usable(draft.allowed, report);
    std::erase_if(allowed, [&](const Located<Prefix>& item) {
        const auto other =
            std::ranges::lower_bound(blocked, item.value, {}, &Located<Prefix>::value);
        if (other == blocked.end() || other->value != item.value)
            return false;
        report.error(item.where,
                     fmt::format("{} is in the block_list, too (see {})", item.value.to_string(),
                                 line_of(other->where.location(), item.where)),
                     "take it out of one of the lists; it is blocked now");
        return true;
    });
    for (std::vector<Located<Prefix>>* list : {&blocked, &allowed}) {
        if (list->size() <= limits::access_prefixes_max)
            continue;
        report.error((*list)[limits::access_prefixes_max].where,
                     fmt::format("a list of {} prefixes is longer than the {} supported",
                                 list->size(), limits::access_prefixes_max),
                     "write larger prefixes; the last ones are left out");
        list->resize(limits::access_prefixes_max);
    }
    protection.blocked = values(blocked);
    protection.allowed = values(allowed);
    return protection;
}

}  // namespace headgate::config
