// What vrrp_instance and vrrp_sync_group share: a block with a name, in which things are tracked.
#pragma once

#include <utility>
#include <vector>

#include "controlplane/config/reader.h"

namespace headgate::config {

// Reads one into a draft behind `drafts`. `self`: where the keywords in it find that draft.
template <typename Draft>
void read_tracking_block(const Context& context, const Value& value, Block block,
                         Draft* Context::*self, std::vector<Draft>& drafts) {
    Draft draft;
    draft.name = value.text;
    draft.where = value.statement->keyword().span;
    Context inner = context;
    inner.*self = &draft;
    inner.uses = &draft.trackers;
    draft.mentions.merge(read_body(inner, *value.statement, block));
    if (value.valid)
        drafts.push_back(std::move(draft));
}

}  // namespace headgate::config
