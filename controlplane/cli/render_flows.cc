#include "controlplane/cli/render_flows.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "common/api.pb.h"
#include "common/endpoint_text.h"
#include "controlplane/cli/text_table.h"

namespace headgate::cli {

namespace {

std::string service_words(const api::Flow& flow) {
    std::string protocol = api::Protocol_Name(flow.protocol());
    std::ranges::transform(protocol, protocol.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return endpoint_text(flow.service_address(), flow.service_port()) + "/" + protocol;
}

}  // namespace

std::string render_flows(const api::Flows& flows, const RenderOptions& options) {
    if (flows.matched() == 0)
        return "no connection matches\n";
    TextTable table;
    table.add({"CLIENT", "SERVICE", "SERVER", "STATE", "EXPIRES", "INTERFACE"});
    for (const api::Flow& flow : flows.flows())
        table.add({endpoint_text(flow.client(), flow.client_port()), service_words(flow),
                   endpoint_text(flow.destination(), flow.destination_port()),
                   flow.state() + (flow.persistent() ? " persistent" : ""),
                   fmt::format("{} s", flow.expires_s()),
                   flow.interface().empty() ? "(IPVS)" : flow.interface()});
    std::string text = flows.flows().empty() ? std::string() : table.render("", options.colour);
    if (const auto listed = static_cast<std::uint64_t>(flows.flows_size());
        listed < flows.matched())
        text += fmt::format("{} of {} are shown; --limit shows more\n", listed, flows.matched());
    return text;
}

}  // namespace headgate::cli
