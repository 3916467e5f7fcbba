// The drafts of `use_vmac`, `use_vmac_addr` and `use_ipvlan`: see draft.h.
#pragma once

#include <optional>
#include <string>

#include "common/net.h"
#include "controlplane/config/model_vmac.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct VmacDraft {
    std::optional<Span> where;  // of `use_vmac`; absent: it is not used
    std::string name;           // empty: none is given
    std::optional<MacAddress> mac;
    bool mac_ends_in_vrid = false;  // five bytes were given
    Span mac_where;
    Setting<bool> send_from_base;
    Setting<bool> for_addresses;  // use_vmac_addr
};

struct IpvlanDraft {
    std::optional<Span> where;  // of `use_ipvlan`; absent: it is not used
    std::string name;           // empty: none is given
    Setting<Prefix> address;
    Setting<IpvlanMode> mode;
};

}  // namespace headgate::config
