// One question to headgated's control API, blocking.
#pragma once

#include <chrono>
#include <filesystem>

#include "common/api.pb.h"
#include "common/result.h"

namespace headgate::cli {

// Fails when nobody listens on the socket or the answer takes longer than `timeout`.
Result<api::ControlReply> ask(const std::filesystem::path& socket,
                              const api::ControlRequest& request, std::chrono::seconds timeout);

}  // namespace headgate::cli
