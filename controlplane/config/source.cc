// See source.h.
#include "controlplane/config/source.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/check.h"

namespace headgate::config {
namespace {

constexpr std::size_t quoted_max = 60;

}  // namespace

SourceLocation Span::location() const {
    return {file == nullptr ? std::string{} : file->name, line, column};
}

std::string Span::source_line() const {
    if (file == nullptr || line == 0)
        return {};
    const std::string_view text = file->text;
    const std::size_t begin = offset - (column - 1);
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view whole = text.substr(begin, end - begin);
    if (whole.ends_with('\r'))
        whole.remove_suffix(1);
    return printable(whole.substr(0, source_line_max));
}

Span join(const Span& first, const Span& last) {
    check(first.file == last.file && first.line == last.line, "joined spans are on one line");
    Span joined = first;
    joined.length = last.offset + last.length - first.offset;
    return joined;
}

std::string line_of(const SourceLocation& there, const Span& here) {
    const bool same_file = here.file != nullptr && here.file->name == there.file;
    return fmt::format("line {}{}", there.line, same_file ? "" : " of " + there.file);
}

const SourceFile& Sources::add(std::string name, std::string text) {
    const auto index = static_cast<std::uint32_t>(files_.size());
    return files_.emplace_back(SourceFile{std::move(name), std::move(text), index});
}

// Bytes above ASCII are UTF-8.
std::string printable(std::string_view text) {
    std::string clean(text);
    std::ranges::replace_if(
        clean,
        [](char byte) {
            const auto value = static_cast<unsigned char>(byte);
            return (value < 0x20 && byte != '\t') || value == 0x7f;
        },
        '?');
    return clean;
}

std::string quote(std::string_view text) {
    if (text.size() > quoted_max)
        return "`" + printable(text.substr(0, quoted_max)) + "...`";
    return "`" + printable(text) + "`";
}

}  // namespace headgate::config
