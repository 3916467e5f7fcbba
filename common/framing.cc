#include "common/framing.h"

#include <array>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"

namespace headgate {

namespace {

constexpr std::size_t length_bytes = 4;

std::span<const std::uint8_t> as_octets(std::span<const char> text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string encode_frame(const google::protobuf::MessageLite& message) {
    const std::size_t size = message.ByteSizeLong();
    check(size <= limits::message_bytes_max, "a message fits one frame");
    std::array<std::uint8_t, length_bytes> header{};
    ByteWriter(header).write(static_cast<std::uint32_t>(size));
    std::string frame(header.begin(), header.end());
    frame.reserve(length_bytes + size);
    check(message.AppendToString(&frame), "a message serialises");
    return frame;
}

void FrameDecoder::feed(std::span<const std::uint8_t> bytes) {
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void FrameDecoder::feed(std::span<const char> bytes) {
    feed(as_octets(bytes));
}

Result<std::optional<std::string>> FrameDecoder::next() {
    if (buffer_.size() < length_bytes)
        return std::nullopt;
    const std::size_t size = ByteReader(as_octets(buffer_)).read<std::uint32_t>();
    if (size > limits::message_bytes_max)
        return fail("the peer announced a message of {} bytes; at most {} are accepted", size,
                    limits::message_bytes_max);
    if (buffer_.size() - length_bytes < size)
        return std::nullopt;
    std::string body = buffer_.substr(length_bytes, size);
    buffer_.erase(0, length_bytes + size);
    return body;
}

}  // namespace headgate
