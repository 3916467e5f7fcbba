#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace headgate {

void check_failed(const char* invariant, const std::source_location& where) {
    std::fprintf(stderr, "%s:%u: %s: invariant broken: %s\n", where.file_name(), where.line(),
                 where.function_name(), invariant);
    std::abort();
}

}  // namespace headgate
