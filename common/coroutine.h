// For coroutines that nobody waits for (Asio's co_spawn), whose errors would otherwise vanish.
#pragma once

#include <exception>

#include "common/check.h"

namespace headgate {

// The completion handler of such a coroutine: operating errors are values in it, so an exception
// that escapes it is a programming error, and going on without the coroutine would hide it.
inline void must_not_throw(const std::exception_ptr& error) {
    check(!error, "a coroutine lets no exception escape");
}

}  // namespace headgate
