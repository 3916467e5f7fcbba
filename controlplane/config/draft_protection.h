// What the lines of the dataplane block say about floods, before it is checked as a whole.
#pragma once

#include <vector>

#include "common/net.h"
#include "controlplane/config/model_protection.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct ProtectionDraft {
    Protection settings;  // without lists
    std::vector<Located<Prefix>> blocked;
    std::vector<Located<Prefix>> allowed;
};

}  // namespace headgate::config
