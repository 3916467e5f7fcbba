#include "controlplane/netlink/interface_settings.h"

#include <fstream>
#include <optional>
#include <utility>

#include "common/log.h"

namespace headgate::netlink {

namespace {

std::optional<int> read_number(const std::string& path) {
    std::ifstream file(path);
    int value = 0;
    if (!(file >> value))
        return std::nullopt;
    return value;
}

bool write_number(const std::string& path, int value) {
    std::ofstream file(path);
    file << value << std::flush;
    return file.good();
}

}  // namespace

void InterfaceSettings::want(const Values& wanted, const InterfaceTable& interfaces) {
    std::erase_if(held_, [&](const auto& entry) {
        const auto& [setting, held] = entry;
        const auto next = wanted.find(setting);
        if (next != wanted.end() && next->second == held.wanted)
            return false;
        const Interface* const interface = interfaces.find(setting.interface);
        if (interface != nullptr && interface->index == held.index)
            put_back(setting, held);
        return true;
    });
    for (const auto& [setting, value] : wanted)
        held_.try_emplace(setting, Held{.wanted = value});
    settle(interfaces);
}

void InterfaceSettings::settle(const InterfaceTable& interfaces) {
    for (auto& [setting, held] : held_) {
        const Interface* const interface = interfaces.find(setting.interface);
        const int index = interface != nullptr ? interface->index : 0;
        if (std::exchange(held.index, index) != index && index != 0)
            set(setting, held);
    }
}

std::vector<InterfaceSettings::Change> InterfaceSettings::changes_of(
    std::string_view interface) const {
    std::vector<Change> changes;
    for (const auto& [setting, held] : held_) {
        if (setting.interface == interface && held.index != 0 && held.before != held.wanted)
            changes.push_back({.setting = setting, .before = held.before, .now = held.wanted});
    }
    return changes;
}

void InterfaceSettings::adopt(const Change& change, const InterfaceTable& interfaces) {
    const Interface* const interface = interfaces.find(change.setting.interface);
    if (interface == nullptr || read_number(path_of(change.setting)) != change.now)
        return;
    held_.try_emplace(
        change.setting,
        Held{.wanted = change.now, .index = interface->index, .before = change.before});
}

void InterfaceSettings::set(const Setting& setting, Held& held) const {
    const std::string path = path_of(setting);
    const auto present = read_number(path);
    held.before = present.value_or(held.wanted);
    if (present == held.wanted)
        return;
    if (!present || !write_number(path, held.wanted))
        log::error("{} cannot be set to {}", path, held.wanted);
}

void InterfaceSettings::put_back(const Setting& setting, const Held& held) const {
    const std::string path = path_of(setting);
    if (held.before != held.wanted && read_number(path) == held.wanted &&
        !write_number(path, held.before))
        log::error("{} cannot be set back to {}", path, held.before);
}

std::string InterfaceSettings::path_of(const Setting& setting) const {
    const char* const family = setting.family == Family::ipv4 ? "ipv4" : "ipv6";
    return fmt::format("{}/{}/conf/{}/{}", folder_, family, setting.interface, setting.name);
}

}  // namespace headgate::netlink
