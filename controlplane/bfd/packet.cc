#include "controlplane/bfd/packet.h"

#include "common/bytes.h"

namespace headgate::bfd {

namespace {

constexpr unsigned version = 1;

// The second byte, below the two bits of the state.
constexpr unsigned flag_poll = 0x20;
constexpr unsigned flag_final = 0x10;
constexpr unsigned flag_control_plane_independent = 0x08;
constexpr unsigned flag_authentication = 0x04;
constexpr unsigned flag_demand = 0x02;
constexpr unsigned flag_multipoint = 0x01;

}  // namespace

std::string_view name_of(State state) {
    static constexpr std::array<std::string_view, 4> names{"AdminDown", "Down", "Init", "Up"};
    return names[static_cast<std::size_t>(state)];
}

std::string_view describe(Diagnostic diagnostic) {
    static constexpr std::array<std::string_view, 9> sentences{
        HEADGATE_BFD_DIAGNOSTICS(HEADGATE_WORDS)};
    const auto index = static_cast<std::size_t>(diagnostic);
    return index < sentences.size() ? sentences[index] : "Unknown";
}

std::string_view name_of(PacketError error) {
    static constexpr std::array<std::string_view, num_packet_errors> names{
        HEADGATE_BFD_ERRORS(HEADGATE_NAME)};
    return names[static_cast<std::size_t>(error)];
}

std::string_view describe(PacketError error) {
    static constexpr std::array<std::string_view, num_packet_errors> sentences{
        HEADGATE_BFD_ERRORS(HEADGATE_WORDS)};
    return sentences[static_cast<std::size_t>(error)];
}

std::array<std::uint8_t, packet_bytes> encode(const ControlPacket& packet) {
    std::array<std::uint8_t, packet_bytes> bytes{};
    ByteWriter writer(bytes);
    writer.write(static_cast<std::uint8_t>(version << 5U |
                                           (static_cast<unsigned>(packet.diagnostic) & 0x1fU)));
    unsigned flags = static_cast<unsigned>(packet.state) << 6U;
    flags |= packet.poll ? flag_poll : 0U;
    flags |= packet.final ? flag_final : 0U;
    flags |= packet.control_plane_independent ? flag_control_plane_independent : 0U;
    flags |= packet.demand ? flag_demand : 0U;
    writer.write(static_cast<std::uint8_t>(flags));
    writer.write(packet.detect_multiplier);
    writer.write(static_cast<std::uint8_t>(packet_bytes));
    writer.write(packet.my_discriminator);
    writer.write(packet.your_discriminator);
    writer.write(packet.desired_min_tx.count());
    writer.write(packet.required_min_rx.count());
    writer.write(packet.required_min_echo_rx.count());
    return bytes;
}

tl::expected<ControlPacket, PacketError> decode(std::span<const std::uint8_t> bytes) {
    ByteReader reader(bytes);
    const unsigned version_and_diagnostic = reader.read<std::uint8_t>();
    const unsigned flags = reader.read<std::uint8_t>();
    ControlPacket packet;
    packet.detect_multiplier = reader.read<std::uint8_t>();
    const std::size_t length = reader.read<std::uint8_t>();
    packet.my_discriminator = reader.read<std::uint32_t>();
    packet.your_discriminator = reader.read<std::uint32_t>();
    packet.desired_min_tx = Microseconds(reader.read<std::uint32_t>());
    packet.required_min_rx = Microseconds(reader.read<std::uint32_t>());
    packet.required_min_echo_rx = Microseconds(reader.read<std::uint32_t>());
    packet.diagnostic = static_cast<Diagnostic>(version_and_diagnostic & 0x1fU);
    packet.state = static_cast<State>(flags >> 6U);
    packet.poll = (flags & flag_poll) != 0;
    packet.final = (flags & flag_final) != 0;
    packet.control_plane_independent = (flags & flag_control_plane_independent) != 0;
    packet.demand = (flags & flag_demand) != 0;

    if (reader.failed() || length < packet_bytes || length > bytes.size())
        return tl::unexpected(PacketError::length);
    if (version_and_diagnostic >> 5U != version)
        return tl::unexpected(PacketError::version);
    if (packet.detect_multiplier == 0)
        return tl::unexpected(PacketError::multiplier);
    if ((flags & flag_multipoint) != 0)
        return tl::unexpected(PacketError::multipoint);
    if ((flags & flag_authentication) != 0)
        return tl::unexpected(PacketError::authentication);
    if (packet.poll && packet.final)
        return tl::unexpected(PacketError::poll_and_final);
    // Who does not know our discriminator yet has heard nothing from us, so he cannot be further.
    const bool has_heard_us = packet.state == State::init || packet.state == State::up;
    if (packet.my_discriminator == 0 || (packet.your_discriminator == 0 && has_heard_us))
        return tl::unexpected(PacketError::discriminator);
    return packet;
}

}  // namespace headgate::bfd
