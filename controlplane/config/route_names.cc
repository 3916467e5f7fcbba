// See route_names.h. The files have lines "NUMBER NAME", with comments behind #.
#include "controlplane/config/route_names.h"

#include <charconv>
#include <sstream>
#include <utility>

namespace headgate::config {

namespace {

// What holds on every host, with or without files: the numbers of <linux/rtnetlink.h>.
std::map<std::string, std::uint32_t, std::less<>> built_in(RouteNames::Kind kind) {
    switch (kind) {
        case RouteNames::Kind::table:
            return {{"default", 253}, {"main", 254}, {"local", 255}};
        case RouteNames::Kind::protocol:
            return {{"kernel", 2}, {"boot", 3}, {"static", 4}, {"keepalived", 18}};
        case RouteNames::Kind::scope:
            return {{"global", 0}, {"site", 200}, {"link", 253}, {"host", 254}, {"nowhere", 255}};
        case RouteNames::Kind::realm:
            return {{"cosmos", 0}};
        case RouteNames::Kind::group:
            return {{"default", 0}};
        case RouteNames::Kind::dsfield:
            break;
    }
    return {};
}

}  // namespace

std::string_view file_name(RouteNames::Kind kind) {
    switch (kind) {
        case RouteNames::Kind::table:
            return "rt_tables";
        case RouteNames::Kind::protocol:
            return "rt_protos";
        case RouteNames::Kind::scope:
            return "rt_scopes";
        case RouteNames::Kind::realm:
            return "rt_realms";
        case RouteNames::Kind::dsfield:
            return "rt_dsfield";
        case RouteNames::Kind::group:
            return "group";
    }
    return {};
}

std::optional<std::uint64_t> unsigned_of(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        base = 16;
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

void RouteNames::set_folders(std::string usr, std::string etc) {
    if (!usr.empty())
        usr_ = std::move(usr);
    if (!etc.empty())
        etc_ = std::move(etc);
    names_ = {};
}

std::optional<std::uint32_t> RouteNames::find(Kind kind, std::string_view text) {
    if (const auto number = unsigned_of(text); number && *number <= UINT32_MAX)
        return static_cast<std::uint32_t>(*number);
    auto& names = names_.at(static_cast<std::size_t>(kind));
    if (!names)
        names = load(kind);
    const auto found = names->find(text);
    if (found == names->end())
        return std::nullopt;
    return found->second;
}

RouteNames::Names RouteNames::load(Kind kind) const {
    Names names = built_in(kind);
    for (const std::string& folder : {usr_, etc_}) {
        const auto text = read_(folder + "/" + std::string(file_name(kind)));
        std::istringstream lines(text ? *text : std::string());
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line.substr(0, line.find('#')));
            std::string number;
            std::string name;
            if (!(words >> number >> name))
                continue;
            if (const auto value = unsigned_of(number); value && *value <= UINT32_MAX)
                names.insert_or_assign(name, static_cast<std::uint32_t>(*value));
        }
    }
    return names;
}

}  // namespace headgate::config
