#include "tests/packets/layer_text.h"

#include <charconv>

namespace headgate::packets {

Result<std::uint32_t> number_of(std::string_view text) {
    const bool hex = text.starts_with("0x");
    const std::string_view digits = hex ? text.substr(2) : text;
    std::uint32_t value = 0;
    const char* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, value, hex ? 16 : 10);
    if (digits.empty() || error != std::errc{} || rest != end)
        return fail("'{}' is not a number", text);
    return value;
}

Result<Layer> layer_of(std::string_view text) {
    Layer layer;
    const std::size_t open = text.find('(');
    layer.name = text.substr(0, open);
    if (open == std::string_view::npos)
        return layer;
    if (!text.ends_with(')'))
        return fail("'{}' has no closing parenthesis", text);
    std::string_view rest = text.substr(open + 1, text.size() - open - 2);
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        const std::size_t equals = word.find('=');
        if (equals == std::string_view::npos)
            layer.words.emplace_back(word);
        else
            layer.fields.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return layer;
}

Result<std::uint8_t> tcp_flags_of(std::string_view letters) {
    constexpr std::string_view known = "FSRPAUEC";
    if (letters == "-")
        return std::uint8_t{0};
    unsigned flags = 0;
    for (const char letter : letters) {
        const std::size_t bit = known.find(letter);
        if (bit == std::string_view::npos)
            return fail("'{}' is not a TCP flag (those are {})", letter, known);
        flags |= 1U << bit;
    }
    return static_cast<std::uint8_t>(flags);
}

Result<std::uint8_t> sctp_chunk_of(std::string_view word) {
    // RFC 9260 3.2, by value.
    constexpr std::string_view names[] = {
        "data",  "init",     "init_ack",         "sack",  "heartbeat",   "",
        "abort", "shutdown", "shutdown_ack",     "error", "cookie_echo", "cookie_ack",
        "",      "",         "shutdown_complete"};
    const auto found = std::ranges::find(names, word);
    if (found != std::end(names))
        return static_cast<std::uint8_t>(found - std::begin(names));
    const auto number = number_of(word);
    if (!number)
        return tl::unexpected(number.error());
    return static_cast<std::uint8_t>(*number);
}

Result<Bytes> bytes_of(std::string_view digits) {
    Bytes bytes;
    for (std::size_t at = 0; at < digits.size(); at += 2) {
        const auto byte = number_of("0x" + std::string(digits.substr(at, 2)));
        if (!byte)
            return tl::unexpected(byte.error());
        bytes.push_back(static_cast<std::uint8_t>(*byte));
    }
    return bytes;
}

}  // namespace headgate::packets
