#include "tests/unit/config/broken.h"

#include <algorithm>
#include <ostream>

namespace headgate::config {

void PrintTo(const Broken& broken, std::ostream* out) {
    *out << broken.name;
}

std::string case_name(const testing::TestParamInfo<Broken>& info) {
    return info.param.name;
}

LoadResult expect_one_diagnostic(const Broken& broken) {
    std::string text = broken.text;
    const std::size_t mark = text.find(">>");
    const std::string before = text.substr(0, mark);
    text.erase(mark, 2);
    const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    LoadResult result = load_text(text);
    EXPECT_EQ(result.diagnostics.size(), 1U) << text << render_report(result.diagnostics);
    if (result.diagnostics.empty())
        return result;
    const Diagnostic& diagnostic = result.diagnostics.front();
    const std::string shown = text + render(diagnostic);
    EXPECT_EQ(diagnostic.location.line, 1 + std::ranges::count(before, '\n')) << shown;
    EXPECT_EQ(diagnostic.location.column, before.size() - line_start + 1) << shown;
    EXPECT_EQ(diagnostic.location.file, "test.conf");
    EXPECT_NE(diagnostic.message.find(broken.message), std::string::npos) << shown;
    EXPECT_NE(diagnostic.hint.find(broken.hint), std::string::npos) << shown;
    EXPECT_EQ(diagnostic.severity, broken.severity) << shown;
    EXPECT_EQ(result.exit_code, broken.exit_code) << shown;
    EXPECT_EQ(result.config.has_value(), broken.exit_code != exit_unusable) << shown;
    return result;
}

}  // namespace headgate::config
