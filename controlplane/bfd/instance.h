// A bfd_instance at work: its session, what is accepted from its neighbor, its counters and its log
// lines (keepalived's). Packets leave through a function, so tests need no socket. Owned by the BFD
// thread; reads no clock but that of the wall, for the status.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "common/result.h"
#include "controlplane/bfd/session.h"
#include "controlplane/bfd/status.h"
#include "controlplane/config/model_bfd.h"

namespace headgate::bfd {

using PacketErrors = std::array<std::uint64_t, num_packet_errors>;

// A datagram, with what its headers said.
struct Arrival {
    bool multihop = false;  // by the port on which it came
    IpAddress source;
    IpAddress destination;
    std::optional<std::uint8_t> ttl;
    std::span<const std::uint8_t> payload;
};

[[nodiscard]] Parameters parameters_of(const config::BfdInstance& config);

class Instance {
public:
    using Send = std::function<Result<void>(std::span<const std::uint8_t>)>;

    // `random` outlives the instance; `send` must not block.
    Instance(config::BfdInstance config, std::uint32_t discriminator, Random& random, Send send,
             Instant now);

    // Same name, neighbor and everything else that a running session cannot change.
    [[nodiscard]] static bool same_session(const config::BfdInstance& left,
                                           const config::BfdInstance& right);
    // Requires: same_session() as before. The session stays up.
    void reconfigure(Instant now, config::BfdInstance config);

    // Whether a packet that names no session of ours is for this one.
    [[nodiscard]] bool expects(const Arrival& arrival) const;
    void on_packet(Instant now, const Arrival& arrival, const ControlPacket& packet);
    void on_deadline(Instant now);
    void stop(Instant now);

    [[nodiscard]] std::optional<Instant> deadline() const { return session_.deadline(); }
    [[nodiscard]] const config::BfdInstance& config() const { return config_; }
    [[nodiscard]] const Session& session() const { return session_; }
    [[nodiscard]] InstanceStatus status(Instant now) const;
    // Whether the state has changed since the last call.
    bool take_changed();
    // Something outside keeps it from working; one sentence, logged when it is new. Empty: nothing.
    void set_problem(std::string problem);

private:
    [[nodiscard]] std::optional<PacketError> refuse(const Arrival& arrival) const;
    void carry_out(Instant now, const Effects& effects);
    void send(const ControlPacket& packet);
    void log_transition() const;
    void log_detection_time(Duration before) const;

    config::BfdInstance config_;
    Session session_;
    Send send_;
    Instant since_;
    bool changed_ = true;
    std::string problem_;
    std::string send_error_;
    std::uint64_t num_sent_ = 0;
    std::uint64_t num_received_ = 0;
    std::uint64_t num_up_ = 0;
    PacketErrors errors_{};
};

// Decodes the datagram and gives it to the instance that it is for. Whatever cannot be blamed on
// one of them is counted in `errors`.
void dispatch(Instant now, const Arrival& arrival,
              std::span<const std::unique_ptr<Instance>> instances, PacketErrors& errors);

}  // namespace headgate::bfd
