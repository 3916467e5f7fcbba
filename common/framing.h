// How protobuf messages travel on our Unix sockets: a 32-bit big-endian length, then the message.
// Pure: bytes in, messages out; the sockets belong to the callers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <google/protobuf/message_lite.h>

#include "common/result.h"

namespace headgate {

// The frame of a message. Requires: it serialises to at most limits::message_bytes_max bytes.
std::string encode_frame(const google::protobuf::MessageLite& message);

// Collects the bytes of one peer and cuts them into frames. Once feed() or next() has failed the
// stream cannot be trusted any more: close the connection.
class FrameDecoder {
public:
    void feed(std::span<const std::uint8_t> bytes);
    void feed(std::span<const char> bytes);

    // The body of the next complete frame, or nullopt when more bytes are needed.
    // Fails when the peer announces a frame over limits::message_bytes_max.
    Result<std::optional<std::string>> next();

private:
    std::string buffer_;
};

// Parses a frame's body. Fails when it is not a Message.
template <typename Message>
Result<Message> decode_body(const std::string& body) {
    Message message;
    if (!message.ParseFromString(body))
        return fail("the peer sent {} bytes that are not a {}", body.size(), message.GetTypeName());
    return message;
}

}  // namespace headgate
