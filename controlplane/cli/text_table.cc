#include "controlplane/cli/text_table.h"

#include <algorithm>
#include <string_view>

namespace headgate::cli {

namespace {

constexpr std::size_t gap = 2;

std::string_view code_of(Paint paint) {
    switch (paint) {
        case Paint::good:
            return "\x1b[32m";
        case Paint::warn:
            return "\x1b[33m";
        case Paint::bad:
            return "\x1b[1;31m";
        case Paint::dim:
            return "\x1b[2m";
        case Paint::plain:
            break;
    }
    return {};
}

}  // namespace

std::string painted(const std::string& text, Paint paint, bool colour) {
    if (!colour || paint == Paint::plain || text.empty())
        return text;
    return std::string(code_of(paint)) + text + "\x1b[0m";
}

std::string TextTable::render(const std::string& indent, bool colour) const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], row[column].text.size());
    }
    std::string text;
    for (const auto& row : rows_) {
        std::string line = indent;
        std::size_t missing = 0;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const Cell& cell = row[column];
            if (!cell.text.empty())
                line.append(missing, ' ');
            missing = cell.text.empty() ? missing : 0;
            const Paint paint = &row == &rows_.front() ? Paint::dim : cell.paint;
            line += painted(cell.text, paint, colour);
            missing += widths[column] - cell.text.size() + gap;
        }
        text += line + '\n';
    }
    return text;
}

}  // namespace headgate::cli
