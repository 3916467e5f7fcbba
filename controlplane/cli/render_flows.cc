#include "controlplane/cli/render_flows.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "common/api.pb.h"
#include "controlplane/cli/text_table.h"

namespace headgate::cli {

namespace {

std::string place(const std::string& address, std::uint32_t port) {
    const bool is_v6 = address.find(':') != std::string::npos;
    return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string service_words(const api::Flow& flow) {
    std::string protocol = api::Protocol_Name(flow.protocol());
    std::ranges::transform(protocol, protocol.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return place(flow.service_address(), flow.service_port()) + "/" + protocol;
}

}  // namespace

std::string render_flows(const api::Flows& flows, const RenderOptions& options) {
    if (flows.matched() == 0)
        return "no connection matches\n";
    TextTable table;
    table.add({"CLIENT", "SERVICE", "SERVER", "STATE", "EXPIRES", "INTERFACE"});
    for (const api::Flow& flow : flows.flows())
        table.add({place(flow.client(), flow.client_port()), service_words(flow),
                   place(flow.destination(), flow.destination_port()),
                   flow.state() + (flow.persistent() ? " persistent" : ""),
                   fmt::format("{} s", flow.expires_s()), flow.interface()});
    std::string text = flows.flows().empty() ? std::string() : table.render("", options.colour);
    if (const auto listed = static_cast<std::uint64_t>(flows.flows_size());
        listed < flows.matched())
        text += fmt::format("{} of {} are shown; --limit shows more\n", listed, flows.matched());
    return text;
}

}  // namespace headgate::cli
