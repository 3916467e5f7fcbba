// AccessList: which clients are blocked, and which are exempt from limits, by prefixes of their
// addresses. The longest prefix that a client has decides. Immutable; built by the control thread,
// read by any.
//
// The prefixes are flattened into ranges that do not overlap, at most 2n + 1 for n of a family, in
// sorted arrays: 5 bytes a range for IPv4, 17 for IPv6. A lookup is a binary search, for IPv4 only
// among the ranges that begin below the same 16 bits. Rejected: DIR-24-8, 32 MB for each list and
// nothing for IPv6; tries, which cost a cache miss per step; a hash per length, which costs one per
// length that there is, and there may be all 128.
//
// The families are apart: ::/0 is no prefix of an IPv4 client, though tables write that one as a
// mapped address (wide_address.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

enum class Access : std::uint8_t {
    normal,
    blocked,
    allowed,  // exempt from limits
};

struct AccessRule {
    Prefix prefix;  // host bits do not count
    Access access = Access::normal;
};

class AccessList {
public:
    // Fails when a prefix is both blocked and allowed, and when one is of mapped IPv4 addresses,
    // which no packet has.
    static Result<AccessList> build(const std::vector<AccessRule>& rules);

    [[nodiscard]] Access find(const WideAddress& client) const {
        return is_v4(client) ? find_v4(v4_of(client).host()) : find_v6(client);
    }
    // Whether there is any client that is blocked.
    [[nodiscard]] bool blocks() const { return blocks_; }
    // What is blocked, and only that, in prefixes that do not overlap; sorted.
    [[nodiscard]] std::vector<Prefix> blocked_prefixes() const;
    [[nodiscard]] std::size_t ranges() const { return v4_.starts.size() + v6_.starts.size(); }
    bool operator==(const AccessList&) const = default;

private:
    // Both halves in host byte order.
    struct Wide {
        std::uint64_t high = 0;
        std::uint64_t low = 0;
        auto operator<=>(const Wide&) const = default;
    };
    // A range goes from its start to the next one's. The first starts at 0.
    template <typename Key>
    struct Ranges {
        std::vector<Key> starts{Key{}};
        std::vector<Access> access{Access::normal};
        bool operator==(const Ranges&) const = default;
    };
    template <typename Key>
    struct Rule;
    template <typename Key>
    static Result<Ranges<Key>> flatten(std::vector<Rule<Key>> rules);
    static Rule<std::uint32_t> rule_v4(const AccessRule& rule);
    static Rule<Wide> rule_v6(const AccessRule& rule);

    [[nodiscard]] Access find_v4(std::uint32_t client) const;
    [[nodiscard]] Access find_v6(const WideAddress& client) const;

    static constexpr unsigned index_bits = 16;
    Ranges<std::uint32_t> v4_;
    Ranges<Wide> v6_;
    // By the first bits of an IPv4 address: the range that the lowest address with them is in.
    std::vector<std::uint32_t> v4_index_;
    bool blocks_ = false;
};

}  // namespace headgate::dataplane
