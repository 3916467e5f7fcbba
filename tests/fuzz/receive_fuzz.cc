// Goal: no sequence of packets and time brings an instance into a state that it must not be in.
// Method: an input is a script for one instance over a fake link, from the raw bytes of a socket to
// the state machine and its addresses: packets as they are, packets with a right checksum, time,
// the link going down and up, a step down. After each step: the VIPs are in the kernel exactly
// while it is MASTER; it waits for a time that is ahead and not too far; only a MASTER sends
// adverts, but for its resignation, and few of them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "common/check.h"
#include "common/log.h"
#include "controlplane/vrrp/instance.h"

namespace {

using namespace headgate;
using namespace headgate::vrrp;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int deadlines_per_step_max = 64;
constexpr int adverts_per_event_max = 2;
// Three of the longest intervals that version 3 can express, and a skew of one.
constexpr Duration wait_max = 4 * milliseconds(40'950);
constexpr seconds hold(300);

class FakeLink final : public Link {
public:
    Result<void> send(const OutgoingAdvert& advert) override {
        const auto envelope = open_ipv4(advert.bytes);
        check(envelope && envelope->payload.size() >= 8, "what is sent is an advert");
        const std::uint8_t priority = envelope->payload[2];
        check(priority == 0 || was_master || instance->state() == State::master,
              "only a MASTER sends adverts");
        check(++num_sent <= adverts_per_event_max, "an event causes few adverts");
        return {};
    }
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override { return {}; }
    Result<void> install(const config::VirtualAddress& vip, seconds) override {
        kernel.insert(vip.prefix);
        return {};
    }
    Result<void> withdraw(const config::VirtualAddress& vip) override {
        kernel.erase(vip.prefix);
        return {};
    }
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override {
        return kernel.contains(vip.prefix);
    }
    Result<void> announce(const config::VirtualAddress&) override {
        check(instance->state() == State::master, "only a MASTER announces");
        return {};
    }
    [[nodiscard]] std::string_view base_of(std::string_view) const override { return {}; }

    std::set<Prefix> kernel;
    int num_sent = 0;
    bool was_master = false;  // before this event: higher_prio_send_advert has the last word
    const Instance* instance = nullptr;
};

config::VrrpInstance configuration(std::uint8_t kind) {
    config::VrrpInstance config;
    config.name = "VI";
    config.interface = "eth0";
    config.vrid = 51;
    config.version = (kind & 1U) != 0 ? 3 : 2;
    config.preempt = (kind & 2U) == 0;
    config.initial_state =
        (kind & 4U) != 0 ? config::VrrpInitialState::master : config::VrrpInitialState::backup;
    config.priority = (kind & 8U) != 0 ? config::owner_priority : 100;
    if ((kind & 16U) != 0)
        config.election.preempt_delay = seconds(5);
    config.election.higher_prio_send_advert = (kind & 32U) != 0;
    config.election.lower_prio_no_advert = (kind & 64U) != 0;
    config.virtual_addresses.push_back(
        {.prefix = *Prefix::parse("192.0.2.10/32"), .interface = "eth0"});
    return config;
}

class Stage {
public:
    explicit Stage(std::uint8_t kind)
        : config_(configuration(kind)), instance_(config_, link_, announcements_) {
        link_.instance = &instance_;
        instance_.start(now_, up_);
        judge();
    }
    ~Stage() { instance_.stop(now_); }
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    void step(std::uint8_t operation, std::span<const std::uint8_t> bytes) {
        switch (operation % 6) {
            case 0:
                packet(bytes);
                break;
            case 1:
                advert(bytes);
                break;
            case 2:
                pass(milliseconds(bytes.empty() ? 1000 : 20 * bytes[0]));
                break;
            case 3:
                instance_.on_link(now_, {.source = std::nullopt, .problem = "eth0 down"});
                break;
            case 4:
                instance_.on_link(now_, up_);
                break;
            default:
                instance_.yield(now_, now_ + hold, {});
                break;
        }
        judge();
    }

private:
    // As it came from the socket.
    void packet(std::span<const std::uint8_t> bytes) {
        const auto envelope = open_ipv4(bytes);
        if (envelope && vrid_of(*envelope) == config_.vrid)
            instance_.on_packet(now_, *envelope);
    }
    // One that a router could send: last byte of its address, priority, interval in 10 ms.
    void advert(std::span<const std::uint8_t> bytes) {
        if (bytes.size() < 3)
            return;
        VirtualRouter router = virtual_router(config_);
        if (router.version == 3)
            router.advert_interval = milliseconds(10) * (1 + 16 * bytes[2]);
        AdvertCodec codec(router);
        const auto sent = codec.encode(IpAddress::v4(Be32(0x0a000000U + bytes[0])),
                                       codec.destinations().front(), bytes[1], link_.wall_now());
        packet(*sent);
    }
    void pass(Duration time) {
        const Instant end = now_ + time;
        for (int count = 0; count < deadlines_per_step_max; ++count) {
            const auto due = earliest({instance_.deadline(), announcements_.deadline()});
            if (!due || *due > end)
                break;
            now_ = std::max(now_, *due);
            instance_.on_deadline(now_);
            announcements_.run(now_);
            judge();
        }
        now_ = end;
    }
    void judge() {
        link_.num_sent = 0;
        const State state = instance_.state();
        link_.was_master = state == State::master;
        check(link_.kernel.size() == (state == State::master ? 1U : 0U),
              "the VIP is there exactly while it is MASTER");
        if (state != State::master && state != State::backup)
            return;
        check(instance_.deadline() && *instance_.deadline() <= now_ + wait_max + hold,
              "it waits for a time that comes");
    }

    Instant now_{seconds(1000)};
    const LinkState up_{.source = IpAddress::v4(Be32(0x0a000001U)), .problem = ""};
    config::VrrpInstance config_;
    FakeLink link_;
    AnnounceQueue announcements_;
    Instance instance_;
};

}  // namespace

// The first byte is the kind of instance; then steps: operation, length, bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Every transition is a line.
    spdlog::set_level(spdlog::level::off);
    std::span<const std::uint8_t> input(data, size);
    if (input.empty())
        return 0;
    Stage stage(input.front());
    input = input.subspan(1);
    while (input.size() >= 2) {
        const std::uint8_t operation = input[0];
        const std::size_t length = std::min<std::size_t>(input[1], input.size() - 2);
        stage.step(operation, input.subspan(2, length));
        input = input.subspan(2 + length);
    }
    return 0;
}
