// Goal: no sequence of datagrams, whoever sends them, breaks an invariant of a BFD session.
// Method: the input is a story: for each datagram two bytes about when and how it comes, one for
// its length, and its payload. The receive path is the real one, from the payload to the state
// machine; deadlines that pass in between are kept.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "common/check.h"
#include "common/log.h"
#include "controlplane/bfd/instance.h"

namespace {

using namespace headgate;
using namespace headgate::bfd;

constexpr std::uint32_t ours = 7;
constexpr unsigned from_neighbor = 0x01;
constexpr unsigned over_no_router = 0x02;
constexpr unsigned multihop = 0x04;
// The payload is a good packet for us, overwritten by what the input has.
constexpr unsigned is_good = 0x08;
// Deadlines that pass unnoticed: the machine must not count on being punctual.
constexpr unsigned is_late = 0x10;

config::BfdInstance configured() {
    config::BfdInstance config;
    config.name = "b1";
    config.neighbor = IpAddress::v4(Be32(0xc0000203));
    return config;
}

class Story {
public:
    Story() {
        instances.push_back(std::make_unique<Instance>(
            configured(), ours, random,
            [this](std::span<const std::uint8_t> packet) -> Result<void> {
                check(decode(packet).has_value(), "what we send can be read");
                ++num_sent;
                return {};
            },
            now));
    }

    void pass(Duration time, bool late) {
        const Instant end = now + time;
        for (int count = 0; count < 100 && !late; ++count) {
            const auto deadline = instance().deadline();
            if (!deadline || *deadline > end)
                break;
            now = std::max(now, *deadline);
            instance().on_deadline(now);
            verify();
        }
        now = end;
        if (late)
            instance().on_deadline(now);
    }

    void hear(const Arrival& arrival) {
        const std::uint64_t sent_before = num_sent;
        const State before = instance().session().state();
        dispatch(now, arrival, instances, errors);
        verify();
        check(num_sent - sent_before <= 1, "one packet is answered by one at most");
        if (instance().session().state() == State::up && before == State::down)
            check(instance().session().remote_state() == State::init,
                  "only Init leads from Down to Up");
    }

    void verify() {
        const Session& session = instance().session();
        const bool has_peer = session.state() == State::init || session.state() == State::up;
        check(!has_peer || session.deadline().has_value(), "silence will be noticed");
        check(!has_peer || session.remote_discriminator() != 0, "the peer is known");
        check(!has_peer || session.detection_time() > Duration::zero(), "there is a patience");
    }

    Instance& instance() { return *instances.front(); }

    Instant now{std::chrono::seconds(1)};
    Random random{1};
    std::vector<std::unique_ptr<Instance>> instances;
    PacketErrors errors{};
    std::uint64_t num_sent = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    spdlog::set_level(spdlog::level::off);
    Story story;
    ByteReader reader(std::span(data, size));
    while (reader.remaining() >= 3) {
        const unsigned how = reader.read<std::uint8_t>();
        const Duration pause = std::chrono::milliseconds(reader.read<std::uint8_t>());
        const std::size_t length = reader.read<std::uint8_t>() % 40;
        const auto bytes = reader.take(std::min(length, reader.remaining()));
        std::vector<std::uint8_t> payload;
        if ((how & is_good) != 0) {
            const auto good = encode({.detect_multiplier = 3,
                                      .my_discriminator = 9,
                                      .your_discriminator = ours,
                                      .desired_min_tx = Microseconds(10'000),
                                      .required_min_rx = Microseconds(10'000)});
            payload.assign(good.begin(), good.end());
            std::copy_n(bytes.begin(), std::min(bytes.size(), payload.size()), payload.begin());
        } else {
            payload.assign(bytes.begin(), bytes.end());
        }
        story.pass(pause, (how & is_late) != 0);
        story.hear({.multihop = (how & multihop) != 0,
                    .source = IpAddress::v4(Be32(0xc0000203U + (1U - (how & from_neighbor)))),
                    .destination = IpAddress::v4(Be32(0xc0000202)),
                    .ttl = static_cast<std::uint8_t>((how & over_no_router) != 0 ? 255 : 254),
                    .payload = payload});
    }
    return 0;
}
