#include "controlplane/config/entry_words.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "controlplane/config/arguments.h"

namespace headgate::config {

namespace {

std::string_view kind_name(RouteNames::Kind kind) {
    switch (kind) {
        case RouteNames::Kind::table:
            return "routing table";
        case RouteNames::Kind::protocol:
            return "routing protocol";
        case RouteNames::Kind::scope:
            return "scope";
        case RouteNames::Kind::realm:
            return "realm";
        case RouteNames::Kind::dsfield:
            return "traffic class";
        case RouteNames::Kind::group:
            return "interface group";
    }
    return {};
}

bool has_host_bits(const Prefix& prefix) {
    for (std::size_t index = 0; index < prefix.address.bytes().size(); ++index) {
        const int kept =
            std::clamp(static_cast<int>(prefix.length) - static_cast<int>(8 * index), 0, 8);
        const auto host = static_cast<std::uint8_t>(0xffU >> static_cast<unsigned>(kept));
        if ((prefix.address.bytes()[index] & host) != 0)
            return true;
    }
    return false;
}

}  // namespace

bool EntryWords::refuse(const Word& word, std::string_view why, std::string_view hint) {
    report_.error(word.span, fmt::format("{} {}", quote(word.text), why),
                  fmt::format("{}; the {} is left out", hint.empty() ? notation_ : hint, what_));
    return false;
}

bool EntryWords::refuse_mixed_families(const Word& word) {
    return refuse(word, "is of another address family than what stands before it",
                  fmt::format("a {} is all IPv4 or all IPv6", what_));
}

bool EntryWords::settle(const Word& word, Family family) {
    if (family_ && *family_ != family)
        return refuse_mixed_families(word);
    family_ = family;
    return true;
}

bool EntryWords::read_track_group(const Word& option, bool is_host, std::string& group) {
    const Word* const word = take_value();
    if (word == nullptr)
        return false;
    if (!is_host)
        return refuse(option, fmt::format("is for a static {}: an instance has its own", what_));
    group = word->text;
    return true;
}

bool EntryWords::take_if(std::string_view text) {
    if (at_end() || words_[next_].text != text)
        return false;
    ++next_;
    return true;
}

const Word* EntryWords::take_value() {
    if (!at_end())
        return &take();
    refuse(words_[next_ - 1], "needs a value");
    return nullptr;
}

std::optional<std::uint64_t> EntryWords::number(std::uint64_t minimum, std::uint64_t maximum) {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    const auto value = unsigned_of(word->text);
    if (value && *value >= minimum && *value <= maximum)
        return value;
    refuse(
        *word, value ? "is out of range" : "is not a number",
        fmt::format("`{}` takes a number from {} to {}", words_[next_ - 2].text, minimum, maximum));
    return std::nullopt;
}

std::optional<std::uint32_t> EntryWords::u32(std::uint32_t minimum, std::uint32_t maximum) {
    const auto value = number(minimum, maximum);
    if (!value)
        return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint32_t> EntryWords::named(RouteNames::Kind kind, std::uint32_t maximum) {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    const auto value = names_.find(kind, word->text);
    if (value && *value <= maximum)
        return value;
    refuse(*word, fmt::format("is not a {}", kind_name(kind)),
           fmt::format("write a number to {}, or a name of /etc/iproute2/{}", maximum,
                       file_name(kind)));
    return std::nullopt;
}

std::optional<std::uint32_t> EntryWords::realm(std::string_view text, const Word& word) {
    const auto value = names_.find(RouteNames::Kind::realm, text);
    if (value && *value <= UINT16_MAX)
        return value;
    refuse(word, "is not a realm",
           "`realms` takes [SOURCE/]DESTINATION, numbers to 65535 or names "
           "of /etc/iproute2/rt_realms");
    return std::nullopt;
}

std::optional<std::uint32_t> EntryWords::realms() {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    const std::string_view text = word->text;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos)
        return realm(text, *word);
    const auto source = realm(text.substr(0, slash), *word);
    if (!source)
        return std::nullopt;
    const auto destination = realm(text.substr(slash + 1), *word);
    if (!destination)
        return std::nullopt;
    return *source << 16U | *destination;
}

std::optional<NumberRange> EntryWords::range(std::uint32_t maximum) {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    const std::string_view text = word->text;
    const std::size_t dash = text.find('-');
    const auto first = unsigned_of(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : unsigned_of(text.substr(dash + 1));
    if (first && last && *first <= *last && *last <= maximum)
        return NumberRange{.first = static_cast<std::uint32_t>(*first),
                           .last = static_cast<std::uint32_t>(*last)};
    refuse(*word, "is not a range",
           fmt::format("`{}` takes FIRST-LAST, or one number, up to {}", words_[next_ - 2].text,
                       maximum));
    return std::nullopt;
}

std::optional<IpAddress> EntryWords::address() {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    return read_address(
        *word, report_,
        fmt::format("`{}` takes an IP address; the {} is left out", words_[next_ - 2].text, what_));
}

std::optional<std::string> EntryWords::interface() {
    const Word* const word = take_value();
    if (word == nullptr)
        return std::nullopt;
    const auto name =
        read_interface(*word, report_,
                       fmt::format("`{}` takes an interface, such as eth0; the {} is left out",
                                   words_[next_ - 2].text, what_));
    if (!name)
        return std::nullopt;
    return std::string(*name);
}

std::optional<Prefix> EntryWords::prefix(const Word& word, std::optional<Family> family) {
    const bool is_default6 = word.text == "default6";
    if (word.text == "default" || word.text == "all" || word.text == "any" || is_default6) {
        const bool is_ipv6 = is_default6 || family == Family::ipv6;
        return Prefix{.address = is_ipv6 ? IpAddress::v6({}) : IpAddress(), .length = 0};
    }
    const auto prefix = Prefix::parse(word.text);
    if (!prefix) {
        refuse(word, "is neither an option nor a network");
        return std::nullopt;
    }
    if (has_host_bits(*prefix)) {
        refuse(word, "has bits behind its prefix length",
               "write the address of the network, such as 192.0.2.0/24");
        return std::nullopt;
    }
    return *prefix;
}

}  // namespace headgate::config
