// The names that iproute2 gives to numbers: routing tables, protocols, scopes, realms and so on.
// They come from the files of the host, read when the first name is looked up. Pure apart from the
// function that reads.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace headgate::config {

class RouteNames {
public:
    enum class Kind : std::uint8_t { table, protocol, scope, realm, dsfield, group };
    using Read = std::function<Result<std::string>(const std::string& path)>;

    explicit RouteNames(Read read) : read_(std::move(read)) {}

    // Where the files are: what is found in the second folder counts more.
    void set_folders(std::string usr, std::string etc);

    // A number in decimal or with 0x, or a name. Absent: neither.
    std::optional<std::uint32_t> find(Kind kind, std::string_view text);

private:
    using Names = std::map<std::string, std::uint32_t, std::less<>>;
    Names load(Kind kind) const;

    Read read_;
    std::string usr_ = "/usr/share/iproute2";
    std::string etc_ = "/etc/iproute2";
    std::array<std::optional<Names>, 6> names_;
};

// The file that has them, in each of the folders.
std::string_view file_name(RouteNames::Kind kind);

// Decimal, or hexadecimal with 0x. Absent: not a number, or it does not fit.
std::optional<std::uint64_t> unsigned_of(std::string_view text);

}  // namespace headgate::config
