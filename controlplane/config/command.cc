// See command.h.
#include "controlplane/config/command.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace headgate::config {

std::vector<std::string> split_command(const std::string& command) {
    constexpr std::string_view blanks = " \t";
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char mark = 0;
    for (const char byte : command) {
        if (mark != 0 && byte == mark) {
            mark = 0;
        } else if (mark == 0 && (byte == '\'' || byte == '"')) {
            mark = byte;
            in_word = true;
        } else if (mark == 0 && blanks.find(byte) != std::string_view::npos) {
            if (std::exchange(in_word, false))
                words.push_back(std::exchange(word, {}));
        } else {
            word += byte;
            in_word = true;
        }
    }
    if (in_word)
        words.push_back(std::move(word));
    return words;
}

std::vector<std::string> read_command(const Context& context, const Value& value) {
    const std::string_view keyword = value.statement->keyword().text;
    std::vector<std::string> words = split_command(value.words.front().text);
    if (value.words.size() > 1) {
        std::string whole;
        for (const Word& word : value.words) {
            whole += (whole.empty() ? "" : " ") + word.text;
            if (&word != &value.words.front())
                words.push_back(word.text);
        }
        context.report.error(value.words[1].span, "a command with arguments stands in quotes",
                             fmt::format("write `{} \"{}\"`, which is used now", keyword, whole));
    }
    const std::string program = words.empty() ? "" : words.front();
    if (program.empty()) {
        context.report.error(value.where, "the command is empty",
                             fmt::format("write `{} \"/path/program argument\"`", keyword));
        return {};
    }
    if (program.front() == '/')
        return words;
    if (program.find('/') != std::string::npos) {
        context.report.error(value.where,
                             fmt::format("{} is not the whole path of a program", quote(program)),
                             "write the path from / on");
        return {};
    }
    context.report.warning(
        value.where, fmt::format("{} is looked for in the PATH of the daemon", quote(program)),
        "write its whole path, from / on");
    return words;
}

void read_user(const Context& context, const Value& value, std::string& user, std::string& group) {
    std::vector<std::string> names;
    for (const Word& word : value.words) {
        if (word.text != ":")
            names.push_back(word.text);
    }
    if (names.empty() || names.size() > 2) {
        context.report.error(value.where, "a user and, at most, a group are expected",
                             fmt::format("write `{} USER [GROUP]`", value.row->name));
        return;
    }
    user = names[0];
    group = names.size() > 1 ? names[1] : "";
    if (group.starts_with(':'))
        group.erase(0, 1);
}

}  // namespace headgate::config
