// Checks the words behind a keyword against its row of the schema table, and converts them.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/report.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

inline constexpr std::int64_t port_max = 65535;

// The arguments of one statement. Which members hold depends on the kind in its row.
struct Value {
    const Keyword* row = nullptr;
    const Statement* statement = nullptr;
    Span where;           // of the first argument; of the keyword when there is none
    bool present = true;  // false: an optional argument was left out
    // False only for a keyword that opens a block: its arguments were wrong and are reported; the
    // block is still to be read for its own mistakes, and then thrown away.
    bool valid = true;

    bool flag = true;
    std::int64_t number = 0;  // also the value of a choice, and of an endpoint's other word
    Duration duration{};
    std::string_view text;  // also an interface's name, and what an endpoint's other word names
    IpAddress address;
    Endpoint endpoint;       // port 0: none was given
    std::uint32_t mark = 0;  // instead of an endpoint, with a choice that is before_number
    std::span<const Word> words;
};

// Reads the arguments of `statement` as `row` wants them. Whatever is wrong with them is one
// diagnostic. Absent: they are unusable, and what the row says about the default holds.
std::optional<Value> read_arguments(const Keyword& row, const Statement& statement, Report& report);

// Conversions that handlers of free-form arguments share. Each reports what is wrong, with `hint`.
std::optional<std::int64_t> read_number(const Word& word, std::int64_t minimum,
                                        std::int64_t maximum, Report& report, std::string hint);
// Bounds in seconds.
std::optional<Duration> read_seconds(const Word& word, double minimum, double maximum,
                                     Report& report, std::string hint);
std::optional<IpAddress> read_address(const Word& word, Report& report, std::string hint);
std::optional<std::string_view> read_interface(const Word& word, Report& report, std::string hint);

}  // namespace headgate::config
