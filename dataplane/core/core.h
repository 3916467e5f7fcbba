// Core: decides about every frame of a worker, and rewrites those it forwards.
//
// Worker-local: one per worker, used by its thread only (counters() and the flow counts may be read
// by any). It owns the worker's connection table and counters; it shares the persistence table with
// the other workers. Everything is allocated at construction; process() neither allocates nor locks
// nor calls the system, but for a short lock when a connection of a persistent service begins.
//
// Forwarding is direct routing: the destination MAC address becomes the real server's, the source
// MAC address the interface's, and the packet has come one hop further (TTL or hop limit, and the
// IPv4 checksum that covers it), as IPVS and every router do it: so a packet that two directors
// send to each other dies. Nothing else changes; VLAN tags stay. For a real server behind a tunnel
// the headers of tunnel.h take the place of the frame's (core_tunnel.cc). Frames that are not
// forwarded are left exactly as they came.
//
// A packet without a connection (core_admission.cc): of a blocked client it is dropped. One that
// opens a connection is scheduled, and gets an entry in the table. When its prefix has opened too
// many, it is dropped; when the worker has, the gate is shut, and it goes on without an entry.
//
// Without an entry a packet goes by the pick that can be repeated: to the real server that a
// persistent service has bound the client to, else by the Maglev (sh, mh, dh: their) table. From
// the moment that the gate shuts, until what it let pass last would have timed out, every new
// connection is placed by that pick, with an entry or without: so the repetition of a SYN, and the
// ACK that follows, come to the same server. As long, and after the table was full, a packet that
// opens nothing and belongs to no known connection is taken for one of a connection without an
// entry: it goes by that pick, too, and gets the entry then. At all other times it goes to the
// kernel, which refuses it. The pick changes for few clients when a real server comes or goes, and
// for one whose binding ends between two packets.
//
// The block list is not asked for packets of known connections: when another is published, each
// core goes through its table once, and ends the connections of those who are on it.
//
// A network card that begins to spread its packets in another way, or a veth, which does not care,
// brings a connection's packets to another worker. That one asks its peers for what it does not
// know and does not open a handshake, so many times a second, and knows the connection from then
// on, too.
//
// Fragments and ICMP errors are rare, and handled behind the others of their burst (core_rare.cc).
// Their queue is chosen by other fields than that of the connection, so the cores of an interface
// look into each other's connection tables for them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/core/connection_gate.h"
#include "dataplane/core/connection_table.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/flow_cache.h"
#include "dataplane/core/flow_scan.h"
#include "dataplane/core/fragment_table.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/icmp_answer.h"
#include "dataplane/core/load.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/packet_trace.h"
#include "dataplane/core/packet_watch.h"
#include "dataplane/core/persistence_table.h"
#include "dataplane/core/rewrite.h"
#include "dataplane/core/scheduler.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/source_limiter.h"
#include "dataplane/core/tick.h"
#include "dataplane/core/token_budget.h"

namespace headgate::dataplane {

struct CoreOptions {
    std::uint32_t connections_max = 1U << 20U;
    // Each worker starts its round robin at another destination.
    std::uint32_t worker_index = 0;
    std::uint32_t worker_count = 1;
    HashSeed seed;  // unpredictable: it keeps clients from choosing colliding connections
    FlowCacheMemory flow_cache{};  // outlives the core
};

class Core;

// The cores of one interface. Written before their workers run, but for the count.
struct CorePeers {
    std::vector<Core*> cores;
    // Connections that a fragment opened, of all of them. Only while there are any does a core that
    // knows no connection for a whole packet have to ask the others.
    std::atomic<std::uint32_t> opened_by_fragment{0};
};

class Core {
public:
    Core(const CoreOptions& options, PersistenceTable& persistence);

    // Before the worker runs. `peers` has this core, too, and outlives the worker's run.
    void know_peers(CorePeers& peers) { peers_ = &peers; }

    // Sets a verdict and a reason for each of the burst's frames.
    // Frames of an interface that the snapshot does not know go to the kernel.
    // Requires: burst.count <= burst_max.
    void process(const Snapshot& snapshot, Burst& burst, Tick now);

    // Frames beyond those of the last burst, to be transmitted: fragments that had waited for what
    // it brought, further fragments of what does not fit whole, and ICMP errors to its senders.
    // Valid until the next process().
    [[nodiscard]] std::span<const Frame> released() const {
        return std::span(released_).first(released_count_);
    }
    // For each of them the ifindex of the interface it leaves by; 0: that of the burst.
    [[nodiscard]] std::span<const int> released_egresses() const {
        return std::span(released_egresses_).first(released_count_);
    }

    // Ends connections whose time has come; a bounded piece of work. Call it once per loop, also
    // when no frames came.
    void expire(const Snapshot& snapshot, Tick now);

    // Answers the next piece of a question about the connections; a bounded piece of work. Call it
    // once per loop until it returns true: then the scan is complete, and to be finished.
    bool scan(const Snapshot& snapshot, FlowScan& scan, Tick now);

    // Ends connections of clients that are blocked now; a bounded piece of work. Call it once per
    // loop; true: there is more to do.
    bool enforce_access(const Snapshot& snapshot, Tick now);

    // Once a second: how busy the worker was in it, in thousandths of its time.
    void adapt(std::uint32_t busy_permille) { gate_.adapt(busy_permille); }

    // Before the worker runs: knows the connections that another process has left in the flow
    // cache, as far as the snapshot goes on with them; the others leave the cache. Their clients
    // are bound as by new connections, where their services are persistent. Returns how many
    // connections there are now: it takes milliseconds for a large cache, and about a microsecond
    // for each of them.
    std::uint64_t adopt_cache(const Snapshot& snapshot, Tick now);

    // What would become of a whole packet that came now; nothing changes. Of `packet` counts what
    // PacketTrace says.
    TraceSteps trace(const Snapshot& snapshot, const Packet& packet, Tick now);

    // Whom its worker shows every burst; nullptr: nobody.
    void set_watch(PacketWatch* watch);
    [[nodiscard]] PacketWatch* watch() const { return watch_; }
    // What it has decided about the last burst.
    [[nodiscard]] Fates fates() const;

    [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
    [[nodiscard]] const FlowCache& flow_cache() const { return flow_cache_; }
    [[nodiscard]] const ConnectionGate& gate() const { return gate_; }
    [[nodiscard]] std::uint64_t flows() const { return connections_.size(); }
    [[nodiscard]] std::uint64_t flow_capacity() const { return connections_.capacity(); }

private:
    // One frame on its way through the stages.
    struct Work {
        Packet packet;
        std::uint64_t ports = 0;  // ConnectionPorts::word()
        std::uint64_t hash = 0;
        Identity service;
        Identity destination;  // once it is decided
        ConnectionTable::Place place;
        Connection* candidate = nullptr;  // to be verified: the key may differ
        std::uint32_t frame = 0;          // index in the burst
        bool is_fragment = false;

        // Of `packet`, which is for `found`.
        void set_service(const Identity& found, const ConnectionTable& connections) {
            service = found;
            ports = connection_ports().word();
            hash = connections.hash(packet.client, ports);
        }
        [[nodiscard]] ConnectionPorts connection_ports() const {
            return {service.generation, packet.client_port, packet.port};
        }
        [[nodiscard]] ConnectionKey key() const { return {packet.client, connection_ports()}; }
        [[nodiscard]] bool is_of(const Connection& connection) const {
            return connection.word() == ports && connection.client == packet.client;
        }
    };
    // A frame that has left the hot loop.
    struct Cold {
        std::uint32_t frame = 0;
        Reason reason = Reason::none;
        Fate fate;      // as far as it is known
        Packet packet;  // of a fragment, ICMP, and what is answered
    };
    // Where a frame came in, and what may be done with its memory.
    struct Origin {
        std::uint32_t interface = 0;
        std::uint32_t headroom = 0;
    };

    // The stages, in this order, each over the whole burst.
    std::uint32_t service_stage(const Snapshot& snapshot, const Burst& burst);
    bool read_odd(const Snapshot& snapshot, const Burst& burst, Snapshot::Lookup& services,
                  Work& work);
    bool find_service(Snapshot::Lookup& services, Work& work);
    void candidate_stage(std::uint32_t count);
    void forward_stage(const Snapshot& snapshot, Burst& burst, std::uint32_t count, Tick now);
    void cold_stage(const Snapshot& snapshot, Burst& burst, Tick now);

    // Where a packet goes that changes nothing about its connection; nullptr: it is another, and
    // nothing is done.
    const DestinationEntry* follow(const Snapshot& snapshot, Work& work, Tick now);
    void forward_odd(const Snapshot& snapshot, Burst& burst, Work& work, bool followed, Tick now);
    // What becomes of any packet: Reason::none, and where it goes, or why it is not forwarded.
    Reason follow_or_begin(const Snapshot& snapshot, const Work& work, Tick now,
                           Identity& destination);
    Reason forward(const Snapshot& snapshot, const Origin& origin, Frame& frame,
                   const Packet& packet, const Identity& service, const Identity& destination);
    Reason send_through_tunnel(const Snapshot& snapshot, const Origin& origin, Frame& frame,
                               const Packet& packet, Slot destination);
    // By another interface (core_elsewhere.cc).
    Reason send_elsewhere(const Snapshot& snapshot, Frame& frame, const Packet& packet,
                          Slot destination);
    void cut_elsewhere(const Egress& egress, Frame& frame, std::uint32_t ip_bytes);
    static void leave_elsewhere(const Snapshot& snapshot, Burst& burst, std::uint32_t frame,
                                Slot destination);
    // 0: the interface that packets to this destination come in on.
    static int egress_of(const Snapshot& snapshot, Slot destination) {
        return snapshot.destination(destination).elsewhere() ? snapshot.egress(destination).ifindex
                                                             : 0;
    }
    // The longest packet to it that is not refused.
    static std::uint32_t mtu_towards(const Snapshot& snapshot, Slot destination) {
        return snapshot.destination(destination).tunnelled()
                   ? snapshot.tunnel(destination).refused_above
                   : snapshot.egress(destination).mtu;
    }
    void add_released(const Frame& frame, int egress) {
        released_[released_count_] = frame;
        released_egresses_[released_count_++] = egress;
    }
    Reason begin(const Snapshot& snapshot, const Work& work, Tick now, Identity& destination);
    Identity schedule(const Snapshot& snapshot, const Work& work, Tick now, bool stateless);
    bool make_room(const Snapshot& snapshot, const ServiceEntry& service, Tick now);
    // How a packet without a connection goes on.
    enum class Admission : std::uint8_t {
        scheduled,   // by the scheduler, with an entry
        repeatable,  // by the pick that needs none, with an entry
        deferred,    // by that pick, without
        limited,     // not at all
    };
    Admission admit(const Snapshot& snapshot, const Work& work, Access access, Tick now);
    bool take_source(const Snapshot& snapshot, const WideAddress& client, Tick now);
    static bool is_one_packet(const ServiceEntry& service, const Work& work) {
        return service.one_packet && work.packet.protocol == Protocol::udp;
    }
    // How many connections a client's prefix may open in a second; nothing: any number.
    struct SourceLimit {
        WideAddress prefix;
        std::uint32_t share = 0;
    };
    [[nodiscard]] std::optional<SourceLimit> source_limit(const Snapshot& snapshot,
                                                          const WideAddress& client) const;
    Window& repeatable(Protocol protocol) { return repeatable_[protocol == Protocol::udp ? 1 : 0]; }
    [[nodiscard]] const Window& repeatable(Protocol protocol) const {
        return repeatable_[protocol == Protocol::udp ? 1 : 0];
    }
    static PickKey pick_key(const Work& work, const ServiceEntry& service, bool stateless);
    Identity choose(const Snapshot& snapshot, const Work& work, bool stateless, Tick now,
                    std::optional<Identity>& bound);
    PersistenceTable::Bound bind(const Snapshot& snapshot, const Work& work,
                                 const std::optional<Identity>& seen, const Identity& wanted,
                                 Tick now);
    ConnectionIndex record(const Snapshot& snapshot, const Work& work,
                           const PersistenceTable::Bound& bound, ConnectionState state, Tick now);
    static ConnectionState first_state(const Work& work) {
        return work.packet.protocol == Protocol::udp ? ConnectionState::udp : ConnectionState::syn;
    }
    void count_connection(const Work& work, const Identity& destination);
    void change_state(const Snapshot& snapshot, const Work& work, ConnectionIndex index,
                      ConnectionState state, Tick now);
    void end(const Snapshot& snapshot, ConnectionIndex index, Tick now);
    // The flow cache (core_cache.cc).
    void offer_to_cache(const Snapshot& snapshot, const Work& work, Tick now);
    void enter_cache(const Snapshot& snapshot, const Work& work, Tick now);
    void leave_cache(Connection& connection, Tick now);
    bool adopt(const Snapshot& snapshot, CacheIndex index, const FlowCache::Found& found,
               Slot service, Tick now);
    void catch_up(const Snapshot& snapshot, Connection& connection, Tick now);
    [[nodiscard]] std::optional<Identity> ask_peers(const Snapshot& snapshot, const Work& work,
                                                    Tick now);
    // The packet may be of a connection of another worker. Takes from the budget for such
    // questions.
    bool may_have_moved(const Snapshot& snapshot, const Work& work, Tick now) {
        return can_have_moved(snapshot, work) && moved_budget_.take(moved_rate, now);
    }
    [[nodiscard]] bool can_have_moved(const Snapshot& snapshot, const Work& work) const {
        return peers_ != nullptr && !work.packet.opens_handshake() &&
               !is_one_packet(snapshot.service(work.service.slot), work);
    }
    void take_over(const Snapshot& snapshot, const Work& work, const Identity& destination,
                   Tick now);
    // Not counting `own` of this core's connections.
    [[nodiscard]] bool peers_may_know(std::uint32_t own = 0) const {
        return peers_ != nullptr &&
               peers_->opened_by_fragment.load(std::memory_order_relaxed) != own;
    }
    static Identity identity_of(const Snapshot& snapshot, Slot slot) {
        return {slot, snapshot.destination(slot).generation};
    }
    static bool keeps_client(const Snapshot& snapshot, const Identity& destination) {
        const DestinationEntry& entry = snapshot.destination(destination.slot);
        return entry.generation == destination.generation && entry.resolved && entry.keeps_clients;
    }
    static ConnectionCount load_of(ConnectionState state) {
        return state == ConnectionState::established ? ConnectionCount::one_active()
                                                     : ConnectionCount::one_inactive();
    }

    // The same without effect (core_trace.cc).
    Reason trace_connection(const Snapshot& snapshot, const Work& work, Tick now,
                            TraceSteps& steps);
    Reason trace_beginning(const Snapshot& snapshot, const Work& work, Tick now,
                           const Connection* ended, TraceSteps& steps);
    [[nodiscard]] Admission trace_admission(const Snapshot& snapshot, const Work& work,
                                            Access access, Tick now) const;
    Identity trace_choice(const Snapshot& snapshot, const Work& work, bool stateless, Tick now,
                          const Connection* ended, TraceSteps& steps);
    [[nodiscard]] std::optional<Identity> look_at_peers(const Work& work) const;

    // What is rare.
    Reason find_work(const Snapshot& snapshot, Work& work) const;
    Reason handle_fragment(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now);
    Reason handle_first_fragment(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now);
    void release(const Snapshot& snapshot, const FragmentKey& key, const FragmentFate& fate);
    Reason handle_icmp(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now);
    void answer(const Snapshot& snapshot, const Frame& frame, const Cold& cold, Reason reason,
                Tick now);
    static Reason check_destination(const Snapshot& snapshot, const Identity& destination);

    static PersistenceKey persistence_key(const Work& work, const ServiceEntry& service) {
        return {masked(work.packet.client, service.persistence_prefix_length),
                service.group == 0 ? work.service.generation : 0, service.group};
    }
    Cold& leave_hot_loop(std::uint32_t frame, Reason reason) {
        Cold& cold = cold_[cold_count_++];
        cold.frame = frame;
        cold.reason = reason;
        cold.fate = {};
        return cold;
    }

    // Packets in a second about which the peers are asked since their connection may have moved. A
    // question costs a few cache misses for each of them.
    static constexpr std::uint32_t moved_rate = 10'000;
    static constexpr std::size_t answers_max_of_burst = 8;
    static constexpr std::size_t pieces_max_of_burst = burst_max;
    // Nodes that one call of scan() or enforce_access() looks at, and connections that it ends:
    // tens of microseconds.
    static constexpr ConnectionIndex scan_nodes = 1024;
    static constexpr std::uint32_t scan_ends = 128;

    ConnectionTable connections_;
    FlowCache flow_cache_;
    PersistenceTable& persistence_;
    FragmentTable fragments_;
    CorePeers* peers_ = nullptr;
    WorkerCounters counters_;
    WorkerLoads loads_;
    ConnectionScheduler scheduler_;
    std::uint32_t worker_count_;
    ConnectionGate gate_;
    SourceLimiter sources_;
    // Meanwhile, segments without a connection may belong to one that has no entry.
    Window stateless_;
    // Meanwhile, connections are placed by the pick that can be repeated: TCP's and SCTP's, UDP's.
    std::array<Window, 2> repeatable_;
    std::uint64_t access_generation_ = 0;  // of the list that the table is held against,
    ConnectionIndex enforced_;             // as far as this node
    TokenBudget moved_budget_;
    TokenBudget fragment_budget_;
    TokenBudget early_fragment_budget_;
    TokenBudget icmp_error_budget_;
    PacketWatch* watch_ = nullptr;
    std::array<Work, burst_max> work_;
    std::uint32_t work_count_ = 0;  // those of the last burst that have a service
    std::array<Cold, burst_max> cold_;
    std::uint32_t cold_count_ = 0;
    static constexpr std::size_t released_max =
        FragmentTable::waiting_max + answers_max_of_burst + pieces_max_of_burst;
    std::array<Frame, released_max> released_;
    std::array<int, released_max> released_egresses_;
    std::size_t released_count_ = 0;
    std::vector<std::uint8_t> answers_;  // memory of ICMP errors
    std::size_t answers_count_ = 0;      // of this burst
    // Memory of fragments that are made here; untouched where nothing has to be cut.
    std::unique_ptr<std::uint8_t[]> pieces_;
    std::size_t pieces_count_ = 0;  // of this burst
    HashSeed flow_seed_;
    std::uint32_t tunnel_id_;  // of the next outer packet
    std::uint32_t tunnel_id_step_;
    TokenBudget answer_budget_;
};

// Here, for the loop over a burst must not pay for a call.
inline Reason Core::forward(const Snapshot& snapshot, const Origin& origin, Frame& frame,
                            const Packet& packet, const Identity& service,
                            const Identity& destination) {
    const DestinationEntry& entry = snapshot.destination(destination.slot);
    if (entry.tunnelled()) [[unlikely]] {
        const Reason reason =
            send_through_tunnel(snapshot, origin, frame, packet, destination.slot);
        if (reason != Reason::none)
            return reason;
    } else if (entry.elsewhere()) [[unlikely]] {
        const Reason reason = send_elsewhere(snapshot, frame, packet, destination.slot);
        if (reason != Reason::none)
            return reason;
    } else {
        rewrite(packet, frame.data, entry.mac, mac_word(snapshot.interface_mac(origin.interface)));
    }
    counters_.service(service.slot, service.generation).add_packets(1, packet.ip_bytes);
    counters_.destination(destination.slot, destination.generation).add_packets(1, packet.ip_bytes);
    return Reason::none;
}

}  // namespace headgate::dataplane
