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

// "vrrp.51@eth0" for one that is made for the instance.
std::string interface_words(const config::VrrpInstance& instance, const std::string& interface) {
    const std::vector<config::Vmac> vmacs = config::all_vmacs(instance);
    const auto vmac = std::ranges::find(vmacs, interface, &config::Vmac::name);
    if (instance.ipvlan && interface == instance.ipvlan->name)
        return fmt::format("{}@{}", interface, instance.ipvlan->base);
    return vmac == vmacs.end() ? interface : fmt::format("{}@{}", interface, vmac->base);
}

std::string option_words(const config::VirtualAddress& address) {
    std::string words;
    const auto say_if = [&](bool is_so, const char* option) {
        if (is_so)
            words += option;
    };
    say_if(address.home, " home");
    say_if(address.detect_duplicates, " -nodad");
    say_if(address.temporary_source, " mngtmpaddr");
    say_if(!address.prefix_route, " noprefixroute");
    say_if(address.join_group, " autojoin");
    say_if(!address.tracked, " no_track");
    return words;
}

std::string preference_words(const config::VirtualAddress& address) {
    if (!address.preferred_s)
        return address.prefix.address.is_v4() ? "" : " preferred_lft forever";
    return *address.preferred_s == 0 ? " deprecated"
                                     : fmt::format(" preferred_lft {}", *address.preferred_s);
}

}  // namespace

std::string prefix_words(const Prefix& prefix) {
    const bool is_host = prefix.length == (prefix.address.is_v4() ? 32 : 128);
    return is_host ? prefix.address.to_string() : prefix.to_string();
}

std::string address_words(const config::VrrpInstance& instance,
                          const config::VirtualAddress& address, bool present) {
    // With a peer the length is the peer's.
    std::string words =
        address.peer ? address.prefix.address.to_string() : prefix_words(address.prefix);
    if (address.broadcast)
        words += " brd " + address.broadcast->to_string();
    words += fmt::format(" dev {} scope {}", interface_words(instance, address.interface),
                         scope_words(address.scope));
    if (!address.label.empty())
        words += " label " + address.label;
    if (address.peer)
        words += fmt::format(" peer {}/{}", address.peer->to_string(), address.prefix.length);
    words += option_words(address) + preference_words(address);
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

std::string_view match_words(const config::TrackProcess& process) {
    using Parameters = config::TrackProcess::Parameters;
    if (!process.compare_parameters)
        return "none";
    if (process.match == Parameters::exact)
        return "exact";
    return process.match == Parameters::partial ? "partial" : "initial";
}

bool has_maximum(const config::TrackProcess& process) {
    return process.quorum_max != config::TrackProcess{}.quorum_max;
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
