// The draft of `use_vmac`: see draft.h.
#pragma once

#include <optional>
#include <string>

#include "common/net.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct VmacDraft {
    std::optional<Span> where;  // of `use_vmac`; absent: it is not used
    std::string name;           // empty: none is given
    std::optional<MacAddress> mac;
    Setting<bool> send_from_base;
};

}  // namespace headgate::config
