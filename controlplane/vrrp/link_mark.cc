#include "controlplane/vrrp/link_mark.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <random>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <boost/algorithm/string/split.hpp>

namespace headgate::vrrp {

namespace {

using Change = netlink::InterfaceSettings::Change;

constexpr std::string_view first_word = "headgate";
constexpr std::array families{std::pair{Family::ipv4, std::string_view("ipv4")},
                              std::pair{Family::ipv6, std::string_view("ipv6")}};

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> parts;
    boost::algorithm::split(
        parts, text, [&](char byte) { return separators.find(byte) != std::string_view::npos; });
    return parts;
}

std::optional<int> number_of(const std::string& text) {
    int number = 0;
    const auto [rest, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (wrong != std::errc() || rest != text.data() + text.size())
        return std::nullopt;
    return number;
}

// "ipv4/arp_filter:0:1"
std::optional<Change> read_change(const std::string& word, const std::string& base) {
    const std::vector<std::string> parts = split(word, "/:");
    if (parts.size() != 4)
        return std::nullopt;
    const auto* const family =
        std::ranges::find(families, parts[0], [](const auto& each) { return each.second; });
    const auto before = number_of(parts[2]);
    const auto now = number_of(parts[3]);
    // The name becomes a part of a path.
    const bool is_name = !parts[1].empty() && std::ranges::all_of(parts[1], [](char letter) {
        return (letter >= 'a' && letter <= 'z') || letter == '_';
    });
    if (family == families.end() || !is_name || !before || !now)
        return std::nullopt;
    return Change{.setting = {.family = family->first, .interface = base, .name = parts[1]},
                  .before = *before,
                  .now = *now};
}

// A socket of that name; Error::code EADDRINUSE: another one has it.
Result<Fd> bind_name(std::string_view name) {
    const std::string text = fmt::format("{}-{}", first_word, name);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Abstract: a zero byte comes first, and none at the end.
    if (text.size() + 1 > sizeof address.sun_path)
        return fail("the name of a claim is too long");
    std::memcpy(address.sun_path + 1, text.data(), text.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return fail_errno("bind the Unix socket {}", text);
    return socket;
}

}  // namespace

std::string text_of(const LinkMark& mark) {
    std::string text = fmt::format("{} {}", first_word, mark.claim);
    for (const Change& change : mark.changes) {
        const auto* const family = std::ranges::find(families, change.setting.family,
                                                     [](const auto& each) { return each.first; });
        text += fmt::format(" {}/{}:{}:{}", family->second, change.setting.name, change.before,
                            change.now);
    }
    return text;
}

std::optional<LinkMark> read_mark(std::string_view alias, const std::string& base) {
    const std::vector<std::string> words = split(alias, " ");
    if (words.size() < 2 || words[0] != first_word || words[1].empty())
        return std::nullopt;
    LinkMark mark{.claim = words[1], .changes = {}};
    for (std::size_t index = 2; index < words.size(); ++index) {
        auto change = read_change(words[index], base);
        if (!change)
            return std::nullopt;
        mark.changes.push_back(std::move(*change));
    }
    return mark;
}

Result<Claim> Claim::take() {
    std::random_device random;
    std::string name = fmt::format("{:08x}{:08x}", random(), random());
    auto socket = bind_name(name);
    if (!socket)
        return tl::unexpected(socket.error());
    return Claim(std::move(name), std::move(*socket));
}

bool Claim::is_held(std::string_view name) {
    return !bind_name(name);
}

}  // namespace headgate::vrrp
