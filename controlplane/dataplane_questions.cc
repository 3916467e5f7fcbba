#include "controlplane/dataplane_questions.h"

#include <utility>

#include "common/api.pb.h"
#include "controlplane/backends.h"

namespace headgate {

void ask_dataplane(Backends& backends, const api::ControlRequest& request,
                   admin::AdminServer::Answer answer) {
    api::DataplaneRequest handed_on;
    if (request.has_flows())
        *handed_on.mutable_flows() = request.flows();
    else if (request.has_trace())
        *handed_on.mutable_trace() = request.trace();
    else
        *handed_on.mutable_watch() = request.watch();
    backends.ask(handed_on, [answer = std::move(answer)](Result<api::DataplaneReply> told) {
        api::ControlReply reply;
        if (!told) {
            reply.set_error(told.error().message);
            return answer(std::move(reply));
        }
        reply.set_error(told->error());
        reply.set_error_kind(told->error_kind());
        if (told->has_flows())
            *reply.mutable_flows() = std::move(*told->mutable_flows());
        if (told->has_trace())
            *reply.mutable_trace() = std::move(*told->mutable_trace());
        if (told->has_watched())
            *reply.mutable_watched() = std::move(*told->mutable_watched());
        answer(std::move(reply));
    });
}

}  // namespace headgate
