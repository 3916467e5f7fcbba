#include "dataplane/watch.h"

#include <algorithm>
#include <utility>

#include "common/api.pb.h"
#include "dataplane/api_words.h"
#include "dataplane/attachment.h"

namespace headgate::dataplane {

namespace {

// Of each worker: a tenth of a second of 100 000 packets whose headers are recorded.
constexpr std::size_t ring_bytes = 4U << 20U;
// A reply stays far below what a message may have.
constexpr std::size_t reply_bytes_max = 4U << 20U;
// More than any frame that is received.
constexpr std::uint32_t frame_bytes_max = 65535;

api::DataplaneReply refusal(std::string error, api::ErrorKind kind) {
    api::DataplaneReply reply;
    reply.set_error(std::move(error));
    reply.set_error_kind(kind);
    return reply;
}

void fill_packet(const SeenPacket& seen, const SlotNames& names, api::WatchedPacket& shown) {
    shown.set_unix_ns(seen.unix_ns);
    shown.set_frame_bytes(seen.frame_bytes);
    shown.set_verdict(name_of(seen.verdict));
    shown.set_reason(std::string(info(seen.reason).name));
    if (seen.addressed) {
        shown.set_client(address_of(seen.client).to_string());
        shown.set_client_port(seen.client_port.host());
        shown.set_address(address_of(seen.address).to_string());
        shown.set_port(seen.port.host());
        shown.set_ip_protocol(seen.ip_protocol);
        shown.set_tcp_flags(seen.tcp_flags);
    }
    if (const SlotNames::Service* service = names.service(seen.service.generation)) {
        shown.set_service_address(service->endpoint.address.to_string());
        shown.set_service_port(service->endpoint.port);
        shown.set_service_protocol(static_cast<api::Protocol>(service->protocol));
    }
    if (const SlotNames::Server* server = names.server(seen.destination))
        shown.set_server(server->config.endpoint.address.to_string());
}

}  // namespace

Result<WatchQuestion> load_watch_request(const api::WatchRequest& request) {
    WatchQuestion question;
    const api::WatchFilter& filter = request.filter();
    Result<FlowsQuestion> flow = load_flows_request(filter.flow());
    if (!flow)
        return tl::unexpected(flow.error());
    question.flow = std::move(*flow);
    if (filter.ip_protocol() > 255)
        return fail("the protocol {} is not between 0 and 255", filter.ip_protocol());
    question.filter.ip_protocol = static_cast<std::uint8_t>(filter.ip_protocol());
    if (!filter.reason().empty()) {
        const auto* found = std::ranges::find(reason_infos, filter.reason(), &ReasonInfo::name);
        if (found == std::end(reason_infos))
            return fail("no reason is called {}; `headgate status --json` lists them",
                        filter.reason());
        question.filter.reason = static_cast<Reason>(found - std::begin(reason_infos));
    }
    if (!filter.verdict().empty()) {
        for (const Verdict verdict : {Verdict::transmit, Verdict::kernel, Verdict::drop}) {
            if (filter.verdict() == name_of(verdict))
                question.filter.verdict = verdict;
        }
        if (!question.filter.verdict)
            return fail("{} is none of the verdicts transmit, kernel and drop", filter.verdict());
    }
    question.bytes_max = std::min(request.bytes_max(), frame_bytes_max);
    return question;
}

InterfaceWatch::InterfaceWatch(std::string interface, const Snapshot& snapshot,
                               const WatchQuestion& question, const FlowFilter& flow,
                               std::size_t workers)
    : interface_(std::move(interface)) {
    learn(snapshot);
    PacketFilter filter = question.filter;
    filter.flow = flow;
    for (std::size_t worker = 0; worker < workers; ++worker)
        watches_.push_back(std::make_unique<PacketWatch>(filter, question.bytes_max, ring_bytes));
}

void InterfaceWatch::collect(api::Watched& watched, std::size_t& bytes) {
    // What a message needs beside the frame.
    constexpr std::size_t packet_bytes = 256;
    for (std::size_t worker = 0; worker < watches_.size(); ++worker) {
        PacketWatch& watch = *watches_[worker];
        const auto take = [&](const SeenPacket& seen, std::span<const std::uint8_t> frame) {
            api::WatchedPacket& shown = *watched.add_packets();
            shown.set_interface(interface_);
            shown.set_worker(static_cast<std::uint32_t>(worker));
            shown.set_frame(frame.data(), frame.size());
            fill_packet(seen, names_, shown);
            bytes -= std::min(bytes, packet_bytes + frame.size());
        };
        while (bytes > 0 && watch.take(take)) {
        }
        watched.set_missed(watched.missed() + watch.missed());
    }
}

class Watches::Begin final : public Inquiry {
public:
    Begin(Watches& watches, WatchQuestion question)
        : watches_(watches), question_(std::move(question)) {}

    std::vector<CoreQuestion*> begin(const Attachment& attachment) override {
        is_attached_ = true;
        const auto flow = flow_filter(attachment.latest(), question_.flow);
        if (!flow)
            return {};
        InterfaceWatch& interface = *watches_.interfaces_.emplace_back(
            std::make_unique<InterfaceWatch>(attachment.interface(), attachment.latest(), question_,
                                             *flow, attachment.workers()));
        std::vector<CoreQuestion*> questions;
        for (const auto& watch : interface.watches()) {
            orders_.push_back(std::make_unique<SetWatch>(watch.get()));
            questions.push_back(orders_.back().get());
        }
        return questions;
    }

    void report(api::DataplaneReply& reply) override {
        if (!watches_.interfaces_.empty()) {
            reply.mutable_watched()->set_watch(watches_.latest_);
            return;
        }
        watches_.is_watching_ = false;
        reply = is_attached_ ? refusal("the dataplane has no such service", api::NOT_FOUND)
                             : refusal("no interface is attached", api::CONFLICT);
    }

private:
    Watches& watches_;
    WatchQuestion question_;
    bool is_attached_ = false;
    std::vector<std::unique_ptr<SetWatch>> orders_;
};

class Watches::End final : public Inquiry {
public:
    explicit End(Watches& watches) : watches_(watches) {}

    std::vector<CoreQuestion*> begin(const Attachment& attachment) override {
        std::vector<CoreQuestion*> questions;
        for (std::size_t worker = 0; worker < attachment.workers(); ++worker) {
            orders_.push_back(std::make_unique<SetWatch>(nullptr));
            questions.push_back(orders_.back().get());
        }
        return questions;
    }

    void report(api::DataplaneReply& reply) override {
        *reply.mutable_watched() = watches_.collect();
        watches_.interfaces_.clear();
        watches_.is_watching_ = false;
        watches_.is_ending_ = false;
    }

private:
    Watches& watches_;
    std::vector<std::unique_ptr<SetWatch>> orders_;
};

void Watches::handle(const api::WatchRequest& request, Instant now, const Handler& handler) {
    if (request.watch() == 0)
        return begin(request, now, handler);
    if (!is_watching_ || is_ending_ || request.watch() != latest_)
        return handler(refusal("this watch has ended", api::CONFLICT));
    asked_ = now;
    if (request.end())
        return end(handler);
    api::DataplaneReply reply;
    *reply.mutable_watched() = collect();
    handler(reply);
}

void Watches::begin(const api::WatchRequest& request, Instant now, const Handler& handler) {
    if (is_watching_)
        return handler(refusal("somebody else is watching packets", api::CONFLICT));
    Result<WatchQuestion> question = load_watch_request(request);
    if (!question)
        return handler(refusal(question.error().message, api::ERROR_KIND_UNSPECIFIED));
    is_watching_ = true;
    asked_ = now;
    ++latest_;
    inquiries_.ask(std::make_unique<Begin>(*this, std::move(*question)), handler);
}

void Watches::end(const Handler& handler) {
    is_ending_ = true;
    inquiries_.ask(std::make_unique<End>(*this), handler);
}

void Watches::expire(Instant now) {
    if (is_watching_ && !is_ending_ && now - asked_ > silence_max)
        end([](const api::DataplaneReply&) {});
}

api::Watched Watches::collect() {
    api::Watched watched;
    watched.set_watch(latest_);
    for (const Attachment* attachment : attachments_()) {
        for (const auto& interface : interfaces_) {
            if (interface->interface() == attachment->interface())
                interface->learn(attachment->latest());
        }
    }
    std::size_t bytes = reply_bytes_max;
    for (const auto& interface : interfaces_)
        interface->collect(watched, bytes);
    // Each worker's are in order; together they are to be, too.
    std::ranges::stable_sort(*watched.mutable_packets(), {}, &api::WatchedPacket::unix_ns);
    return watched;
}

}  // namespace headgate::dataplane
