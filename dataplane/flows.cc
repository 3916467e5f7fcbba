#include "dataplane/flows.h"

#include <algorithm>

#include "common/api.pb.h"
#include "common/limits.h"
#include "dataplane/api_words.h"
#include "dataplane/attachment.h"

namespace headgate::dataplane {

namespace {

void filter_by_client(const Prefix& client, FlowFilter& filter) {
    const unsigned offset = client.address.is_v4() ? mapped_prefix_length : 0;
    filter.client_prefix_length = static_cast<std::uint8_t>(offset + client.length);
    filter.client = masked(wide(client.address), filter.client_prefix_length);
}

// False: there is no such service. One port of a service of every port may be asked for, too.
bool filter_by_service(const Snapshot& snapshot, const Endpoint& endpoint, Protocol protocol,
                       FlowFilter& filter) {
    const Be16 port(endpoint.port);
    const Slot slot = snapshot.find_service(wide(endpoint.address), port, protocol).identity.slot;
    if (slot == no_slot)
        return false;
    const ServiceEntry& service = snapshot.service(slot);
    filter.service = service.generation;
    if (service.any_port)
        filter.service_port = port;
    return true;
}

}  // namespace

Result<FlowsQuestion> load_flows_request(const api::FlowsRequest& request) {
    FlowsQuestion question;
    if (!request.client().empty()) {
        const Result<Prefix> client = Prefix::parse(request.client());
        if (!client)
            return tl::unexpected(client.error());
        question.client = *client;
    }
    if (!request.service_address().empty()) {
        const Result<IpAddress> address = IpAddress::parse(request.service_address());
        if (!address)
            return tl::unexpected(address.error());
        if (request.service_port() > 65535)
            return fail("the port {} is not between 0 and 65535", request.service_port());
        question.service = {{*address, static_cast<std::uint16_t>(request.service_port())},
                            static_cast<Protocol>(request.service_protocol())};
    }
    if (!request.destination().empty()) {
        const Result<IpAddress> address = IpAddress::parse(request.destination());
        if (!address)
            return tl::unexpected(address.error());
        question.destination = *address;
    }
    question.limit = std::min(request.limit(), limits::flows_listed_max);
    question.end = request.end();
    return question;
}

std::optional<FlowFilter> flow_filter(const Snapshot& snapshot, const FlowsQuestion& question) {
    FlowFilter filter;
    if (question.client)
        filter_by_client(*question.client, filter);
    if (question.service &&
        !filter_by_service(snapshot, question.service->first, question.service->second, filter))
        return std::nullopt;
    filter.any_destination = !question.destination;
    const auto& configs = snapshot.config().services;
    for (std::size_t number = 0; question.destination && number < configs.size(); ++number) {
        const ServiceSlots& slots = snapshot.slots()[number];
        for (std::size_t at = 0; at < slots.destinations.size(); ++at) {
            const Slot slot = slots.destinations[at];
            if (question.destination == configs[number].destinations[at].endpoint.address)
                filter.destinations.push_back({slot, snapshot.destination(slot).generation});
        }
    }
    std::ranges::sort(filter.destinations, {}, &Identity::slot);
    return filter;
}

InterfaceFlows::InterfaceFlows(std::string interface, const Snapshot& snapshot,
                               const FlowsQuestion& question, std::size_t workers)
    : interface_(std::move(interface)), end_(question.end) {
    names_.add(snapshot);
    const std::optional<FlowFilter> filter = flow_filter(snapshot, question);
    for (std::size_t worker = 0; filter && worker < workers; ++worker)
        scans_.push_back(std::make_unique<FlowScan>(*filter, question.limit, question.end));
}

bool InterfaceFlows::finished() const {
    return std::ranges::all_of(scans_, [](const auto& scan) { return scan->finished(); });
}

void InterfaceFlows::report(std::uint32_t limit, api::Flows& flows) const {
    for (const auto& scan : scans_) {
        flows.set_matched(flows.matched() + scan->matched());
        if (end_)
            flows.set_ended(flows.ended() + scan->matched());
        for (const FlowRecord& record : scan->records()) {
            // A removed service or destination: its connections are only waiting for their end.
            const SlotNames::Service* service = names_.service(record.service);
            const SlotNames::Server* server = names_.server(record.destination);
            if (service == nullptr || server == nullptr ||
                std::cmp_greater_equal(flows.flows_size(), limit))
                continue;
            api::Flow& flow = *flows.add_flows();
            flow.set_client(address_of(record.client).to_string());
            flow.set_client_port(record.client_port.host());
            flow.set_service_address(service->endpoint.address.to_string());
            flow.set_service_port(record.service_port.host());
            flow.set_protocol(static_cast<api::Protocol>(service->protocol));
            flow.set_destination(server->config.endpoint.address.to_string());
            // Direct routing leaves the port as it is.
            flow.set_destination_port(record.service_port.host());
            flow.set_state(name_of(record.state));
            flow.set_expires_s(record.expires_s);
            flow.set_interface(interface_);
            flow.set_persistent(record.persistent);
        }
    }
}

std::vector<CoreQuestion*> FlowsInquiry::begin(const Attachment& attachment) {
    interfaces_.push_back(std::make_unique<InterfaceFlows>(
        attachment.interface(), attachment.latest(), question_, attachment.workers()));
    std::vector<CoreQuestion*> questions;
    for (const auto& scan : interfaces_.back()->scans())
        questions.push_back(scan.get());
    return questions;
}

void FlowsInquiry::report(api::DataplaneReply& reply) {
    for (const auto& interface : interfaces_)
        interface->report(question_.limit, *reply.mutable_flows());
}

}  // namespace headgate::dataplane
