#include "dataplane/attachment.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <sys/random.h>

#include "common/check.h"
#include "common/log.h"
#include "dataplane/api_words.h"

namespace headgate::dataplane {

namespace {

// Clients that persistent services remember at once, of each interface.
constexpr std::uint32_t persistence_max = 1U << 18U;

// When this process is killed, a new one is there after a moment; one that has crashed again and
// again, after five seconds at most. Without a control plane the addresses of services go sooner.
constexpr std::chrono::seconds flows_go_on{10};
// Unless IPVS has their services. Not for long: it may have them then.
constexpr std::chrono::seconds others_wait{2};

HashSeed random_seed() {
    HashSeed seed;
    check(::getrandom(seed.words.data(), sizeof seed.words, 0) == sizeof seed.words,
          "the kernel gives random bytes");
    return seed;
}

// What has to reach the workers: services that are active and have somewhere to send to. A
// destination whose MAC address is not known at the moment counts: its connections are held (their
// packets dropped), not handed to a kernel that would reset them.
std::vector<SteeredService> steered_services(const ForwardingConfig& config) {
    std::vector<SteeredService> services;
    for (const ServiceConfig& service : config.services) {
        if (!service.active || service.destinations.empty())
            continue;
        services.push_back({service.endpoint, static_cast<std::uint8_t>(service.protocol)});
        services.push_back(steered_fragments(service.endpoint.address));
    }
    std::ranges::sort(services);
    const auto repeated = std::ranges::unique(services);
    services.erase(repeated.begin(), repeated.end());
    return services;
}

std::vector<SteeredService> difference(const std::vector<SteeredService>& left,
                                       const std::vector<SteeredService>& right) {
    std::vector<SteeredService> only_left;
    std::ranges::set_difference(left, right, std::back_inserter(only_left));
    return only_left;
}

}  // namespace

Result<std::unique_ptr<Attachment>> Attachment::open(const AttachmentOptions& options) {
    const std::uint32_t queues = receive_queues(options.interface);
    Result<std::unique_ptr<Steering>> steering =
        Steering::attach({options.interface, options.link.ifindex, queues, options.mode,
                          FlowCacheSize::for_flows(options.cached_flows), options.pins});
    if (!steering)
        return tl::unexpected(steering.error());
    const HashSeed seed = random_seed();
    std::unique_ptr<Attachment> attachment(
        new Attachment(options, queues, std::move(*steering), seed));
    for (std::uint32_t queue = 0; queue < queues; ++queue) {
        if (auto opened = attachment->open_queue(options, queue, seed); !opened)
            return tl::unexpected(opened.error());
    }
    if (queues > 1) {
        for (const auto& worker : attachment->workers_)
            worker->join(attachment->peers_);
    }
    return attachment;
}

Attachment::Attachment(const AttachmentOptions& options, std::uint32_t queues,
                       std::unique_ptr<Steering> steering, const HashSeed& seed)
    : interface_(options.interface),
      link_(options.link),
      queues_(queues),
      steering_(std::move(steering)),
      flow_destinations_({steering_->flow_destinations(), steering_->flow_controls(),
                          steering_->flow_names(), &steering_->inheritance(),
                          [this](std::uint32_t number, int ifindex) {
                              return steering_->set_egress(number, ifindex).has_value();
                          }}),
      persistence_(persistence_max, seed),
      publisher_(queues) {
    publisher_.restore(flow_destinations_.known(), flow_destinations_.generation_bound());
}

Attachment::~Attachment() {
    // All of them before the first goes: they look into each other's tables.
    for (const auto& worker : workers_)
        worker->stop();
}

Result<void> Attachment::open_queue(const AttachmentOptions& options, std::uint32_t queue,
                                    const HashSeed& seed) {
    AfxdpOptions port_options;
    port_options.interface = options.interface;
    port_options.ifindex = options.link.ifindex;
    port_options.queue = queue;
    port_options.frame_bytes_max = options.link.mtu + ethernet_bytes_max;
    port_options.generic = steering_->generic();
    port_options.returned_source = steering_->returned_source();
    port_options.reinjector = options.reinjector;
    port_options.opening_share = &steering_->opening_share(queue);
    Result<std::unique_ptr<AfxdpPort>> port = AfxdpPort::open(port_options);
    if (!port)
        return tl::unexpected(port.error());
    if (auto entered = steering_->set_socket(queue, (*port)->socket_fd()); !entered)
        return entered;
    // Queues of one interface get the same mode; the first speaks for all.
    if (queue == 0) {
        if ((*port)->zero_copy())
            mode_ = "zero-copy";
        else
            mode_ = steering_->generic() ? "generic copy" : "native copy";
        mode_reason_ = steering_->generic() ? steering_->generic_reason() : (*port)->copy_reason();
    }
    CoreOptions core;
    core.connections_max = options.connections_max;
    core.worker_index = queue;
    core.worker_count = queues_;
    core.seed = seed;
    core.flow_cache = steering_->flow_cache(queue);
    ports_.push_back(port->get());
    workers_.push_back(
        std::make_unique<Worker>(std::move(*port), publisher_.reader(queue), persistence_, core));
    return {};
}

Result<void> Attachment::apply(const ForwardingConfig& config) {
    std::vector<SteeredService> wanted = steered_services(config);
    // The order matters: publish before the program steers to a service, and stop steering before
    // the workers would find it gone. What stays is never touched.
    if (auto published = publisher_.publish(config); !published)
        return fail("{}: {}", interface_, published.error().message);
    flow_destinations_.follow(publisher_.latest());
    if (!is_live_)
        start_workers();
    Result<void> result = block_clients();
    std::vector<SteeredService> steered;
    std::ranges::set_intersection(steered_, wanted, std::back_inserter(steered));
    for (const SteeredService& service : difference(steered_, wanted)) {
        if (auto removed = steering_->remove_service(service); !removed) {
            steered.push_back(service);
            result = fail("{}: {}", interface_, removed.error().message);
        }
    }
    for (const SteeredService& service : difference(wanted, steered_)) {
        if (auto added = steering_->add_service(service); added)
            steered.push_back(service);
        else
            result = fail("{}: {}", interface_, added.error().message);
    }
    std::ranges::sort(steered);
    steered_ = std::move(steered);
    // Also when a service could not be entered: the others are.
    if (!std::exchange(is_live_, true)) {
        keep_alive(std::chrono::steady_clock::now());
        if (auto live = steering_->go_live(); !live)
            result = live;
    }
    return result;
}

// They know what they inherit before the first packet comes.
void Attachment::start_workers() {
    std::uint64_t adopted = 0;
    if (steering_->has_inherited()) {
        for (const auto& worker : workers_)
            adopted +=
                worker->adopt_cache(publisher_.latest(), tick_of(std::chrono::steady_clock::now()));
        log::info("{}: {} established flows of the process before go on", interface_, adopted);
    }
    for (std::uint32_t queue = 0; queue < queues_; ++queue)
        workers_[queue]->start(fmt::format("hg-{}-{}", queue, interface_));
}

// In the program, before they reach a worker, which would drop their packets, too.
Result<void> Attachment::block_clients() {
    const Snapshot& snapshot = publisher_.latest();
    if (snapshot.access_generation() == blocked_generation_)
        return {};
    blocked_generation_ = snapshot.access_generation();
    return steering_->block(snapshot.protection().access.get());
}

void Attachment::run_second(Instant now) {
    publisher_.reclaim();
    persistence_.expire(publisher_.latest(), tick_of(now));
    if (is_live_)
        keep_alive(now);
}

void Attachment::set_ipvs_stands_by(bool stands_by) {
    if (std::exchange(ipvs_stands_by_, stands_by) != stands_by && is_live_)
        keep_alive(std::chrono::steady_clock::now());
}

void Attachment::keep_alive(Instant now) {
    steering_->keep_alive(now + flows_go_on, ipvs_stands_by_ ? now : now + others_wait);
}

bool Attachment::outdated(const LinkInfo& link) const {
    return link.ifindex != link_.ifindex || link.mtu != link_.mtu ||
           receive_queues(interface_) != queues_;
}

AttachmentCounts Attachment::counts() const {
    AttachmentCounts sums;
    for (const AfxdpPort* port : ports_) {
        const PortCounters& counters = port->counters();
        sums.rx_packets += counters.rx_packets.get();
        sums.rx_bytes += counters.rx_bytes.get();
        sums.tx_packets += counters.tx_packets.get() + port->elsewhere().packets.get();
        sums.elsewhere_packets += port->elsewhere().packets.get();
        sums.egress_no_room += port->elsewhere().no_room.get();
        sums.egress_down += port->elsewhere().down.get();
        sums.egress_too_long += port->elsewhere().too_long.get();
        sums.egress_failed += port->elsewhere().failed.get();
        sums.tx_dropped += counters.tx_dropped.get();
        sums.kernel_packets += counters.kernel_packets.get();
        sums.kernel_over_limit += counters.kernel_over_limit.get();
        sums.kernel_failed += counters.kernel_failed.get();
        const SocketDrops drops = port->drops();
        sums.socket.rx_ring_full += drops.rx_ring_full;
        sums.socket.fill_ring_empty += drops.fill_ring_empty;
        sums.socket.rx_too_long += drops.rx_too_long;
    }
    sums.cached_packets = flow_destinations_.packets();
    sums.steering = steering_->counts();
    return sums;
}

void Attachment::ask(std::span<CoreQuestion* const> questions, int done) {
    for (std::size_t worker = 0; worker < questions.size(); ++worker)
        workers_[worker]->post(*questions[worker], done);
}

bool Attachment::steers(const WideAddress& address, std::uint16_t port, Protocol protocol) const {
    const IpAddress wanted = address_of(address);
    return std::ranges::any_of(steered_, [&](const SteeredService& service) {
        return service.endpoint.address == wanted &&
               service.protocol == static_cast<std::uint8_t>(protocol) &&
               (service.endpoint.port == port || service.endpoint.port == 0);
    });
}

ForwardingStats Attachment::forwarding_stats() const {
    std::vector<const Core*> cores;
    cores.reserve(workers_.size());
    for (const auto& worker : workers_)
        cores.push_back(&worker->core());
    ForwardingStats stats = collect_stats(publisher_.latest(), cores);
    flow_destinations_.add_to(stats, publisher_.latest());
    return stats;
}

}  // namespace headgate::dataplane
