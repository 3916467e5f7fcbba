// The layers of a frame's text, each with its words and fields: the lower half of frame_text.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "tests/packets/packet_builder.h"

namespace headgate::packets {

struct Layer {
    std::string name;
    std::vector<std::string> words;                           // without "="
    std::vector<std::pair<std::string, std::string>> fields;  // key=value
};

// "name(word key=value ...)"
Result<Layer> layer_of(std::string_view text);

Result<std::uint32_t> number_of(std::string_view text);       // decimal, or 0x and hexadecimal
Result<std::uint8_t> tcp_flags_of(std::string_view letters);  // of FSRPAUEC, or -
Result<std::uint8_t> sctp_chunk_of(std::string_view word);    // a name of RFC 9260 or a number
Result<Bytes> bytes_of(std::string_view digits);              // hexadecimal, two per byte

// Reads the fields of a layer one by one; what nobody asked for is an error at the end.
class Fields {
public:
    explicit Fields(Layer layer) : layer_(std::move(layer)) {}

    // Calls `use` with the number of the field when the layer has it.
    template <typename Use>
    void number(std::string_view key, const Use& use) {
        if (const auto text = take(key)) {
            if (const auto value = number_of(*text))
                use(*value);
            else
                complain(value.error().message);
        }
    }
    std::optional<std::string> take(std::string_view key) {
        for (auto field = layer_.fields.begin(); field != layer_.fields.end(); ++field) {
            if (field->first != key)
                continue;
            std::string value = std::move(field->second);
            layer_.fields.erase(field);
            return value;
        }
        return std::nullopt;
    }
    bool flag(std::string_view word) {
        const auto found = std::ranges::find(layer_.words, word);
        if (found == layer_.words.end())
            return false;
        layer_.words.erase(found);
        return true;
    }
    // The next word without "=".
    std::string word() {
        if (layer_.words.empty()) {
            complain("a word is missing");
            return {};
        }
        std::string first = std::move(layer_.words.front());
        layer_.words.erase(layer_.words.begin());
        return first;
    }
    std::uint32_t word_number() {
        const auto value = number_of(word());
        if (!value)
            complain(value.error().message);
        return value.value_or(0);
    }
    void complain(std::string problem) {
        if (problem_.empty())
            problem_ = std::move(problem);
    }
    Result<void> done() {
        if (!layer_.words.empty())
            complain("'" + layer_.words.front() + "' means nothing here");
        if (!layer_.fields.empty())
            complain("'" + layer_.fields.front().first + "=' means nothing here");
        if (!problem_.empty())
            return fail("{}: {}", layer_.name, problem_);
        return {};
    }

private:
    Layer layer_;
    std::string problem_;
};

}  // namespace headgate::packets
