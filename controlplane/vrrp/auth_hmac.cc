#include "controlplane/vrrp/auth_hmac.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/check.h"
#include "controlplane/vrrp/digest.h"

namespace headgate::vrrp {

namespace {

constexpr std::size_t trailer_digest_bytes = 16;  // half of SHA-256
constexpr std::size_t vrrp_checksum_offset = 6;
constexpr std::uint8_t kind_sha256 = 1;

using TrailerDigest = std::array<std::uint8_t, trailer_digest_bytes>;

// RFC 1982.
bool is_after(std::uint64_t left, std::uint64_t right) {
    return static_cast<std::int64_t>(left - right) > 0;
}

std::uint64_t sequence_at(WallTime now) {
    const auto since_epoch = now.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count();
    const std::uint64_t fraction =
        (static_cast<std::uint64_t>(nanoseconds) << 16U) / std::nano::den;
    return static_cast<std::uint64_t>(seconds.count()) << 32U | fraction << 16U;
}

// Seconds by which the clock is ahead of the sequence.
std::int32_t age_of(std::uint64_t sequence, WallTime now) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(sequence_at(now) >> 32U) -
                                     static_cast<std::uint32_t>(sequence >> 32U));
}

bool is_outside(std::int32_t age, const config::AuthHmac& config) {
    return age > config.time_window.count() || age < -config.time_window.count();
}

// The message up to the digest, its checksum taken for zero: over IPv6 the kernel fills that in
// after us. The header before it keeps adverts of one router from being used for another.
std::optional<TrailerDigest> digest_of(std::span<const std::uint8_t> message,
                                       const HmacTrailer::Context& context,
                                       const config::AuthHmac::Key& key) {
    std::array<std::uint8_t, 20> header{};
    header[0] = context.source.is_v4() ? 4 : 6;
    header[1] = context.version;
    header[2] = context.vrid;
    std::ranges::copy(context.source.bytes(), header.begin() + 4);
    const TrailerDigest zero{};
    const auto full = hmac_sha256(
        key.secret,
        {header, message.first(vrrp_checksum_offset), std::span(zero).first(2),
         message.subspan(vrrp_checksum_offset + 2,
                         message.size() - trailer_digest_bytes - vrrp_checksum_offset - 2),
         zero});
    if (!full)
        return std::nullopt;
    TrailerDigest digest{};
    std::copy_n(full->begin(), digest.size(), digest.begin());
    return digest;
}

const config::AuthHmac::Key* find_key(const config::AuthHmac& config, std::uint8_t id) {
    const auto found = std::ranges::find(config.keys, id, &config::AuthHmac::Key::id);
    return found == config.keys.end() ? nullptr : &*found;
}

}  // namespace

bool HmacTrailer::sign(std::span<std::uint8_t> message, const Context& context,
                       const config::AuthHmac& config, WallTime now) {
    const config::AuthHmac::Key* const key = find_key(config, config.active_key);
    check(key != nullptr, "the active key is configured");
    check(message.size() >= vrrp_checksum_offset + 2 + hmac_trailer_bytes,
          "there is a message to sign");
    const std::uint64_t clock = sequence_at(now);
    std::uint64_t sequence = is_after(clock, sent_) ? clock : sent_ + 1;
    // The clock was put back by more than others tolerate: they have to be told the new time, and
    // forget what they have seen, too.
    if (config.bounded_by_time && -age_of(sequence, now) > config.time_window.count())
        sequence = clock;
    ByteWriter writer(message.last(hmac_trailer_bytes));
    writer.write(kind_sha256);
    writer.write(key->id);
    writer.write(std::uint16_t{0});
    writer.write(sequence);
    const auto digest = digest_of(message, context, *key);
    if (!digest)
        return false;
    writer.write(std::span<const std::uint8_t>(*digest));
    sent_ = sequence;
    return true;
}

std::optional<AdvertError> HmacTrailer::verify(std::span<const std::uint8_t> message,
                                               const Context& context,
                                               const config::AuthHmac& config, WallTime now,
                                               std::size_t senders_max) {
    if (message.size() < vrrp_checksum_offset + 2 + hmac_trailer_bytes)
        return AdvertError::length;
    ByteReader reader(message.last(hmac_trailer_bytes));
    const auto kind = reader.read<std::uint8_t>();
    const auto id = reader.read<std::uint8_t>();
    const auto reserved = reader.read<std::uint16_t>();
    const auto sequence = reader.read<std::uint64_t>();
    const auto theirs = reader.take(trailer_digest_bytes);
    if (kind != kind_sha256 || reserved != 0)
        return AdvertError::hmac_malformed;
    // Before the digest, so that a flood of old packets costs little. Nothing is believed yet.
    if (config.bounded_by_time && is_outside(age_of(sequence, now), config))
        return AdvertError::hmac_stale;
    const config::AuthHmac::Key* const key = find_key(config, id);
    if (key == nullptr)
        return AdvertError::hmac_unknown_key;
    const auto ours = digest_of(message, context, *key);
    if (!ours || !equal_constant_time(theirs, *ours))
        return AdvertError::hmac_wrong;
    if (!is_new(context.source, sequence, config, now, senders_max))
        return AdvertError::hmac_replay;
    return std::nullopt;
}

// Only for sequences whose digest is right, so that nobody can crowd the senders out.
bool HmacTrailer::is_new(const IpAddress& source, std::uint64_t sequence,
                         const config::AuthHmac& config, WallTime now, std::size_t senders_max) {
    const auto known = std::ranges::find(senders_, source, &Sender::address);
    if (known != senders_.end()) {
        // A mark outside the window keeps out nothing but a sender whose clock was put right.
        const bool expired =
            config.bounded_by_time && is_outside(age_of(known->sequence, now), config);
        if (!expired && !is_after(sequence, known->sequence))
            return false;
        senders_.erase(known);
    } else if (senders_.size() >= senders_max) {
        senders_.erase(senders_.begin());
    }
    senders_.push_back({.address = source, .sequence = sequence});
    return true;
}

}  // namespace headgate::vrrp
