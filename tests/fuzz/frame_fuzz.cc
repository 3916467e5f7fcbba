// Goal: no sequence of frames makes the core read or write outside of them, or break its promises.
// Input: frames, each behind its length in 16 bits, big-endian; they form bursts of up to 64 of the
// corpus's services, 20 seconds apart. Seeds: packet_seeds writes the packet corpus in this form.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/bytes.h"
#include "common/check.h"
#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/corpus.h"
#include "tests/packets/plain_agreement.h"
#include "tests/packets/unwrap.h"

namespace headgate::dataplane {
namespace {

constexpr Tick burst_interval = 20;
constexpr std::uint16_t gue_port = 6080;  // the corpus's
constexpr Tick longer_than_any_timeout = 2000;

// A frame in a block of exactly its length, behind the headroom that a port leaves, so that the
// address sanitizer knows both ends.
struct Block {
    explicit Block(std::span<const std::uint8_t> bytes)
        : before(bytes.begin(), bytes.end()),
          memory(new std::uint8_t[frame_headroom_bytes + bytes.size()]) {
        std::ranges::copy(bytes, memory.get() + frame_headroom_bytes);
    }
    [[nodiscard]] Frame frame() const {
        return {memory.get() + frame_headroom_bytes, static_cast<std::uint32_t>(before.size())};
    }
    std::vector<std::uint8_t> before;
    std::unique_ptr<std::uint8_t[]> memory;
};

// A frame that went into a tunnel starts elsewhere; the packet comes out of it one hop further.
void check_tunnelled(const Block& block, const Frame& out) {
    const packets::Bytes packet = packets::packet_after_hop(block.before);
    const packets::Unwrapped unwrapped = packets::unwrap({out.data, out.length}, gue_port);
    if (unwrapped.problem == "the outer packet is a fragment")
        return;  // whose parts the corpus knows
    check(unwrapped.problem.empty(), "the headers of a tunnel are right");
    check(unwrapped.packet == packet, "the packet comes out of the tunnel as it went in");
}

void check_frame(const Block& block, const Frame& out, Verdict verdict, Reason reason) {
    check(verdict == info(reason).verdict, "the verdict is the reason's");
    if (out.data != block.frame().data) {
        check(verdict == Verdict::transmit, "only what is sent goes into a tunnel");
        check_tunnelled(block, out);
        return;
    }
    std::vector<std::uint8_t> expected = block.before;
    if (verdict == Verdict::transmit)
        packets::take_hop(expected, out.data);
    const std::span after(out.data, block.before.size());
    check(std::ranges::equal(expected, after),
          "nothing but the MAC addresses and the hop of a forwarded frame changes");
}

class Target {
public:
    Target() : persistence_(64, {}), core_({.connections_max = 8, .seed = {}}, persistence_) {
        ForwardingConfig config = packets::corpus().config;
        config.services[0].persistence_timeout_s = 60;
        config.services[0].persistence_prefix_length = 24;
        // Few enough that an input meets them.
        config.protection.connection_rate = 8;
        config.protection.source_rate = 12;
        config.protection.fragment_rate = 4;
        config.protection.icmp_error_rate = 4;
        check(publisher_.publish(config).has_value(), "the corpus's configuration is right");
    }

    void run(std::span<const std::uint8_t> input) {
        forget();
        ByteReader reader(input);
        while (reader.remaining() >= sizeof(std::uint16_t)) {
            std::vector<Block> blocks;
            while (reader.remaining() >= sizeof(std::uint16_t) && blocks.size() < burst_max) {
                const std::size_t length = reader.read<std::uint16_t>();
                blocks.emplace_back(reader.take(std::min(length, reader.remaining())));
            }
            process(blocks);
            now_ += burst_interval;
            core_.expire(publisher_.latest(), now_);
        }
    }

private:
    // One core for all inputs, because its memory costs more than an input; empty for each.
    void forget() {
        now_ += longer_than_any_timeout;
        core_.expire(publisher_.latest(), now_);
        check(core_.flows() == 0, "every connection ends");
        for (std::uint32_t pass = 0; pass < PersistenceTable::sweep_period_s; ++pass)
            persistence_.expire(publisher_.latest(), now_);
        check(persistence_.size() == 0, "every binding ends");
    }

    void process(std::vector<Block>& blocks) {
        Burst burst;
        burst.count = static_cast<std::uint32_t>(blocks.size());
        burst.headroom = frame_headroom_bytes;
        const MacAddress& own = publisher_.latest().interface_mac(0);
        for (std::size_t index = 0; index < blocks.size(); ++index) {
            burst.frames[index] = blocks[index].frame();
            check(packets::read_plain(burst.frames[index], own).agrees,
                  "both parsers read a plain packet alike");
        }
        core_.process(publisher_.latest(), burst, now_);
        for (std::size_t index = 0; index < blocks.size(); ++index)
            check_frame(blocks[index], burst.frames[index], burst.verdicts[index],
                        burst.reasons[index]);
        for (const Frame& frame : core_.released()) {
            check(std::ranges::equal(own.bytes, std::span(frame.data, frame.length).subspan(6, 6)),
                  "what leaves beside the burst leaves from the interface");
        }
    }

    Publisher publisher_{1};
    PersistenceTable persistence_;
    Core core_;
    Tick now_ = 0;
};

}  // namespace
}  // namespace headgate::dataplane

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static headgate::dataplane::Target target;
    target.run({data, size});
    return 0;
}
