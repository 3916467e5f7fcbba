// THE SCHEMA TABLE: one row per keyword that Headgate acts on. It drives the parser (which blocks
// exist and what belongs in them), the diagnostics, "did you mean", and the reference. A new
// keyword is one row in schema_*.cc and at most one handler. Constant data; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace headgate::config {

enum class Block : std::uint8_t {
    root,
    global_defs,
    vrrp_instance,
    authentication,
    auth_hmac,
    unicast_peer,
    virtual_ipaddress,
    garp_group,
    garp_interfaces,
    vrrp_sync_group,
    group,
    entries,  // lines of a grammar of their own: addresses, routes, rules, names
    track_group,
    virtual_server,
    real_server,
    tcp_check,
    http_get,
    url,
    dataplane,
    bfd_instance,
    vrrp_script,
    track_file,
    vrrp_track_process,
    track_list,        // entries, not keywords
    interface_delays,  // likewise
    ignored,           // the body of something that is not acted on: only its braces matter
};

// Blocks that have rows in the table.
constexpr int num_blocks = static_cast<int>(Block::ignored);

// "vrrp_instance"; "the top level" for root.
std::string_view block_name(Block block);

// A set of blocks; `|` unites.
class Blocks {
public:
    constexpr Blocks(Block block)  // NOLINT(google-explicit-constructor): one block is a set
        : bits_(1U << static_cast<unsigned>(block)) {}
    static constexpr Blocks every() {
        static_assert(num_blocks < 32, "a bit for each");
        return Blocks((1U << static_cast<unsigned>(num_blocks)) - 1);
    }
    constexpr Blocks operator|(Blocks other) const { return Blocks(bits_ | other.bits_); }
    [[nodiscard]] constexpr bool contains(Block block) const {
        return (bits_ & Blocks(block).bits_) != 0;
    }

private:
    constexpr explicit Blocks(std::uint32_t bits) : bits_(bits) {}
    std::uint32_t bits_;
};

constexpr Blocks operator|(Block left, Block right) {
    return Blocks(left) | Blocks(right);
}

// One word that a keyword accepts, and what it stands for (an enumerator, as a number).
struct Choice {
    std::string_view name;
    int value = 0;
    // Not empty: keepalived has this value and Headgate does not carry it; the text says what to
    // write instead. The value still reaches the model.
    std::string_view instead{};
    bool before_number = false;  // in place of an endpoint: a mark follows, not a name
};

enum class ArgumentKind : std::uint8_t {
    none,          // the keyword says it all
    flag,          // [on | off | true | false | yes | no]; alone it means on
    number,        // decimal integer
    seconds,       // decimal, with up to six digits of fraction
    milliseconds,  // likewise, with up to three
    choice,        // one of a list of words
    text,          // one word
    interface,     // a network interface's name
    address,       // an IP address
    endpoint,      // IP [PORT]
    words,         // as many as there are; the handler reads them
};

// What may follow a keyword. Made by the functions below.
struct Argument {
    ArgumentKind kind = ArgumentKind::none;
    bool optional = false;
    std::int64_t minimum = 0;  // number: itself; times: in microseconds; text: in bytes
    std::int64_t maximum = 0;
    std::span<const Choice> choices{};
    bool any_case = false;    // choices are compared without regard to case
    std::string_view form{};  // as the reference shows it, when the kind does not tell
    // What the { } after the arguments holds; Block::ignored: there is none.
    Block opens = Block::ignored;

    [[nodiscard]] constexpr bool has_block() const { return opens != Block::ignored; }
    [[nodiscard]] constexpr Argument or_nothing() const {
        Argument copy = *this;
        copy.optional = true;
        return copy;
    }
    [[nodiscard]] constexpr Argument with_block(Block block) const {
        Argument copy = *this;
        copy.opens = block;
        return copy;
    }
};

constexpr Argument nothing() {
    return {};
}
constexpr Argument flag() {
    return {.kind = ArgumentKind::flag, .optional = true};
}
constexpr Argument number(std::int64_t minimum, std::int64_t maximum) {
    return {.kind = ArgumentKind::number, .minimum = minimum, .maximum = maximum};
}
constexpr std::int64_t microseconds_per_second = 1'000'000;
// The longest that a timer of a virtual server is set to; keepalived's own limit for persistence.
constexpr std::int64_t timer_seconds_max = std::int64_t{31} * 24 * 3600;
// Bounds in seconds.
constexpr Argument seconds(double minimum, double maximum) {
    return {.kind = ArgumentKind::seconds,
            .minimum = static_cast<std::int64_t>(minimum * microseconds_per_second),
            .maximum = static_cast<std::int64_t>(maximum * microseconds_per_second)};
}
// Bounds in milliseconds.
constexpr Argument milliseconds(std::int64_t minimum, std::int64_t maximum) {
    constexpr std::int64_t microseconds_each = 1000;
    return {.kind = ArgumentKind::milliseconds,
            .minimum = minimum * microseconds_each,
            .maximum = maximum * microseconds_each};
}
constexpr Argument one_of(std::span<const Choice> choices) {
    return {.kind = ArgumentKind::choice, .choices = choices};
}
constexpr Argument one_of_in_any_case(std::span<const Choice> choices) {
    return {.kind = ArgumentKind::choice, .choices = choices, .any_case = true};
}
constexpr Argument text(std::string_view form, std::int64_t bytes_max = 255) {
    return {.kind = ArgumentKind::text, .minimum = 1, .maximum = bytes_max, .form = form};
}
constexpr Argument interface_name() {
    return {.kind = ArgumentKind::interface};
}
constexpr Argument address() {
    return {.kind = ArgumentKind::address};
}
// `others` are words that keepalived takes in place of the address; behind one that is carried
// stands a name or a mark.
constexpr Argument endpoint(std::span<const Choice> others = {}, std::string_view form = {}) {
    return {.kind = ArgumentKind::endpoint, .choices = others, .form = form};
}
constexpr Argument words(std::string_view form) {
    return {.kind = ArgumentKind::words, .form = form};
}

struct Context;  // what a handler writes to: reader.h
struct Value;    // the checked arguments: arguments.h
using Handler = void (*)(const Context& context, const Value& value);

enum class Origin : std::uint8_t { keepalived, headgate };

struct Keyword {
    Blocks blocks;
    std::string_view name;
    Argument argument;
    // What holds when the keyword is absent: a value in its own notation, or words when it is not
    // a constant. Empty: nothing does.
    std::string_view default_text{};
    Handler handler;
    std::string_view doc;  // one line
    Origin origin = Origin::keepalived;
    bool repeats = false;   // may stand in its block more than once
    bool required = false;  // a block without it is left out
};

// The rows, by the part of the configuration that they belong to; together they are the table.
std::span<const Keyword> global_keywords();
std::span<const Keyword> protection_keywords();
std::span<const Keyword> scheduling_keywords();
std::span<const Keyword> global_announce_keywords();
std::span<const Keyword> dump_keywords();
std::span<const Keyword> vrrp_keywords();
std::span<const Keyword> instance_announce_keywords();
std::span<const Keyword> bfd_keywords();
std::span<const Keyword> vrrp_auth_keywords();
std::span<const Keyword> vrrp_transport_keywords();
std::span<const Keyword> election_keywords();
std::span<const Keyword> sync_group_keywords();
std::span<const Keyword> tracking_keywords();
std::span<const Keyword> script_keywords();
std::span<const Keyword> held_keywords();
std::span<const Keyword> firewall_keywords();
std::span<const Keyword> vmac_keywords();
std::span<const Keyword> buffer_keywords();
std::span<const Keyword> service_keywords();
std::span<const Keyword> lvs_keywords();
std::span<const Keyword> lvs_kernel_keywords();
std::span<const Keyword> checker_keywords();

// Calls `visit` for every row of the table.
void for_each_keyword(const std::function<void(const Keyword&)>& visit);

// The row of `name` in `block`; null: there is none.
const Keyword* find_keyword(Block block, std::string_view name);

// What follows the keyword, in the notation of the reference: "<1..255>", "MASTER | BACKUP".
std::string argument_form(const Argument& argument);

// The sentence that says what to write: "`priority` takes a number from 1 to 255".
std::string expectation(const Keyword& keyword);

}  // namespace headgate::config
