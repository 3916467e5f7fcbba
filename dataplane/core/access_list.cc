// Building is a walk over the sorted prefixes with a stack of those around the place that it is at.
#include "dataplane/core/access_list.h"

#include <algorithm>
#include <bit>
#include <limits>

#include <fmt/format.h>

namespace headgate::dataplane {

template <typename Key>
struct AccessList::Rule {
    Key first{};
    Key last{};
    const AccessRule* source = nullptr;
};

namespace {

std::uint32_t after(std::uint32_t key) {
    return key + 1;
}

template <typename Wide>
Wide after(const Wide& key) {
    return {key.high + (key.low == std::numeric_limits<std::uint64_t>::max() ? 1 : 0), key.low + 1};
}

// An address of either family as a number.
__extension__ using Number = unsigned __int128;

Number number(std::uint32_t key) {
    return key;
}

template <typename Wide>
Number number(const Wide& key) {
    return static_cast<Number>(key.high) << 64U | key.low;
}

Number ones(unsigned bits) {
    return bits == 128 ? ~Number{0} : (Number{1} << bits) - 1;
}

// Calls `add` with the first address and the length of each prefix that makes up the range.
template <typename Add>
void add_range(Number first, Number last, unsigned bits, const Add& add) {
    while (true) {
        // The largest that begins at `first` and ends not behind `last`.
        unsigned host_bits = 0;
        while (host_bits < bits && (first & ones(host_bits + 1)) == 0 &&
               (first | ones(host_bits + 1)) <= last)
            ++host_bits;
        add(first, bits - host_bits);
        if ((first | ones(host_bits)) == last)
            return;
        first = (first | ones(host_bits)) + 1;
    }
}

// The lowest `bits` of a word.
std::uint64_t low_mask(unsigned bits) {
    return bits == 0 ? 0 : ~std::uint64_t{0} >> (64U - bits);
}

bool is_mapped(const Prefix& prefix) {
    return prefix.length >= mapped_prefix_length && is_v4(wide(prefix.address));
}

}  // namespace

AccessList::Rule<std::uint32_t> AccessList::rule_v4(const AccessRule& rule) {
    const auto hosts = static_cast<std::uint32_t>(low_mask(32U - rule.prefix.length));
    const std::uint32_t address = rule.prefix.address.as_v4().host();
    return {address & ~hosts, address | hosts, &rule};
}

AccessList::Rule<AccessList::Wide> AccessList::rule_v6(const AccessRule& rule) {
    const WideAddress address = wide(rule.prefix.address);
    const unsigned length = rule.prefix.length;
    const std::uint64_t high_hosts = low_mask(length < 64 ? 64 - length : 0);
    const std::uint64_t low_hosts = low_mask(length < 64 ? 64 : 128 - length);
    const std::uint64_t high = BigEndian<std::uint64_t>::from_raw(address.first).host();
    const std::uint64_t low = BigEndian<std::uint64_t>::from_raw(address.second).host();
    return {{high & ~high_hosts, low & ~low_hosts}, {high | high_hosts, low | low_hosts}, &rule};
}

template <typename Key>
Result<AccessList::Ranges<Key>> AccessList::flatten(std::vector<Rule<Key>> rules) {
    // What is around others comes before them.
    std::ranges::sort(rules, [](const Rule<Key>& left, const Rule<Key>& right) {
        return left.first != right.first ? left.first < right.first : right.last < left.last;
    });
    Ranges<Key> ranges;
    const auto begin_range = [&](const Key& start, Access access) {
        // A range that began at the same place is none.
        if (ranges.starts.back() == start) {
            ranges.starts.pop_back();
            ranges.access.pop_back();
        }
        if (!ranges.access.empty() && ranges.access.back() == access)
            return;
        ranges.starts.push_back(start);
        ranges.access.push_back(access);
    };
    std::vector<Rule<Key>> around;
    const auto leave = [&] {
        const Key last = around.back().last;
        around.pop_back();
        const Key next = after(last);
        if (next != Key{})  // else it ends with the last address
            begin_range(next, around.empty() ? Access::normal : around.back().source->access);
    };
    for (const Rule<Key>& rule : rules) {
        while (!around.empty() && around.back().last < rule.first)
            leave();
        if (!around.empty() && around.back().first == rule.first &&
            around.back().last == rule.last) {
            if (around.back().source->access != rule.source->access)
                return fail("{} is both blocked and allowed", rule.source->prefix.to_string());
            continue;
        }
        begin_range(rule.first, rule.source->access);
        around.push_back(rule);
    }
    while (!around.empty())
        leave();
    return ranges;
}

Result<AccessList> AccessList::build(const std::vector<AccessRule>& rules) {
    std::vector<Rule<std::uint32_t>> v4;
    std::vector<Rule<Wide>> v6;
    AccessList list;
    for (const AccessRule& rule : rules) {
        list.blocks_ |= rule.access == Access::blocked;
        if (rule.prefix.address.is_v4())
            v4.push_back(rule_v4(rule));
        else if (is_mapped(rule.prefix))
            return fail("{} stands for IPv4 addresses: write them as such",
                        rule.prefix.to_string());
        else
            v6.push_back(rule_v6(rule));
    }
    Result<Ranges<std::uint32_t>> flat_v4 = flatten(std::move(v4));
    if (!flat_v4)
        return tl::unexpected(flat_v4.error());
    Result<Ranges<Wide>> flat_v6 = flatten(std::move(v6));
    if (!flat_v6)
        return tl::unexpected(flat_v6.error());
    list.v4_ = std::move(*flat_v4);
    list.v6_ = std::move(*flat_v6);
    std::uint32_t range = 0;
    for (std::uint64_t first = 0; first < std::uint64_t{1} << 32U;
         first += std::uint64_t{1} << (32U - index_bits)) {
        while (range + 1 < list.v4_.starts.size() && list.v4_.starts[range + 1] <= first)
            ++range;
        list.v4_index_.push_back(range);
    }
    list.v4_index_.push_back(static_cast<std::uint32_t>(list.v4_.starts.size() - 1));
    return list;
}

Access AccessList::find_v4(std::uint32_t client) const {
    const std::size_t bucket = client >> (32U - index_bits);
    const auto starts = v4_.starts.begin();
    // The range before the first one that starts behind the client.
    const auto next = std::upper_bound(starts + v4_index_[bucket] + 1,
                                       starts + v4_index_[bucket + 1] + 1, client);
    return v4_.access[static_cast<std::size_t>(next - starts - 1)];
}

Access AccessList::find_v6(const WideAddress& client) const {
    const Wide key{BigEndian<std::uint64_t>::from_raw(client.first).host(),
                   BigEndian<std::uint64_t>::from_raw(client.second).host()};
    const auto next = std::ranges::upper_bound(v6_.starts, key);
    return v6_.access[static_cast<std::size_t>(next - v6_.starts.begin() - 1)];
}

std::vector<Prefix> AccessList::blocked_prefixes() const {
    std::vector<Prefix> prefixes;
    const auto add_all = [&prefixes](const auto& ranges, unsigned bits, const auto& address_of) {
        for (std::size_t range = 0; range < ranges.starts.size(); ++range) {
            if (ranges.access[range] != Access::blocked)
                continue;
            const bool is_last = range + 1 == ranges.starts.size();
            const Number last = is_last ? ones(bits) : number(ranges.starts[range + 1]) - 1;
            add_range(number(ranges.starts[range]), last, bits, [&](Number first, unsigned length) {
                prefixes.push_back({address_of(first), static_cast<std::uint8_t>(length)});
            });
        }
    };
    add_all(v4_, 32,
            [](Number first) { return IpAddress::v4(Be32(static_cast<std::uint32_t>(first))); });
    add_all(v6_, 128, [](Number first) {
        const BigEndian high(static_cast<std::uint64_t>(first >> 64U));
        const BigEndian low(static_cast<std::uint64_t>(first));
        return IpAddress::v6(
            std::bit_cast<std::array<std::uint8_t, 16>>(WideAddress{high.raw(), low.raw()}));
    });
    std::ranges::sort(prefixes);
    return prefixes;
}

}  // namespace headgate::dataplane
