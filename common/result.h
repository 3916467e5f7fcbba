// Result<T>: how operating errors travel (a file is missing, a socket cannot be opened).
// Programmer errors use check(), bad packets use a named drop counter; neither is a Result.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <tl/expected.hpp>

namespace headgate {

// An operating error: one sentence that says what was attempted and why it failed.
// `code` is the errno behind it, or 0 when there was none.
struct Error {
    std::string message;
    int code = 0;
};

template <typename T>
using Result = tl::expected<T, Error>;

template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
    return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...), 0});
}

// As fail(), with ": <strerror(code)>" appended and the code kept for the caller.
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail_code(int code, fmt::format_string<Args...> format,
                                              Args&&... args) {
    return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...) + ": " +
                                           std::generic_category().message(code),
                                       code});
}

// As fail_code(errno, ...). Call it before anything else can change errno.
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail_errno(fmt::format_string<Args...> format, Args&&... args) {
    return fail_code(errno, format, std::forward<Args>(args)...);
}

}  // namespace headgate
