#include "controlplane/bfd/instance.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/log.h"

namespace headgate::bfd {

namespace {

using std::chrono::duration_cast;

void count(PacketErrors& errors, PacketError error) {
    ++errors[static_cast<std::size_t>(error)];
}

Microseconds microseconds(std::chrono::microseconds time) {
    return Microseconds(static_cast<Microseconds::rep>(time.count()));
}

std::int64_t milliseconds(Duration time) {
    return duration_cast<std::chrono::milliseconds>(time).count();
}

}  // namespace

Parameters parameters_of(const config::BfdInstance& config) {
    return {.min_tx = microseconds(config.min_tx),
            .min_rx = microseconds(config.min_rx),
            .idle_tx = microseconds(config.idle_tx),
            .detect_multiplier = config.multiplier,
            .passive = config.passive};
}

Instance::Instance(config::BfdInstance config, std::uint32_t discriminator, Random& random,
                   Send send, Instant now)
    : config_(std::move(config)),
      session_(parameters_of(config_), discriminator, random, now),
      send_(std::move(send)),
      since_(now) {}

bool Instance::same_session(const config::BfdInstance& left, const config::BfdInstance& right) {
    return left.name == right.name && left.neighbor == right.neighbor &&
           left.source == right.source && left.multihop == right.multihop;
}

void Instance::reconfigure(Instant now, config::BfdInstance config) {
    changed_ = changed_ || config.for_vrrp != config_.for_vrrp;
    config_ = std::move(config);
    carry_out(now, session_.reconfigure(now, parameters_of(config_)));
}

// ---- packets ------------------------------------------------------------------------------------

bool Instance::expects(const Arrival& arrival) const {
    return arrival.multihop == config_.multihop && arrival.source == config_.neighbor &&
           (!config_.source || arrival.destination == *config_.source);
}

std::optional<PacketError> Instance::refuse(const Arrival& arrival) const {
    if (!expects(arrival))
        return PacketError::source;
    // A packet whose TTL is unknown has not been proven to come from here.
    if (config_.ttl_min && arrival.ttl.value_or(0) < *config_.ttl_min)
        return PacketError::ttl;
    if (session_.state() == State::admin_down)
        return PacketError::admin_down;
    return std::nullopt;
}

void Instance::on_packet(Instant now, const Arrival& arrival, const ControlPacket& packet) {
    if (const auto error = refuse(arrival)) {
        count(errors_, *error);
        return;
    }
    ++num_received_;
    const Duration detection_time = session_.detection_time();
    carry_out(now, session_.on_packet(now, packet));
    log_detection_time(detection_time);
}

void Instance::on_deadline(Instant now) {
    const auto heard = session_.last_heard();
    const Duration detection_time = session_.detection_time();
    const Effects effects = session_.on_deadline(now);
    if (effects.transition && heard) {
        const Duration silence = now - *heard;
        log::warn("({}) Expired after {} ms ({} usec overdue)", config_.name, milliseconds(silence),
                  duration_cast<std::chrono::microseconds>(silence - detection_time).count());
    }
    carry_out(now, effects);
}

void Instance::stop(Instant now) {
    carry_out(now, session_.shut_down());
}

void Instance::carry_out(Instant now, const Effects& effects) {
    if (effects.transition) {
        since_ = now;
        changed_ = true;
        num_up_ += session_.state() == State::up ? 1 : 0;
    }
    // The peer first, then the log.
    if (effects.send)
        send(*effects.send);
    if (effects.transition)
        log_transition();
}

void Instance::send(const ControlPacket& packet) {
    const auto sent = send_(encode(packet));
    if (sent) {
        ++num_sent_;
        send_error_.clear();
    } else if (send_error_ != sent.error().message) {
        send_error_ = sent.error().message;
        log::error("({}) Error sending packet: {}", config_.name, send_error_);
    }
}

// ---- what people see ----------------------------------------------------------------------------

void Instance::log_transition() const {
    const std::string_view state = name_of(session_.state());
    if (session_.state() == State::down)
        log::warn("({}) Entering {} state (Local diagnostic - {}, Remote diagnostic - {})",
                  config_.name, state, describe(session_.diagnostic()),
                  describe(session_.remote_diagnostic()));
    else
        log::info("({}) Entering {} state", config_.name, state);
}

void Instance::log_detection_time(Duration before) const {
    const Duration now = session_.detection_time();
    if (now == before)
        return;
    using Us = std::chrono::microseconds;
    log::info("({}) Detection time is {} us (was {} us)", config_.name,
              duration_cast<Us>(now).count(), duration_cast<Us>(before).count());
}

void Instance::set_problem(std::string problem) {
    if (!problem.empty() && problem != problem_)
        log::error("({}) {}", config_.name, problem);
    problem_ = std::move(problem);
}

bool Instance::take_changed() {
    return std::exchange(changed_, false);
}

InstanceStatus Instance::status(Instant now) const {
    const auto wall_now = std::chrono::system_clock::now().time_since_epoch();
    InstanceStatus status;
    status.name = config_.name;
    status.neighbor = config_.neighbor;
    status.multihop = config_.multihop;
    status.state = session_.state();
    status.diagnostic = session_.diagnostic();
    status.remote_state = session_.remote_state();
    status.remote_diagnostic = session_.remote_diagnostic();
    status.since = since_;
    status.since_unix_ms = milliseconds(wall_now) - milliseconds(now - since_);
    status.discriminator = session_.discriminator();
    status.remote_discriminator = session_.remote_discriminator();
    status.tx_interval = session_.tx_interval();
    status.detection_time = session_.detection_time();
    status.packets_sent = num_sent_;
    status.packets_received = num_received_;
    status.became_up = num_up_;
    for (std::size_t index = 0; index < num_packet_errors; ++index)
        status.packet_errors.push_back({name_of(static_cast<PacketError>(index)), errors_[index]});
    status.warning = problem_.empty() ? send_error_ : problem_;
    if (const auto by_ttl = errors_[static_cast<std::size_t>(PacketError::ttl)];
        status.warning.empty() && by_ttl > 0 && session_.state() != State::up)
        status.warning = fmt::format("{} packets of the neighbor were refused: {}", by_ttl,
                                     describe(PacketError::ttl));
    status.for_vrrp = config_.for_vrrp;
    return status;
}

// ---- whom a packet is for -----------------------------------------------------------------------

void dispatch(Instant now, const Arrival& arrival,
              std::span<const std::unique_ptr<Instance>> instances, PacketErrors& errors) {
    const auto packet = decode(arrival.payload);
    if (!packet) {
        count(errors, packet.error());
        return;
    }
    // RFC 5880 6.8.6: by our discriminator, or by the addresses while the peer does not know it.
    const std::uint32_t wanted = packet->your_discriminator;
    const auto found = std::ranges::find_if(instances, [&](const auto& instance) {
        return wanted != 0 ? instance->session().discriminator() == wanted
                           : instance->expects(arrival);
    });
    if (found == instances.end())
        count(errors, PacketError::session);
    else
        (*found)->on_packet(now, arrival, *packet);
}

}  // namespace headgate::bfd
