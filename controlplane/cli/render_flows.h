// Connections as people read them. Pure.
#pragma once

#include <string>

#include "controlplane/cli/render.h"

namespace headgate::api {
class Flows;
}

namespace headgate::cli {

std::string render_flows(const api::Flows& flows, const RenderOptions& options);

}  // namespace headgate::cli
