// `headgate status` for people. Pure: a status and the time in, text out. Its form may change;
// programs use --json.
#pragma once

#include <cstdint>
#include <string>

#include "common/api.pb.h"
#include "controlplane/cli/text_table.h"

namespace headgate::cli {

struct RenderOptions {
    std::int64_t now_unix_ms = 0;
    bool colour = false;
};

std::string render_status(const api::Status& status, const RenderOptions& options);

Paint paint_of(const std::string& state);

// "100", or "100/120" when trackers have changed it: what counts, and what is configured.
std::string priority_words(const api::VrrpStatus& instance);

// "192.0.2.3 (150)", or "-".
std::string master_words(const api::VrrpStatus& instance);

// "42s", "3m12s", "2h05m", "12d04h"
std::string duration_words(std::int64_t milliseconds);

// Exact up to 99999, then "1.2M".
std::string count_words(std::uint64_t count);

}  // namespace headgate::cli
