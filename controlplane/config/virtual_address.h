// The lines of a virtual_ipaddress block. Pure.
#pragma once

#include "controlplane/config/arguments.h"

namespace headgate::config {

struct Context;

// Handler of virtual_ipaddress: appends its addresses to the instance of `context`. The device of
// an address that names none stays empty: it is that of the instance, which may be set later.
void read_virtual_addresses(const Context& context, const Value& value);

}  // namespace headgate::config
