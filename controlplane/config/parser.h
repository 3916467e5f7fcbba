// Parser: tokens of one file → statements, guided by the schema table.
//
// A statement is one line; a `{` behind it or on a following line opens its block. The table says
// what belongs in a block, which is how a missing or surplus brace is recognised where it happened
// and does not turn the rest of the file into nonsense. That recovery is tried only as often as the
// file has too few or too many braces: in a balanced file a keyword in a foreign block is just
// misplaced.
// Pure: included files come from a callback.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/config/report.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/source.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

// Blocks within blocks; a real configuration needs five.
inline constexpr int nesting_max = 16;

// The names that `$NAME=value` lines have defined, across all files read so far.
using Definitions = std::set<std::string, std::less<>>;

// Gives the statements of the files that `include` names, to stand in `block` in its place.
using Includer = std::function<std::vector<Statement>(const Statement& include, Block block)>;

// Parses `file` as the content of `block`.
std::vector<Statement> parse(const SourceFile& file, Block block, const Includer& includer,
                             Definitions& definitions, Report& report);

}  // namespace headgate::config
