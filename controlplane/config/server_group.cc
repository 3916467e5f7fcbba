// See server_group.h.
#include "controlplane/config/server_group.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "common/limits.h"
#include "controlplane/config/arguments.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::string_view member_notation =
    "write `192.0.2.10 80`, `192.0.2.10-19 80`, `192.0.2.10-192.0.2.19 80`, `192.0.2.0/28 80` or "
    "`fwmark 7`; the line is left out";
constexpr std::string_view mark_notation =
    "write `fwmark MARK`, a number from 1, or behind it also `inet` or `inet6`; the line is left "
    "out";

// How many addresses come after the first up to the last; absent: more than a group may have, or
// the last is before the first.
std::optional<std::uint32_t> distance(const IpAddress& first, const IpAddress& last) {
    if (first.family() != last.family() || last < first)
        return std::nullopt;
    std::uint64_t steps = 0;
    for (std::size_t at = 0; at < first.bytes().size(); ++at) {
        // Never negative: `first` is not behind `last`.
        steps = (steps << 8U) + last.bytes()[at] - first.bytes()[at];
        if (steps > limits::services_max)
            return std::nullopt;
    }
    if (steps >= limits::services_max)
        return std::nullopt;
    return static_cast<std::uint32_t>(steps);
}

IpAddress following(const IpAddress& address, std::uint32_t steps) {
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(address.bytes(), bytes.begin());
    std::uint32_t carry = steps;
    for (std::size_t at = address.bytes().size(); at-- > 0 && carry != 0;) {
        carry += bytes[at];
        bytes[at] = static_cast<std::uint8_t>(carry);
        carry >>= 8U;
    }
    if (!address.is_v4())
        return IpAddress::v6(bytes);
    std::uint32_t host = 0;
    for (std::size_t at = 0; at < 4; ++at)
        host = host << 8U | bytes[at];
    return IpAddress::v4(Be32(host));
}

// The `N` of `A.B.C.D-N`.
std::optional<IpAddress> with_last_part(const IpAddress& first, std::string_view part) {
    std::uint32_t number = 0;
    const int base = first.is_v4() ? 10 : 16;
    const std::uint32_t number_max = first.is_v4() ? 0xff : 0xffff;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, base);
    if (error != std::errc{} || end != part.data() + part.size() || number > number_max)
        return std::nullopt;
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(first.bytes(), bytes.begin());
    if (first.is_v4())
        return IpAddress::v4(Be32((first.as_v4().host() & ~0xffU) | number));
    bytes[14] = static_cast<std::uint8_t>(number >> 8U);
    bytes[15] = static_cast<std::uint8_t>(number);
    return IpAddress::v6(bytes);
}

std::optional<GroupEntry> network(const std::string& text) {
    const auto prefix = Prefix::parse(text);
    if (!prefix)
        return std::nullopt;
    const unsigned host_bits = unsigned{prefix->address.bits()} - prefix->length;
    if (host_bits >= 32)
        return std::nullopt;
    const std::uint32_t hosts = (std::uint32_t{1} << host_bits) - 1;
    const IpAddress last = following(prefix->address, hosts);
    // With host bits the last address would be outside.
    if (!prefix->contains(last))
        return std::nullopt;
    return GroupEntry{.first = prefix->address, .last = last};
}

std::optional<GroupEntry> addresses(const std::string& text) {
    if (text.find('/') != std::string::npos)
        return network(text);
    const std::size_t dash = text.find('-');
    const auto first = IpAddress::parse(text.substr(0, dash));
    if (!first)
        return std::nullopt;
    if (dash == std::string::npos)
        return GroupEntry{.first = *first, .last = *first};
    const std::string rest = text.substr(dash + 1);
    if (const auto last = IpAddress::parse(rest))
        return GroupEntry{.first = *first, .last = *last};
    if (const auto last = with_last_part(*first, rest))
        return GroupEntry{.first = *first, .last = *last};
    return std::nullopt;
}

std::optional<Located<GroupEntry>> read_mark(const Statement& line, Report& report) {
    const std::span<const Word> words = line.arguments();
    const Span where = line.keyword().span;
    if (words.empty()) {
        report.error(where, "`fwmark` needs a number", std::string(mark_notation));
        return std::nullopt;
    }
    const auto mark = read_number(words[0], 1, UINT32_MAX, report, std::string(mark_notation));
    if (!mark)
        return std::nullopt;
    GroupEntry entry{.fwmark = static_cast<std::uint32_t>(*mark)};
    if (words.size() > 1 && words[1].text == "inet")
        entry.family = Family::ipv4;
    else if (words.size() > 1 && words[1].text == "inet6")
        entry.family = Family::ipv6;
    const std::size_t wanted = entry.family ? 2 : 1;
    if (words.size() <= wanted)
        return Located<GroupEntry>{entry, where};
    report.error(words[wanted].span, quote(words[wanted].text) + " is too much",
                 std::string(mark_notation));
    return std::nullopt;
}

std::optional<Located<GroupEntry>> read_entry(const Statement& line, Report& report) {
    const Word& word = line.keyword();
    if (word.text == "fwmark")
        return read_mark(line, report);
    auto entry = addresses(word.text);
    if (!entry) {
        report.error(word.span, quote(word.text) + " is not an address, a range or a network",
                     std::string(member_notation));
        return std::nullopt;
    }
    if (!distance(entry->first, entry->last)) {
        report.error(word.span,
                     fmt::format("{} ends before it begins, or has more than {} addresses",
                                 quote(word.text), limits::services_max),
                     std::string(member_notation));
        return std::nullopt;
    }
    const std::span<const Word> rest = line.arguments();
    if (!rest.empty()) {
        const auto port = read_number(rest[0], 0, 65535, report, std::string(member_notation));
        if (!port)
            return std::nullopt;
        entry->port = static_cast<std::uint16_t>(*port);
    }
    if (rest.size() > 1)
        report.error(rest[1].span, quote(rest[1].text) + " is too much",
                     std::string(member_notation));
    return Located<GroupEntry>{*entry, word.span};
}

}  // namespace

std::vector<Located<GroupEntry>> read_group_entries(const Statement& group, Report& report) {
    std::vector<Located<GroupEntry>> entries;
    for (const Statement& line : group.body) {
        if (line.unusable)
            continue;
        if (const auto entry = read_entry(line, report))
            entries.push_back(*entry);
    }
    return entries;
}

std::vector<GroupMember> members_of(const ServerGroupDraft& group, Report& report) {
    std::vector<GroupMember> members;
    std::set<Family> families;
    const auto add = [&](const GroupMember& member) {
        if (std::ranges::find(members, member) == members.end())
            members.push_back(member);
    };
    for (const auto& [entry, where] : group.entries) {
        if (entry.fwmark == 0)
            families.insert(entry.first.family());
        else if (entry.family)
            families.insert(*entry.family);
        const std::uint32_t more = distance(entry.first, entry.last).value_or(0);
        for (std::uint32_t step = 0; entry.fwmark == 0 && step <= more; ++step)
            add({.endpoint = {following(entry.first, step), entry.port}});
    }
    for (const auto& [entry, where] : group.entries) {
        if (entry.fwmark == 0)
            continue;
        if (entry.family || families.empty())
            add({.fwmark = entry.fwmark, .family = entry.family});
        else if (families.size() == 1)
            add({.fwmark = entry.fwmark, .family = *families.begin()});
        else
            report.error(where, "in a group of both families, a mark needs one",
                         "write `inet` or `inet6` behind it; the line is left out");
    }
    return members;
}

}  // namespace headgate::config
