// What ethtool's ioctl() tells of an interface. Changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/fd.h"
#include "common/result.h"

namespace headgate::doctor {

class Ethtool {
public:
    static Result<Ethtool> open();

    // Nothing, or an empty driver: the driver does not say.
    [[nodiscard]] std::string driver(const std::string& interface) const;
    struct Queues {
        std::uint32_t now = 0;
        std::uint32_t max = 0;
    };
    // That it receives by.
    [[nodiscard]] std::optional<Queues> queues(const std::string& interface) const;
    // A feature by ethtool's name for it in the kernel, such as "rx-gro-hw".
    [[nodiscard]] std::optional<bool> feature(const std::string& interface,
                                              const std::string& name) const;

private:
    explicit Ethtool(Fd socket) : socket_(std::move(socket)) {}
    [[nodiscard]] bool ask(const std::string& interface, void* command) const;

    Fd socket_;
};

}  // namespace headgate::doctor
