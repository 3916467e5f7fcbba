#include "dataplane/trace.h"

#include <algorithm>
#include <utility>

#include "common/api.pb.h"
#include "dataplane/api_words.h"
#include "dataplane/attachment.h"

namespace headgate::dataplane {

namespace {

const char* name_of(TraceSteps::Entry entry) {
    switch (entry) {
        case TraceSteps::Entry::unchanged:
            break;
        case TraceSteps::Entry::made:
            return "made";
        case TraceSteps::Entry::made_for_half_open:
            return "made_for_half_open";
        case TraceSteps::Entry::no_room:
            return "no_room";
        case TraceSteps::Entry::deferred:
            return "deferred";
        case TraceSteps::Entry::one_packet:
            return "one_packet";
    }
    return "unchanged";
}

void fill_server(const SlotNames::Server& server, api::TracedServer& shown) {
    const DestinationConfig& config = server.config;
    shown.set_address(config.endpoint.address.to_string());
    shown.set_port(config.endpoint.port);
    shown.set_weight(config.weight);
    shown.set_inhibited(config.inhibited);
    shown.set_leaving(config.leaving);
    shown.set_overloaded(server.overloaded);
    if (config.mac)
        shown.set_mac(config.mac->to_string());
    if (config.egress)
        shown.set_interface(config.egress->name);
    shown.set_method(config.tunnel ? api::TUN : api::DR);
    shown.set_active_connections(server.load.active());
    shown.set_inactive_connections(server.load.inactive());
}

std::string address_of_server(const SlotNames& names, const Identity& destination) {
    const SlotNames::Server* server = names.server(destination);
    return server == nullptr ? std::string() : server->config.endpoint.address.to_string();
}

void fill_known(const SlotNames& names, const TracedConnection& known,
                api::TracedConnection& shown) {
    shown.set_server(address_of_server(names, known.destination));
    shown.set_state(name_of(known.state));
    shown.set_expires_s(known.expires_s);
    shown.set_expired(known.expired);
    shown.set_replaced(known.replaced);
    shown.set_persistent(known.persistent);
}

// False: the names do not know what the steps tell of.
bool fill_steps(const SlotNames& names, const TraceSteps& steps, api::WorkerTrace& shown) {
    const ReasonInfo& reason = info(steps.reason);
    shown.set_verdict(name_of(reason.verdict));
    shown.set_reason(std::string(reason.name));
    shown.set_reason_text(std::string(reason.text));
    shown.set_entry(name_of(steps.entry));
    shown.set_known_to_peer(steps.known_to_peer);
    if (steps.service.slot == no_slot)
        return true;
    const SlotNames::Service* service = names.service(steps.service.generation);
    if (service == nullptr)
        return false;
    api::TracedService& named = *shown.mutable_service();
    named.set_address(service->endpoint.address.to_string());
    named.set_port(service->endpoint.port);
    named.set_protocol(static_cast<api::Protocol>(service->protocol));
    named.set_active(service->active);
    named.set_scheduler(api_scheduler(service->scheduler));
    named.set_persistent(steps.is_persistent);
    if (steps.known)
        fill_known(names, *steps.known, *shown.mutable_connection());
    if (steps.bound) {
        shown.mutable_binding()->set_server(address_of_server(names, steps.bound->destination));
        shown.mutable_binding()->set_followed(steps.bound->followed);
    }
    if (steps.pick != TraceSteps::Pick::none) {
        api::TracedPick& pick = *shown.mutable_pick();
        pick.set_repeatable(steps.pick == TraceSteps::Pick::repeatable);
        for (const Identity& candidate : service->servers)
            fill_server(*names.server(candidate), *pick.add_candidates());
    }
    if (steps.destination.slot == no_slot || steps.reason == Reason::destination_removed)
        return true;
    const SlotNames::Server* server = names.server(steps.destination);
    if (server == nullptr)
        return false;
    fill_server(*server, *shown.mutable_server());
    return true;
}

}  // namespace

Result<Packet> load_trace_request(const api::TraceRequest& request) {
    const Result<IpAddress> client = IpAddress::parse(request.client());
    if (!client)
        return tl::unexpected(client.error());
    const Result<IpAddress> address = IpAddress::parse(request.address());
    if (!address)
        return tl::unexpected(address.error());
    if (client->family() != address->family())
        return fail("{} and {} are of different families", request.client(), request.address());
    for (const std::uint32_t port : {request.client_port(), request.port()}) {
        if (port > 65535)
            return fail("the port {} is not between 0 and 65535", port);
    }
    Packet packet;
    switch (request.protocol()) {
        case api::TCP:
        case api::UDP:
        case api::SCTP:
            packet.protocol = static_cast<Protocol>(request.protocol());
            break;
        default:
            return fail("the protocol is none of tcp, udp and sctp");
    }
    packet.client = wide(*client);
    packet.address = wide(*address);
    packet.client_port = Be16(static_cast<std::uint16_t>(request.client_port()));
    packet.port = Be16(static_cast<std::uint16_t>(request.port()));
    packet.is_v6 = !address->is_v4();
    if (packet.protocol != Protocol::udp)
        packet.tcp_flags = static_cast<std::uint8_t>(
            (request.syn() ? tcp_flag::syn : 0) | (request.ack() ? tcp_flag::ack : 0) |
            (request.fin() ? tcp_flag::fin : 0) | (request.rst() ? tcp_flag::rst : 0));
    return packet;
}

InterfaceTraces::InterfaceTraces(std::string interface, bool steered, const Snapshot& snapshot,
                                 const Packet& packet, std::size_t workers)
    : interface_(std::move(interface)), steered_(steered) {
    names_.add(snapshot);
    for (std::size_t worker = 0; worker < workers; ++worker)
        traces_.push_back(std::make_unique<PacketTrace>(packet));
}

Result<void> InterfaceTraces::report(api::InterfaceTrace& answer) const {
    answer.set_interface(interface_);
    answer.set_steered(steered_);
    for (std::size_t worker = 0; worker < traces_.size(); ++worker) {
        const std::optional<TraceSteps>& steps = traces_[worker]->steps();
        if (!steps)
            return fail("{} is being attached to again: ask once more", interface_);
        api::WorkerTrace& shown = *answer.add_workers();
        shown.set_worker(static_cast<std::uint32_t>(worker));
        if (!fill_steps(names_, *steps, shown))
            return fail("the table was changed meanwhile: ask once more");
    }
    return {};
}

std::vector<CoreQuestion*> TraceInquiry::begin(const Attachment& attachment) {
    interfaces_.push_back(std::make_unique<InterfaceTraces>(
        attachment.interface(),
        attachment.steers(packet_.address, packet_.port.host(), packet_.protocol),
        attachment.latest(), packet_, attachment.workers()));
    std::vector<CoreQuestion*> questions;
    for (const auto& trace : interfaces_.back()->traces())
        questions.push_back(trace.get());
    return questions;
}

void TraceInquiry::report(api::DataplaneReply& reply) {
    for (const auto& interface : interfaces_) {
        if (const auto told = interface->report(*reply.mutable_trace()->add_interfaces()); !told) {
            reply.clear_trace();
            reply.set_error(told.error().message);
            reply.set_error_kind(api::CONFLICT);
            return;
        }
    }
    if (interfaces_.empty())
        reply.set_error("no interface is attached");
}

}  // namespace headgate::dataplane
