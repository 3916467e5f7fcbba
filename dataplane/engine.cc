#include "dataplane/engine.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "common/api.pb.h"
#include "common/log.h"

namespace headgate::dataplane {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Link and route events come in storms; what they change is looked up at most this often.
constexpr milliseconds follow_up_interval{100};
// Attaching disturbs a network card (it sets up its rings anew), so one that refused is left alone
// for a while unless it changes.
constexpr seconds attach_retry_interval{10};
// How often the kernel is asked again to keep the neighbours resolved: what keeps them fresh before
// Linux 5.16, and brings back entries that somebody removed after it.
constexpr seconds request_interval{5};

// A BPF file system takes no dot, and the name of an interface has no colon.
std::string pin_name(std::string interface) {
    std::ranges::replace(interface, '.', ':');
    return interface;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(const EngineOptions& options,
                                              std::optional<Table> table, Instant now) {
    Result<std::unique_ptr<Netlink>> netlink = Netlink::open();
    if (!netlink)
        return tl::unexpected(netlink.error());
    Result<std::shared_ptr<const Reinjector>> reinjector = Reinjector::load();
    if (!reinjector)
        return tl::unexpected(reinjector.error());
    std::unique_ptr<Engine> engine(
        new Engine(options, std::move(*netlink), std::move(*reinjector)));
    engine->remove_old_pins();
    engine->check_interfaces(now);
    if (table) {
        if (auto applied = engine->apply(std::move(*table)); !applied)
            return tl::unexpected(applied.error());
    }
    engine->run_timers(now);
    return engine;
}

Engine::Engine(const EngineOptions& options, std::unique_ptr<Netlink> netlink,
               std::shared_ptr<const Reinjector> reinjector)
    : options_(options),
      netlink_(std::move(netlink)),
      reinjector_(std::move(reinjector)),
      inquiries_([this] { return attachments(); }),
      watches_(inquiries_, [this] { return attachments(); }) {
    for (const std::string& interface : options_.interfaces)
        served_.emplace_back().interface = interface;
}

Engine::~Engine() {
    // First the interfaces: no packet waits for the netlink conversation.
    if (!leaves_) {
        for (const Served& served : served_) {
            if (served.attachment)
                served.attachment->detach();
        }
    }
    served_.clear();
    if (!leaves_ && !options_.pins.empty()) {
        std::error_code error;
        std::filesystem::remove_all(options_.pins, error);
    }
    neighbours_.set_targets({});
    forget_neighbours();
}

Result<void> Engine::apply(Table table) {
    std::swap(table_, table);
    const bool had_table = std::exchange(has_table_, true);
    const bool was_expired = std::exchange(lease_expired_, false);
    if (auto used = use_table(); !used) {
        table_ = std::move(table);
        has_table_ = had_table;
        lease_expired_ = was_expired;
        if (auto restored = use_table(); !restored)
            log::error("{}", restored.error().message);
        return used;
    }
    forget_neighbours();
    request_neighbours();
    return {};
}

// Looks up what the table needs to know and publishes it.
Result<void> Engine::use_table() {
    neighbours_.set_targets(destination_addresses(table_));
    look_up_routes();
    read_neighbours();
    return publish();
}

void Engine::set_lease_expired(bool expired) {
    if (lease_expired_ == expired)
        return;
    lease_expired_ = expired;
    // Without a table none has been there yet.
    if (expired && !table_.services.empty())
        log::warn("the control plane has been gone for {} s: services on VRRP addresses stop",
                  table_.lease.count());
    publish_or_log();
}

bool Engine::any_active() const {
    return std::ranges::any_of(table_.services, [this](const TableService& service) {
        return service.config.active && !(lease_expired_ && service.vrrp_owned);
    });
}

void Engine::on_netlink() {
    const NetlinkEvents events = netlink_->read_events();
    links_changed_ |= events.links_changed || events.lost;
    routes_changed_ |= events.routes_changed || events.lost;
    bool changed = false;
    for (const NeighbourEntry& entry : events.neighbours) {
        changed |= neighbours_.set_entry(entry);
        // An administrator has taken it over: not ours to remove any more.
        if (entry.state == NeighbourEntry::State::fixed)
            std::erase(requested_, NeighbourTable::Request{entry.ifindex, entry.address});
    }
    if (changed)
        publish_or_log();
}

Instant Engine::run_timers(Instant now) {
    const bool pending = links_changed_ || routes_changed_;
    if (pending && now >= next_follow_up_) {
        next_follow_up_ = now + follow_up_interval;
        if (std::exchange(links_changed_, false))
            check_interfaces(now);
        // A link that comes up has routes again, and neighbours to be found.
        routes_changed_ = false;
        look_up_routes();
        read_neighbours();
        forget_neighbours();
        request_neighbours();
        publish_or_log();
    }
    if (now >= next_second_) {
        next_second_ = now + seconds(1);
        watches_.expire(now);
        for (Served& served : served_) {
            if (served.attachment)
                served.attachment->run_second(now);
            else
                links_changed_ = true;
        }
        // The kernel has no news for us of what a driver can do.
        if (look_up_interfaces())
            publish_or_log();
    }
    if (now >= next_request_) {
        next_request_ = now + request_interval;
        request_neighbours();
    }
    const Instant next = std::min(next_second_, next_request_);
    return links_changed_ || routes_changed_ ? std::min(next, next_follow_up_) : next;
}

std::filesystem::path Engine::pins_of(const std::string& interface) const {
    return options_.pins.empty() ? std::filesystem::path() : options_.pins / pin_name(interface);
}

// What another process has left on interfaces that are not served any more.
void Engine::remove_old_pins() const {
    if (options_.pins.empty())
        return;
    std::error_code error;
    std::vector<std::filesystem::path> old;
    for (std::filesystem::directory_iterator entry(options_.pins, error), end;
         !error && entry != end; entry.increment(error)) {
        const bool is_served = std::ranges::any_of(served_, [&](const Served& served) {
            return pin_name(served.interface) == entry->path().filename();
        });
        if (!is_served)
            old.push_back(entry->path());
    }
    std::ranges::for_each(old, Inheritance::remove);
}

void Engine::check_interfaces(Instant now) {
    for (Served& served : served_)
        check_interface(served, now);
}

void Engine::check_interface(Served& served, Instant now) {
    const Result<LinkInfo> link = netlink_->link(served.interface);
    if (!link) {
        if (served.attachment)
            served.attachment->detach();
        served.attachment.reset();
        served.refused = LinkInfo{};
        set_error(served, link.error());
        return;
    }
    if (served.attachment && served.attachment->outdated(*link)) {
        log::warn(
            "{} has changed (it was replaced, or its MTU or number of queues is another): "
            "attaching again; of its connections, those in the flow cache go on if they can",
            served.interface);
        served.attachment.reset();
    }
    if (served.attachment) {
        served.attachment->set_mac(link->mac);
        return;
    }
    if (*link == served.refused && now < served.retry_at)
        return;
    AttachmentOptions options;
    options.interface = served.interface;
    options.link = *link;
    options.mode = options_.mode;
    options.connections_max = options_.connections_max;
    options.cached_flows = options_.cached_flows;
    options.pins = pins_of(served.interface);
    options.reinjector = reinjector_;
    Result<std::unique_ptr<Attachment>> attachment = Attachment::open(options);
    if (!attachment) {
        served.refused = *link;
        served.retry_at = now + attach_retry_interval;
        set_error(served, attachment.error());
        return;
    }
    served.attachment = std::move(*attachment);
    served.error.clear();
    const std::string& reason = served.attachment->mode_reason();
    log::info("{}: attached, {}{}, {} worker(s)", served.interface, served.attachment->mode(),
              reason.empty() ? "" : " (" + reason + ")", served.attachment->workers());
}

// An interface is tried every second: only news is worth a line.
void Engine::set_error(Served& served, const Error& error) {
    if (served.error == error.message)
        return;
    served.error = error.message;
    log::error("{} is not served, and tried again until it is: {}", served.interface,
               error.message);
}

void Engine::look_up_routes() {
    for (const IpAddress& address : neighbours_.targets()) {
        if (const Result<RouteAnswer> route = netlink_->route_to(address); route)
            neighbours_.set_route(address, *route);
        else
            log::warn("{}", route.error().message);
    }
    look_up_interfaces();
}

// True when anything about them has changed.
bool Engine::look_up_interfaces() {
    std::map<int, RouteInterface> interfaces;
    for (const int ifindex : neighbours_.routed_interfaces()) {
        // One that has just gone takes its routes with it, and we come back.
        if (const Result<LinkInfo> link = netlink_->link(ifindex); link)
            interfaces[ifindex] = {ifindex,           link->name,
                                   link->mac,         link->mtu,
                                   link->is_ethernet, xdp_features_.takes_redirects(ifindex)};
    }
    return neighbours_.set_interfaces(std::move(interfaces));
}

void Engine::read_neighbours() {
    const Result<std::vector<NeighbourEntry>> entries = netlink_->neighbours();
    if (!entries) {
        log::warn("{}", entries.error().message);
        return;
    }
    for (const NeighbourEntry& entry : *entries)
        neighbours_.set_entry(entry);
}

void Engine::request_neighbours() {
    std::vector<NeighbourTable::Request> requested;
    for (const NeighbourTable::Request& request : neighbours_.wanted()) {
        // A link that is down refuses; its events bring us back.
        if (netlink_->request_neighbour(request.ifindex, request.address))
            requested.push_back(request);
    }
    std::ranges::sort(requested);
    requested_ = std::move(requested);
}

// Lets go of the entries that no destination needs any more.
void Engine::forget_neighbours() {
    const std::vector<NeighbourTable::Request> wanted = neighbours_.wanted();
    for (const NeighbourTable::Request& request : requested_) {
        if (std::ranges::find(wanted, request) != wanted.end())
            continue;
        if (auto forgotten = netlink_->forget_neighbour(request.ifindex, request.address);
            !forgotten)
            log::warn("{}", forgotten.error().message);
    }
}

std::vector<Attachment*> Engine::attachments() const {
    std::vector<Attachment*> attachments;
    for (const Served& served : served_) {
        if (served.attachment)
            attachments.push_back(served.attachment.get());
    }
    return attachments;
}

Result<void> Engine::publish() {
    // Until there is one, what was inherited from another process is not touched.
    if (!has_table_)
        return {};
    const HopLookup hops{[&](const IpAddress& address) { return neighbours_.direct(address); },
                         [&](const IpAddress& address) { return neighbours_.routed(address); }};
    for (const Served& served : served_) {
        if (!served.attachment)
            continue;
        const LinkInfo& link = served.attachment->link();
        const IngressInterface ingress{link.ifindex, link.mac, served.attachment->generic()};
        const ForwardingConfig config = forwarding_config(table_, lease_expired_, ingress, hops);
        served.attachment->set_ipvs_stands_by(table_.ipvs_stands_by);
        if (auto applied = served.attachment->apply(config); !applied)
            return applied;
    }
    return {};
}

void Engine::publish_or_log() {
    if (auto published = publish(); !published)
        log::error("{}", published.error().message);
}

}  // namespace headgate::dataplane
