// Goal: what is put into a message of the family IPVS is what is found in one: the attributes of a
// request and those of a list are the same ones. Bytes that the kernel would not send do no harm.
#include "controlplane/forwarding/ipvs/messages.h"

#include <random>

#include <gtest/gtest.h>
#include <linux/ip_vs.h>

#include "controlplane/netlink/generic.h"

namespace headgate::forwarding::ipvs {
namespace {

netlink::Message message_of(const Operation& operation) {
    netlink::Message message = netlink::new_request(0x20, 0);
    netlink::put_header(message.get(), genlmsghdr{.cmd = 1, .version = 1, .reserved = 0});
    put_operation(message.get(), operation);
    return message;
}

ServiceSettings sip_settings() {
    ServiceSettings settings;
    settings.scheduler = "mh";
    settings.one_packet = true;
    settings.sched_flag_2 = true;
    settings.sched_flag_3 = true;
    settings.persistent = true;
    settings.persistence_timeout_s = 77;
    settings.persistence_prefix_length = 23;
    settings.persistence_engine = "sip";
    return settings;
}

Operation operation(Operation::Kind kind, const ServiceKey& key) {
    return {.kind = kind, .service = key};
}

const ServiceKey udp4{.endpoint = {*IpAddress::parse("192.0.2.10"), 5060}, .protocol = 17};
const ServiceKey tcp6{.endpoint = {*IpAddress::parse("2001:db8::10"), 80}, .protocol = 6};

TEST(Messages, ServicesComeBackAsTheyWent) {
    const ServiceKey mark4{.endpoint = {IpAddress{}, 0}, .protocol = 0, .fwmark = 9};
    const ServiceKey mark6{.endpoint = {*IpAddress::parse("::"), 0}, .protocol = 0, .fwmark = 9};
    for (const ServiceKey& key : {udp4, tcp6, mark4, mark6}) {
        Operation add = operation(Operation::Kind::add_service, key);
        add.settings = sip_settings();
        const auto message = message_of(add);
        const auto listed = service_in(nlmsg_hdr(message.get()));
        ASSERT_TRUE(listed.has_value());
        EXPECT_EQ(listed->service.key, key);
        EXPECT_EQ(listed->service.settings, add.settings);
    }
}

TEST(Messages, PrefixLengthsAreMasksInIpv4) {
    for (const int length : {0, 1, 24, 31, 32}) {
        Operation add = operation(Operation::Kind::add_service, udp4);
        add.settings.scheduler = "rr";
        add.settings.persistence_prefix_length = static_cast<std::uint8_t>(length);
        const auto message = message_of(add);
        EXPECT_EQ(service_in(nlmsg_hdr(message.get()))->service.settings.persistence_prefix_length,
                  length);
    }
}

TEST(Messages, DestinationsComeBackAsTheyWent) {
    for (const char* address : {"10.0.0.11", "2001:db8::11"}) {
        Operation add = operation(Operation::Kind::add_destination, udp4);
        add.destination.endpoint = {*IpAddress::parse(address), 5061};
        add.destination.settings = {
            .method = Method::tun,
            .tunnel = {TunnelType::gue, 6080, TunnelChecksum::remote},
            .weight = 65535,
            .upper_threshold = 100,
            .lower_threshold = 50,
        };
        const auto message = message_of(add);
        const auto listed = destination_in(nlmsg_hdr(message.get()));
        ASSERT_TRUE(listed.has_value());
        EXPECT_EQ(listed->destination, add.destination);
    }
}

TEST(Messages, SyncDaemonsComeBackAsTheyWent) {
    for (const char* group : {"224.0.0.99", "ff02::99"}) {
        const SyncDaemon daemon{.role = SyncRole::master,
                                .interface = "eth1",
                                .id = 200,
                                .payload_max = 1400,
                                .group = *IpAddress::parse(group),
                                .port = 8849,
                                .ttl = 3};
        netlink::Message message = netlink::new_request(0x20, 0);
        netlink::put_header(message.get(), genlmsghdr{.cmd = 1, .version = 1, .reserved = 0});
        put_sync_daemon(message.get(), daemon);
        EXPECT_EQ(sync_daemon_in(nlmsg_hdr(message.get())), daemon);
    }
}

TEST(Messages, ADeletionNamesOnly) {
    Operation remove = operation(Operation::Kind::delete_destination, udp4);
    remove.destination.endpoint = {*IpAddress::parse("10.0.0.11"), 5060};
    remove.destination.settings.weight = 7;
    const auto message = message_of(remove);
    EXPECT_EQ(destination_in(nlmsg_hdr(message.get()))->destination.settings.weight, 0U);
}

TEST(Messages, CountersHave64Bits) {
    netlink::Message message = netlink::new_request(0x20, 0);
    netlink::put_header(message.get(), genlmsghdr{.cmd = 1, .version = 1, .reserved = 0});
    {
        const netlink::Nest service(message.get(), IPVS_CMD_ATTR_SERVICE);
        netlink::put_u16(message.get(), IPVS_SVC_ATTR_AF, AF_INET);
        const netlink::Nest counters(message.get(), IPVS_SVC_ATTR_STATS64);
        netlink::put_u64(message.get(), IPVS_STATS_ATTR_CONNS, 1ULL << 33U);
        netlink::put_u64(message.get(), IPVS_STATS_ATTR_INPKTS, 2ULL << 33U);
        netlink::put_u64(message.get(), IPVS_STATS_ATTR_INBYTES, 3ULL << 33U);
    }
    const auto listed = service_in(nlmsg_hdr(message.get()));
    ASSERT_TRUE(listed.has_value());
    EXPECT_EQ(listed->counters.connections, 1ULL << 33U);
    EXPECT_EQ(listed->counters.packets, 2ULL << 33U);
    EXPECT_EQ(listed->counters.bytes, 3ULL << 33U);
}

TEST(Messages, BrokenOnesDoNoHarm) {
    Operation add = operation(Operation::Kind::add_destination, tcp6);
    add.destination.endpoint = {*IpAddress::parse("2001:db8::11"), 80};
    add.settings = sip_settings();
    std::mt19937 random(1);
    for (int round = 0; round < 20000; ++round) {
        add.kind = round % 2 == 0 ? Operation::Kind::add_service : Operation::Kind::add_destination;
        const auto message = message_of(add);
        nlmsghdr* const header = nlmsg_hdr(message.get());
        auto* const bytes = static_cast<std::uint8_t*>(nlmsg_data(header));
        const auto size = static_cast<std::size_t>(nlmsg_datalen(header));
        for (int change = 0; change < 3; ++change)
            bytes[random() % size] = static_cast<std::uint8_t>(random());
        header->nlmsg_len -= static_cast<std::uint32_t>(random() % size);
        service_in(header);
        destination_in(header);
        timeouts_in(header);
        sync_daemon_in(header);
        info_in(header);
    }
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
