// EntryWords: walks the words of one line in a block of routes or rules, and reads values from
// them. Whatever is wrong with a value is reported once, with what to write; the caller then gives
// the line up. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/net.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/config/report.h"
#include "controlplane/config/route_names.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

class EntryWords {
public:
    // `what`: "route" or "rule"; `notation`: how one is written.
    EntryWords(std::span<const Word> words, std::string_view what, std::string_view notation,
               RouteNames& names, Report& report)
        : words_(words), what_(what), notation_(notation), names_(names), report_(report) {}

    [[nodiscard]] bool at_end() const { return next_ == words_.size(); }
    // Empty at the end.
    [[nodiscard]] std::string_view peek() const {
        return at_end() ? std::string_view() : std::string_view(words_[next_].text);
    }
    // Requires: not at_end().
    const Word& take() { return words_[next_++]; }
    // Takes the next word if it is this one.
    bool take_if(std::string_view text);
    // The value of the option that was taken last; null: the line ends, which is reported.
    const Word* take_value();

    // The value of the option that was taken last, converted.
    std::optional<std::uint64_t> number(std::uint64_t minimum, std::uint64_t maximum);
    std::optional<std::uint32_t> u32(std::uint32_t minimum = 0, std::uint32_t maximum = UINT32_MAX);
    std::optional<std::uint32_t> named(RouteNames::Kind kind, std::uint32_t maximum);
    // Likewise, up to the largest `number`. False: it could not be read.
    template <typename Number>
    bool read_named(RouteNames::Kind kind, Number& number) {
        const auto value = named(kind, std::numeric_limits<Number>::max());
        number = static_cast<Number>(value.value_or(0));
        return value.has_value();
    }
    std::optional<std::uint32_t> realms();                    // [SOURCE/]DESTINATION
    std::optional<NumberRange> range(std::uint32_t maximum);  // FIRST[-LAST]
    std::optional<IpAddress> address();
    std::optional<std::string> interface();
    // A destination: ADDRESS[/LENGTH], default, all or any. `family`, when known, decides for
    // those without an address. Host bits are an error.
    std::optional<Prefix> prefix(const Word& word, std::optional<Family> family);
    // The value of `track_group`, which only an entry of the host may have.
    bool read_track_group(const Word& option, bool is_host, std::string& group);

    // The first address, or `inet6`, decides on the family of the whole line. False: `word` is of
    // another, which is reported.
    bool settle(const Word& word, Family family);
    bool read_family(const Word& option) {  // inet or inet6
        return settle(option, option.text == "inet" ? Family::ipv4 : Family::ipv6);
    }
    [[nodiscard]] std::optional<Family> family() const { return family_; }

    // Reports; the line is left out. Always false.
    bool refuse(const Word& word, std::string_view why, std::string_view hint = {});
    bool refuse_mixed_families(const Word& word);
    [[nodiscard]] Report& report() const { return report_; }

private:
    std::optional<std::uint32_t> realm(std::string_view text, const Word& word);

    std::span<const Word> words_;
    std::size_t next_ = 0;
    std::string_view what_;
    std::string_view notation_;
    RouteNames& names_;
    Report& report_;
    std::optional<Family> family_;
};

}  // namespace headgate::config
