// Packets and what becomes of them, as people read it. Pure.
#pragma once

#include <string>

#include "controlplane/cli/render.h"

namespace headgate::api {
class Trace;
class WatchedPacket;
}  // namespace headgate::api

namespace headgate::cli {

// A line for each decision.
std::string render_trace(const api::Trace& trace, const RenderOptions& options);

// Whichever worker gets it: it goes to a real server.
bool is_forwarded(const api::Trace& trace);

// One line, with the local time of day.
std::string render_watched(const api::WatchedPacket& packet);

// "transmit to 10.0.0.11", "drop source_invalid".
std::string outcome_words(const api::WatchedPacket& packet);

// For the comment in a capture.
std::string comment_words(const api::WatchedPacket& packet);

}  // namespace headgate::cli
