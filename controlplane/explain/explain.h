// Why a VRRP instance or a virtual server is in its state, and what would happen next: `headgate
// why`. Pure, and from the status alone, so that what is explained is what is shown.
#pragma once

#include <cstdint>
#include <string>

#include "common/api.pb.h"
#include "common/result.h"

namespace headgate::explain {

// Fails, naming what there is, when nothing in the status is called `object`. A virtual server is
// found by its name ("192.0.2.10:80/tcp") or by the front of it that no other has ("192.0.2.10").
Result<api::Why> explain(const api::Status& status, const std::string& object,
                         std::int64_t now_unix_ms);

// The same for what was found. `object`, `kind`, `state` and the message itself are filled in too.
api::Why explain_vrrp(const api::VrrpStatus& instance, std::int64_t now_unix_ms);
api::Why explain_virtual_server(const api::VirtualServerStatus& server, std::int64_t now_unix_ms);

}  // namespace headgate::explain
