#include "controlplane/dump/words.h"

#include <algorithm>

#include <fmt/format.h>

namespace headgate::dump {

namespace {

std::string scope_words(std::uint8_t scope) {
    switch (scope) {
        case 0:
            return "global";
        case 200:
            return "site";
        case 253:
            return "link";
        case 254:
            return "host";
        case 255:
            return "nowhere";
        default:
            return fmt::format("{}", scope);
    }
}

}  // namespace

std::string address_words(const config::VirtualAddress& address, bool present) {
    const bool is_host = address.prefix.length == (address.prefix.address.is_v4() ? 32 : 128);
    std::string words = is_host ? address.prefix.address.to_string() : address.prefix.to_string();
    if (address.broadcast)
        words += " brd " + address.broadcast->to_string();
    words += fmt::format(" dev {} scope {}", address.interface, scope_words(address.scope));
    if (!address.label.empty())
        words += " label " + address.label;
    if (present)
        words += " set";
    return words;
}

std::string command_words(const config::Command& command) {
    std::string words;
    for (const std::string& word : command.words)
        words += fmt::format("{}'{}'", words.empty() ? "" : " ", word);
    return words;
}

bool is_present(const vrrp::InstanceStatus& instance, const config::VirtualAddress& address) {
    return std::ranges::any_of(instance.vips, [&](const vrrp::VipStatus& vip) {
        return vip.present && vip.prefix == address.prefix && vip.interface == address.interface;
    });
}

Auth auth_of(const config::VrrpInstance& instance) {
    if (!instance.auth_pass)
        return Auth::none;
    return instance.transport.auth_header ? Auth::header : Auth::password;
}

int number_of(bool flag) {
    return flag ? 1 : 0;
}

int number_of(Auth auth) {
    return static_cast<int>(auth);
}

int number_of(vrrp::State state) {
    switch (state) {
        case vrrp::State::init:
            return 0;
        case vrrp::State::backup:
            return 1;
        case vrrp::State::master:
            return 2;
        case vrrp::State::fault:
            return 3;
    }
    return 0;
}

}  // namespace headgate::dump
