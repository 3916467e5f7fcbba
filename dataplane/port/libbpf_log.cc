#include "dataplane/port/libbpf_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include <bpf/libbpf.h>

#include "common/log.h"

namespace headgate::dataplane {

namespace {

[[gnu::format(printf, 2, 0)]] int log_message(libbpf_print_level level, const char* format,
                                              va_list arguments) {
    if (level == LIBBPF_DEBUG)
        return 0;
    // Enough for a line; the verifier's log is longer and is cut.
    std::array<char, 4096> text{};
    const int length = std::vsnprintf(text.data(), text.size(), format, arguments);
    std::string_view line(text.data());
    while (line.ends_with('\n'))
        line.remove_suffix(1);
    log::debug("{}", line);
    return length;
}

}  // namespace

void log_libbpf_messages() {
    libbpf_set_print(log_message);
}

}  // namespace headgate::dataplane
