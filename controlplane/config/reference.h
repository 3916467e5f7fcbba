// The documentation of every keyword, generated from the schema table. May be used from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headgate::config {

// The whole reference in Markdown: docs/configuration.md, byte for byte.
std::string render_reference();

// What `headgate config explain KEYWORD` prints: the keyword in every block that has it. Absent,
// with the nearest keyword in `suggestion` if there is one, when nothing is called that.
std::optional<std::string> explain(std::string_view keyword, std::string* suggestion = nullptr);

}  // namespace headgate::config
