// See arguments.h.
#include "controlplane/config/arguments.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "controlplane/config/known_keywords.h"
#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

constexpr std::size_t interface_name_max = 15;  // IFNAMSIZ with its final zero
constexpr std::int64_t name_bytes_max = 255;

bool all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(
        text, [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; });
}

// A decimal integer that fits; absent: it is none, or does not fit into 64 bits.
std::optional<std::int64_t> decimal(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

// With 6 digits of fraction at most: "1.25" → 1 250 000; with 3: → 1250.
std::optional<std::int64_t> fixed_point(std::string_view text, std::size_t fraction_digits) {
    constexpr std::int64_t whole_max = 10'000'000'000;
    const std::size_t point = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, point);
    std::string fraction(text.substr(std::min(point + 1, text.size())));
    const bool has_fraction = point < text.size();
    if (!all_digits(whole) || (has_fraction && !all_digits(fraction)) ||
        fraction.size() > fraction_digits)
        return std::nullopt;
    fraction.resize(fraction_digits, '0');
    const auto number = decimal(whole);
    if (!number || *number > whole_max)
        return std::nullopt;
    return decimal(std::string(whole) + fraction);
}

// What a slip that is common in other configuration languages should read like here.
std::string advice_on_notation(std::string_view text, bool is_time) {
    if (text == "=" || text == ":")
        return fmt::format("leave out the `{}`; ", text);
    if (text.size() > 1 && (text.ends_with(';') || text.ends_with(',')))
        return fmt::format("leave out the `{}`; ", text.back());
    if (is_time && text.ends_with('s') && text.find_first_of("0123456789") == 0)
        return "write the number without a unit; ";
    return {};
}

// What happens now that the line cannot be used.
std::string consequence(const Keyword& row) {
    if (row.argument.has_block())
        return "the block is left out";
    if (row.required)
        return "without it the block is left out";
    if (row.default_text.empty())
        return "this line is ignored";
    return fmt::format("the default ({}) is used", row.default_text);
}

std::string advice(const Keyword& row) {
    return fmt::format("{}; {}", expectation(row), consequence(row));
}

// One statement against one row.
class ArgumentReader {
public:
    ArgumentReader(const Keyword& row, const Statement& statement, Report& report)
        : row_(row), argument_(row.argument), report_(report) {
        value_.row = &row;
        value_.statement = &statement;
        value_.words = statement.arguments();
        value_.present = !value_.words.empty();
        value_.where = value_.present ? value_.words.front().span : statement.keyword().span;
    }

    std::optional<Value> run() {
        const bool usable = argument_.kind == ArgumentKind::none || (value_.present && convert());
        const bool absent = argument_.kind != ArgumentKind::none && !value_.present;
        if (absent && !argument_.optional) {
            report_.error(value_.where, fmt::format("{} needs a value", quote(row_.name)),
                          advice(row_));
        } else if (usable) {
            refuse_surplus();
        }
        value_.valid = usable || (absent && argument_.optional);
        if (!value_.valid && !argument_.has_block())
            return std::nullopt;
        return value_;
    }

private:
    bool convert() {
        const Word& word = value_.words.front();
        switch (argument_.kind) {
            case ArgumentKind::none:
            case ArgumentKind::words:
                return true;
            case ArgumentKind::flag:
                return read_flag(word);
            case ArgumentKind::number: {
                const auto number =
                    read_number(word, argument_.minimum, argument_.maximum, report_, advice(row_));
                value_.number = number.value_or(0);
                return number.has_value();
            }
            case ArgumentKind::seconds:
                return read_time(word, "seconds", 6);
            case ArgumentKind::milliseconds:
                return read_time(word, "milliseconds", 3);
            case ArgumentKind::choice:
                return read_choice(word);
            case ArgumentKind::text:
                return read_text(word);
            case ArgumentKind::interface: {
                const auto name = read_interface(word, report_, advice(row_));
                value_.text = name.value_or("");
                return name.has_value();
            }
            case ArgumentKind::address: {
                const auto address = read_address(word, report_, advice(row_));
                value_.address = address.value_or(IpAddress{});
                return address.has_value();
            }
            case ArgumentKind::endpoint:
                return read_endpoint(word);
        }
        return false;
    }

    bool refuse(const Word& word, std::string_view why, bool is_time = false) {
        report_.error(word.span, fmt::format("{} {}", quote(word.text), why),
                      advice_on_notation(word.text, is_time) + advice(row_));
        return false;
    }

    bool read_flag(const Word& word) {
        constexpr std::string_view yes[] = {"on", "true", "yes"};
        constexpr std::string_view no[] = {"off", "false", "no"};
        if (std::ranges::find(yes, word.text) != std::end(yes))
            return true;
        value_.flag = false;
        return std::ranges::find(no, word.text) != std::end(no) ||
               refuse(word, "is neither on nor off");
    }

    // Microseconds come out, whatever the unit.
    bool read_time(const Word& word, std::string_view unit, std::size_t fraction_digits) {
        const auto value = fixed_point(word.text, fraction_digits);
        if (!value)
            return refuse(word, fmt::format("is not a number of {}", unit), true);
        if (*value < argument_.minimum || *value > argument_.maximum)
            return refuse(word, fmt::format("is out of range for {}", row_.name));
        value_.duration = std::chrono::microseconds(*value);
        return true;
    }

    bool read_choice(const Word& word) {
        std::vector<std::string_view> names;
        const auto equal = [this](char left, char right) {
            return left == right ||
                   (argument_.any_case && std::tolower(left) == std::tolower(right));
        };
        for (const Choice& choice : argument_.choices) {
            names.push_back(choice.name);
            if (!std::ranges::equal(choice.name, word.text, equal))
                continue;
            value_.number = choice.value;
            if (!choice.instead.empty())
                report_not_carried(word, choice);
            return true;
        }
        const std::string_view meant = nearest(word.text, names);
        report_.error(
            word.span, fmt::format("{} is not a value of {}", quote(word.text), row_.name),
            advice_on_notation(word.text, false) +
                (meant.empty() ? "" : fmt::format("did you mean `{}`? ", meant)) + advice(row_));
        return false;
    }

    void report_not_carried(const Word& word, const Choice& choice) {
        report_.error(word.span,
                      fmt::format("`{} {}` is not carried by this version of Headgate", row_.name,
                                  choice.name),
                      std::string(choice.instead));
        reported_ = true;
    }

    bool read_text(const Word& word) {
        if (word.text.empty())
            return refuse(word, "is empty");
        if (has_control_character(word.text))
            return refuse(word, "has a control character in it");
        const std::int64_t bytes_max =
            argument_.kind == ArgumentKind::text ? argument_.maximum : name_bytes_max;
        if (std::cmp_greater(word.text.size(), bytes_max))
            return refuse(word, fmt::format("is longer than {} bytes", bytes_max));
        value_.text = word.text;
        return true;
    }

    bool read_endpoint(const Word& word) {
        const auto other = std::ranges::find(argument_.choices, word.text, &Choice::name);
        if (other != argument_.choices.end()) {
            if (other->instead.empty())
                return read_name_behind(word, *other);
            report_not_carried(word, *other);
            return false;
        }
        const auto address = read_address(word, report_, advice(row_));
        if (!address)
            return false;
        value_.endpoint.address = *address;
        if (value_.words.size() < 2)
            return true;
        const auto port =
            read_number(value_.words[1], 0, port_max, report_,
                        "a port is a number from 1 to 65535, or left out; " + consequence(row_));
        value_.endpoint.port = static_cast<std::uint16_t>(port.value_or(0));
        return port.has_value();
    }

    // An endpoint that is given by name, or by mark.
    bool read_name_behind(const Word& word, const Choice& choice) {
        if (value_.words.size() < 2)
            return refuse(word, choice.before_number ? "needs a number" : "needs a name");
        value_.number = choice.value;
        if (!choice.before_number)
            return read_text(value_.words[1]);
        const auto mark = read_number(
            value_.words[1], 1, UINT32_MAX, report_,
            fmt::format("a mark is a number from 1 to {}; {}", UINT32_MAX, consequence(row_)));
        value_.mark = static_cast<std::uint32_t>(mark.value_or(0));
        return mark.has_value();
    }

    // Words that nothing reads are a mistake worth telling, though the rest of the line holds.
    void refuse_surplus() {
        std::size_t wanted = 1;
        if (argument_.kind == ArgumentKind::words || reported_)
            return;
        if (argument_.kind == ArgumentKind::none)
            wanted = 0;
        else if (argument_.kind == ArgumentKind::endpoint)
            wanted = 2;
        if (value_.words.size() <= wanted)
            return;
        const Word& first = value_.words[wanted];
        const Span surplus = join(first.span, value_.words.back().span);
        const bool is_keyword = is_keyword_beside(first.text);
        report_.error(surplus, fmt::format("{} is too much for {}", quote(first.text), row_.name),
                      is_keyword ? fmt::format("write {} on a line of its own", quote(first.text))
                                 : fmt::format("remove it; {}", expectation(row_)));
    }

    // Whether `name` is a keyword where this one is, or in the block that it opens.
    [[nodiscard]] bool is_keyword_beside(std::string_view name) const {
        for (int index = 0; index < num_blocks; ++index) {
            const auto block = static_cast<Block>(index);
            const bool near = row_.blocks.contains(block) || block == argument_.opens;
            if (near && (find_keyword(block, name) != nullptr || find_known_keyword(block, name)))
                return true;
        }
        return false;
    }

    const Keyword& row_;
    const Argument& argument_;
    Report& report_;
    Value value_;
    bool reported_ = false;  // the value is usable and has had its diagnostic
};

}  // namespace

std::optional<Value> read_arguments(const Keyword& row, const Statement& statement,
                                    Report& report) {
    return ArgumentReader(row, statement, report).run();
}

std::optional<std::int64_t> read_number(const Word& word, std::int64_t minimum,
                                        std::int64_t maximum, Report& report, std::string hint) {
    const std::string_view text = word.text;
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    const auto value = decimal(text);
    if (value && *value >= minimum && *value <= maximum)
        return value;
    const std::string_view why = all_digits(digits) ? "is out of range" : "is not a number";
    report.error(word.span, fmt::format("{} {}", quote(text), why),
                 advice_on_notation(text, false) + std::move(hint));
    return std::nullopt;
}

std::optional<Duration> read_seconds(const Word& word, double minimum, double maximum,
                                     Report& report, std::string hint) {
    constexpr std::size_t fraction_digits = 6;
    const auto value = fixed_point(word.text, fraction_digits);
    if (value && static_cast<double>(*value) >= minimum * microseconds_per_second &&
        static_cast<double>(*value) <= maximum * microseconds_per_second)
        return std::chrono::microseconds(*value);
    report.error(
        word.span,
        fmt::format("{} {}", quote(word.text), value ? "is out of range" : "is not a number"),
        advice_on_notation(word.text, true) + std::move(hint));
    return std::nullopt;
}

std::optional<IpAddress> read_address(const Word& word, Report& report, std::string hint) {
    const auto address = IpAddress::parse(word.text);
    if (address && !has_control_character(word.text))
        return *address;
    report.error(word.span, fmt::format("{} is not an IP address", quote(word.text)),
                 advice_on_notation(word.text, false) + std::move(hint));
    return std::nullopt;
}

std::optional<std::string_view> read_interface(const Word& word, Report& report, std::string hint) {
    const std::string_view name = word.text;
    const bool usable = !name.empty() && name.size() <= interface_name_max && name != "." &&
                        name != ".." && !has_control_character(name) &&
                        name.find_first_of(" \t/:") == std::string_view::npos;
    if (usable)
        return name;
    report.error(word.span, fmt::format("{} is not an interface name", quote(name)),
                 advice_on_notation(name, false) + std::move(hint));
    return std::nullopt;
}

}  // namespace headgate::config
