// packet_seeds DIRECTORY: writes every case of the corpus as a seed for the frame fuzzer: its
// frames, each behind its length in 16 bits, big-endian.
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "common/bytes.h"
#include "tests/packets/corpus.h"

namespace headgate::packets {
namespace {

void append(Bytes& seed, const Bytes& frame) {
    std::array<std::uint8_t, 2> length{};
    ByteWriter(length).write(static_cast<std::uint16_t>(frame.size()));
    seed.insert(seed.end(), length.begin(), length.end());
    seed.insert(seed.end(), frame.begin(), frame.end());
}

std::string file_name(std::string_view description) {
    std::string name;
    for (const char letter : description)
        name += (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') ? letter : '-';
    return name;
}

}  // namespace
}  // namespace headgate::packets

int main(int argc, char** argv) {
    using namespace headgate::packets;
    if (argc != 2) {
        std::cerr << "usage: packet_seeds DIRECTORY\n";
        return 2;
    }
    for (const PacketCase& item : corpus().cases) {
        Bytes seed;
        for (const Step& step : item.steps)
            append(seed, step.in);
        const auto path = std::filesystem::path(argv[1]) / file_name(item.description);
        std::ofstream file(path, std::ios::binary);
        file.write(reinterpret_cast<const char*>(seed.data()),
                   static_cast<std::streamsize>(seed.size()));
        if (!file.flush()) {
            std::cerr << "packet_seeds: cannot write " << path << '\n';
            return 1;
        }
    }
    return 0;
}
