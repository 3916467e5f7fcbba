// An enumeration, its names and its words from one list: a macro LIST(X) of lines X(name, words).
//
//   enum class Error : std::uint8_t { HEADGATE_ERRORS(HEADGATE_ENUMERATOR) };
//   constexpr std::array<std::string_view, n> names{HEADGATE_ERRORS(HEADGATE_NAME)};
#pragma once

#include <string_view>

#define HEADGATE_ENUMERATOR(name, words) name,
#define HEADGATE_NAME(name, words) std::string_view(#name),
#define HEADGATE_WORDS(name, words) std::string_view(words),
