#include "controlplane/track/process_match.h"

#include <algorithm>
#include <span>

namespace headgate::track {

namespace {

constexpr std::size_t name_max = 15;  // TASK_COMM_LEN with its final zero

std::string_view last_component(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

// A program without a path is any of that name.
bool is_program(const std::string& wanted, const std::string& word) {
    if (wanted.find('/') != std::string::npos)
        return wanted == word;
    return wanted == last_component(word);
}

bool has_parameters(const config::TrackProcess& process, std::span<const std::string> given) {
    using Parameters = config::TrackProcess::Parameters;
    const std::vector<std::string>& wanted = process.parameters;
    if (given.size() < wanted.size())
        return false;
    if (process.match == Parameters::exact && given.size() != wanted.size())
        return false;
    for (std::size_t index = 0; index < wanted.size(); ++index) {
        const bool may_go_on = process.match == Parameters::partial && index + 1 == wanted.size();
        if (may_go_on ? !given[index].starts_with(wanted[index]) : given[index] != wanted[index])
            return false;
    }
    return true;
}

}  // namespace

std::vector<std::string> split_command_line(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

bool matches(const config::TrackProcess& process, const ProcessInfo& info) {
    if (!process.full_command && !process.compare_parameters)
        return last_component(process.program).substr(0, name_max) == info.name;
    if (info.words.empty() || !is_program(process.program, info.words.front()))
        return false;
    return !process.compare_parameters || has_parameters(process, std::span(info.words).subspan(1));
}

}  // namespace headgate::track
