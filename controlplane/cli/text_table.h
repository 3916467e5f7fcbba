// TextTable: rows of cells with aligned columns, for people. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace headgate::cli {

enum class Paint : std::uint8_t { plain, good, warn, bad, dim };

// The text with the terminal's colours around it when `colour`.
std::string painted(const std::string& text, Paint paint, bool colour);

struct Cell {
    std::string text;
    Paint paint = Paint::plain;

    // Cells are written as words in most places.
    Cell(std::string words) : text(std::move(words)) {}  // NOLINT(google-explicit-constructor)
    Cell(const char* words) : text(words) {}             // NOLINT(google-explicit-constructor)
    Cell(std::string words, Paint with) : text(std::move(words)), paint(with) {}
};

class TextTable {
public:
    void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
    // Each line starts with `indent` and ends in a newline; the first row is the heading.
    [[nodiscard]] std::string render(const std::string& indent, bool colour) const;

private:
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace headgate::cli
