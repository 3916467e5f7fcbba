// Reader: walks the syntax tree along the schema table. Each statement is looked up in the block it
// stands in, its arguments are checked, and the handler of its row writes to a draft. Everything
// that is not a keyword there is reported here, with what was probably meant. Pure.
#pragma once

#include "controlplane/config/arguments.h"
#include "controlplane/config/draft.h"
#include "controlplane/config/report.h"
#include "controlplane/config/route_names.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

// What a handler may write to: the drafts of the blocks around its keyword. The table guarantees
// that those which enclose the keyword's block are there.
struct Context {
    Drafts& drafts;
    Report& report;
    RouteNames& names;
    VrrpDraft* instance = nullptr;
    GarpGroupDraft* garp_group = nullptr;
    SyncGroupDraft* sync_group = nullptr;
    std::vector<TrackerUseDraft>* uses = nullptr;  // of the innermost block that tracks
    TrackScriptDraft* script = nullptr;
    TrackFileDraft* track_file = nullptr;
    TrackProcessDraft* process = nullptr;
    ServerDraft* server = nullptr;
    RealServerDraft* real_server = nullptr;
    CheckDraft* check = nullptr;
    UrlDraft* url = nullptr;
    BfdDraft* bfd = nullptr;
    std::vector<Located<std::string>>* track_group = nullptr;
    TimingDraft* timing = nullptr;                       // of the innermost block that has one
    std::optional<std::string>* virtual_host = nullptr;  // likewise
};

// Handler of a keyword that asks for what is always done here.
inline void accept_only(const Context& /*context*/, const Value& /*value*/) {}

// Reads the statements of a block. Called by the handlers of keywords that open one.
Mentions read_body(const Context& context, const Statement& statement, Block block);

// Reads a whole configuration. `names`: of the numbers in routes and rules.
Drafts read_configuration(const std::vector<Statement>& statements, RouteNames names,
                          Report& report);

}  // namespace headgate::config
