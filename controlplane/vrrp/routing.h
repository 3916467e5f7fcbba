// Routing: the routes and policy rules of this host, as far as they are ours. The kernel's own is
// KernelRouting.
#pragma once

#include "common/result.h"
#include "controlplane/config/model_routes.h"

namespace headgate::vrrp {

class Routing {
public:
    virtual ~Routing() = default;

    // One that is there already is success.
    virtual Result<void> install(const config::Route& route) = 0;
    virtual Result<void> install(const config::Rule& rule) = 0;
    // Not to be there any more is success.
    virtual Result<void> withdraw(const config::Route& route) = 0;
    virtual Result<void> withdraw(const config::Rule& rule) = 0;
    // Whether the kernel has it, as far as its notifications have been read.
    [[nodiscard]] virtual bool present(const config::Route& route) const = 0;
    [[nodiscard]] virtual bool present(const config::Rule& rule) const = 0;
};

}  // namespace headgate::vrrp
