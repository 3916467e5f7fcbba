// The lines of virtual_ipaddress, virtual_ipaddress_excluded and static_ipaddress. Pure.
#pragma once

#include <vector>

#include "controlplane/config/arguments.h"
#include "controlplane/config/model_addresses.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct Context;

enum class AddressRole : std::uint8_t { advertised, excluded, host };

// Appends the addresses of the block. The device of an address that names none stays empty: it is
// that of the instance, which may be set later.
void read_addresses(const Statement& block, AddressRole role, Report& report,
                    std::vector<Located<VirtualAddress>>& addresses);

// Handler of virtual_ipaddress.
void read_virtual_addresses(const Context& context, const Value& value);

}  // namespace headgate::config
