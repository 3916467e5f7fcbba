// Where keepalived's dump files lie.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace headgate::dump {

enum class Kind : std::uint8_t { data, stats, json };

// `configured` (state_dump_file and the like; empty: not configured), else keepalived.data,
// keepalived.stats or keepalived.json in `temporary_directory`.
std::filesystem::path path_of(Kind kind, const std::string& configured,
                              const std::filesystem::path& temporary_directory);

// $TMPDIR when it is an absolute path, else /tmp.
std::filesystem::path temporary_directory();

}  // namespace headgate::dump
