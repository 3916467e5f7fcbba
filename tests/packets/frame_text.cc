// Text to layers, layers to a PacketBuilder, from the outside in.
#include "tests/packets/frame_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tests/packets/layer_text.h"

namespace headgate::packets {
namespace {

constexpr std::uint16_t client_port = 40000;
// A real server's answers go the other way.
constexpr std::uint16_t port_tcp = 80;
constexpr std::uint16_t port_udp = 53;
constexpr std::uint16_t port_sctp = 2905;

void put16(Bytes& bytes, std::size_t at, std::uint32_t value) {
    ByteWriter(std::span(bytes).subspan(at)).write(static_cast<std::uint16_t>(value));
}

Bytes nops(std::size_t count) {
    return Bytes(count, 0x01);
}

// An options header of IPv6 with nothing but padding (RFC 8200 4.2).
Bytes padding_options(std::size_t bytes) {
    Bytes header(std::max<std::size_t>(bytes, 8));
    header[1] = static_cast<std::uint8_t>(header.size() / 8 - 1);
    header[2] = 1;
    header[3] = static_cast<std::uint8_t>(header.size() - 4);
    return header;
}

struct Ends {
    Endpoint source;
    Endpoint destination;
};

bool is_payload(std::string_view name) {
    return name == "data" || name == "hex" || name == "pad" || name == "cut";
}

bool is_tunnel(std::string_view name) {
    return name == "ipip" || name == "gre" || name == "gue";
}

bool is_transport(std::string_view name) {
    return is_tunnel(name) || name == "tcp" || name == "udp" || name == "sctp" || name == "icmp";
}

class Compiler {
public:
    Compiler(std::vector<Layer> layers, const Hosts& hosts)
        : layers_(std::move(layers)), hosts_(hosts) {}

    Result<Bytes> run() {
        const PacketBuilder builder = packet(0, false);
        if (!problem_.empty())
            return fail("{}", problem_);
        return builder.build();
    }

private:
    // What the layers from `first` on say. `quoted`: it is within an ICMP error and is a packet
    // that the real server has sent.
    PacketBuilder packet(std::size_t first, bool quoted) {
        std::size_t behind = first;
        bool is_v6 = false;
        for (; behind < layers_.size(); ++behind) {
            if (is_transport(layers_[behind].name) || is_payload(layers_[behind].name))
                break;
            is_v6 |= layers_[behind].name == "ip6";
        }
        Ends ends{{address_of("client", is_v6), 0}, {address_of("vip", is_v6), 0}};
        if (quoted)
            std::swap(ends.source, ends.destination);
        std::optional<std::uint32_t> ethertype;
        std::uint32_t protocol = 0;
        for (std::size_t at = first; at < behind; ++at) {
            for (const auto& [key, value] : layers_[at].fields) {
                if (key == "proto")
                    protocol = number_of(value).value_or(0);
                if (key == "type")
                    ethertype = number_of(value).value_or(0);
            }
        }
        PacketBuilder builder;
        if (behind < layers_.size() && is_transport(layers_[behind].name))
            builder = transport(behind++, ends, quoted);
        else
            builder = PacketBuilder::raw(static_cast<std::uint8_t>(protocol));
        payload(builder, behind);
        if (ethertype)
            builder.as_ethertype(static_cast<std::uint16_t>(*ethertype));
        builder.macs(mac_of("director"), mac_of("client"));
        for (std::size_t at = first; at < behind && !is_transport(layers_[at].name); ++at)
            lower(builder, layers_[at], ends);
        return builder.from(ends.source).to(ends.destination);
    }

    PacketBuilder transport(std::size_t at, Ends& ends, bool quoted) {
        Fields fields(layers_[at]);
        const std::string& name = layers_[at].name;
        PacketBuilder builder;
        if (name == "icmp")
            return icmp(fields, at);
        if (is_tunnel(name))
            return tunnel(fields, name, at, ends);
        std::uint16_t service_port = port_tcp;
        if (name == "tcp") {
            const auto flags = tcp_flags_of(fields.word());
            if (!flags)
                fields.complain(flags.error().message);
            builder = PacketBuilder::tcp(flags.value_or(0));
            fields.number("options",
                          [&](std::uint32_t bytes) { builder.tcp_options(nops(bytes)); });
            fields.number("words", [&](std::uint32_t words) {
                builder.tcp_header_words(static_cast<std::uint8_t>(words));
            });
        } else if (name == "udp") {
            service_port = port_udp;
            builder = PacketBuilder::udp();
            fields.number("length", [&](std::uint32_t bytes) {
                builder.udp_length(static_cast<std::uint16_t>(bytes));
            });
        } else {
            service_port = port_sctp;
            const auto chunk = sctp_chunk_of(fields.word());
            if (!chunk)
                fields.complain(chunk.error().message);
            builder = PacketBuilder::sctp(chunk.value_or(0));
        }
        if (fields.flag("badsum"))
            builder.bad_l4_checksum();
        ends.source.port = quoted ? service_port : client_port;
        ends.destination.port = quoted ? client_port : service_port;
        fields.number("sport", [&](std::uint32_t port) {
            ends.source.port = static_cast<std::uint16_t>(port);
        });
        fields.number("dport", [&](std::uint32_t port) {
            ends.destination.port = static_cast<std::uint16_t>(port);
        });
        finish(fields);
        return builder;
    }

    PacketBuilder icmp(Fields& fields, std::size_t at) {
        const auto type = static_cast<std::uint8_t>(fields.word_number());
        const auto code = static_cast<std::uint8_t>(fields.word_number());
        std::uint32_t word = 0;
        fields.number("word", [&](std::uint32_t value) { word = value; });
        Bytes quote;
        if (at + 1 < layers_.size() && !is_payload(layers_[at + 1].name)) {
            quote = packet(at + 1, true).build_packet();
            fields.number("quote", [&](std::uint32_t bytes) {
                quote.resize(std::min<std::size_t>(quote.size(), bytes));
            });
            use_up_behind(at);
        }
        PacketBuilder builder = PacketBuilder::icmp(type, code, word, std::move(quote));
        if (fields.flag("badsum"))
            builder.bad_l4_checksum();
        finish(fields);
        return builder;
    }

    // The packet within a packet has taken those layers; what pads or cuts the frame is left.
    void use_up_behind(std::size_t at) {
        std::size_t end = at + 1;
        while (end < layers_.size() && layers_[end].name != "pad" && layers_[end].name != "cut")
            ++end;
        layers_.erase(layers_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                      layers_.begin() + static_cast<std::ptrdiff_t>(end));
    }

    // RFC 2003, RFC 2784, draft-ietf-intarea-gue.
    PacketBuilder tunnel(Fields& fields, const std::string& name, std::size_t at, Ends& ends) {
        const Bytes inner = packet(at + 1, false).build_packet();
        use_up_behind(at);
        const bool is_v4 = !inner.empty() && inner[0] >> 4U == 4;
        const auto protocol = static_cast<std::uint8_t>(is_v4 ? 4 : 41);
        const bool csum = name != "ipip" && fields.flag("csum");
        std::uint32_t ports[] = {0, 6080};
        if (name == "gue") {
            fields.number("sport", [&](std::uint32_t port) { ports[0] = port; });
            fields.number("port", [&](std::uint32_t port) { ports[1] = port; });
        }
        Bytes header;
        if (name == "gre")
            header.resize(csum ? 8 : 4);
        else if (name == "gue")
            header = {0, protocol, 0, 0};
        Bytes body = header;
        body.insert(body.end(), inner.begin(), inner.end());
        if (name == "gre") {
            put16(body, 0, csum ? 0x8000 : 0);
            put16(body, 2, is_v4 ? 0x0800 : 0x86dd);
            if (csum)
                put16(body, 4, internet_checksum(body));
        }
        if (name == "gue" && csum) {
            finish(fields);
            ends.source.port = static_cast<std::uint16_t>(ports[0]);
            ends.destination.port = static_cast<std::uint16_t>(ports[1]);
            return PacketBuilder::udp().payload(std::move(body));
        }
        if (name == "gue") {
            body.insert(body.begin(), 8, 0);
            put16(body, 0, ports[0]);
            put16(body, 2, ports[1]);
            put16(body, 4, static_cast<std::uint32_t>(body.size()));
        }
        std::size_t first = 0;
        std::size_t bytes = body.size();
        fields.number("at", [&](std::uint32_t value) { first = value; });
        fields.number("bytes", [&](std::uint32_t value) { bytes = value; });
        finish(fields);
        if (first + bytes > body.size())
            bytes = body.size() - std::min(first, body.size());
        const auto from = body.begin() + static_cast<std::ptrdiff_t>(first);
        return PacketBuilder::raw(name == "ipip"  ? protocol
                                  : name == "gue" ? 17
                                                  : 47,
                                  Bytes(from, from + static_cast<std::ptrdiff_t>(bytes)));
    }

    void payload(PacketBuilder& builder, std::size_t at) {
        for (; at < layers_.size(); ++at) {
            Fields fields(layers_[at]);
            const std::string& name = layers_[at].name;
            if (name == "hex") {
                const auto bytes = bytes_of(fields.word());
                if (bytes)
                    builder.payload(*bytes);
                else
                    fields.complain(bytes.error().message);
            } else if (name == "data") {
                builder.payload(std::size_t{fields.word_number()});
            } else if (name == "pad") {
                builder.pad_to(fields.word_number());
            } else if (name == "cut") {
                builder.cut_to(fields.word_number());
            } else {
                fields.complain("this layer cannot follow a payload");
            }
            finish(fields);
        }
    }

    // A layer below the transport.
    void lower(PacketBuilder& builder, const Layer& layer, Ends& ends) {
        Fields fields(layer);
        fields.take("proto");
        if (layer.name == "eth")
            ethernet(builder, fields);
        else if (layer.name == "vlan")
            vlan(builder, fields);
        else if (layer.name == "ip")
            ipv4(builder, fields, ends);
        else if (layer.name == "ip6")
            ipv6(builder, fields, ends);
        else if (!extension(builder, fields, layer.name))
            fields.complain("there is no such layer");
        finish(fields);
    }

    void ethernet(PacketBuilder& builder, Fields& fields) {
        fields.take("type");
        const std::string destination = fields.take("dst").value_or("director");
        const std::string source = fields.take("src").value_or("client");
        builder.macs(mac_of(destination), mac_of(source));
    }

    static void vlan(PacketBuilder& builder, Fields& fields) {
        std::uint32_t tpid = 0x8100;
        fields.number("tpid", [&](std::uint32_t value) { tpid = value; });
        builder.vlan(static_cast<std::uint16_t>(tpid),
                     static_cast<std::uint16_t>(fields.word_number()));
    }

    void addresses(Fields& fields, Ends& ends, bool is_v6) {
        if (const auto name = fields.take("src"))
            ends.source.address = address_of(*name, is_v6);
        if (const auto name = fields.take("dst"))
            ends.destination.address = address_of(*name, is_v6);
    }

    void ipv4(PacketBuilder& builder, Fields& fields, Ends& ends) {
        addresses(fields, ends, false);
        const auto byte = [&](std::string_view key,
                              PacketBuilder& (PacketBuilder::*set)(std::uint8_t)) {
            fields.number(key, [&](std::uint32_t value) {
                (builder.*set)(static_cast<std::uint8_t>(value));
            });
        };
        byte("ttl", &PacketBuilder::ttl);
        byte("tos", &PacketBuilder::tos);
        byte("words", &PacketBuilder::ip_header_words);
        byte("version", &PacketBuilder::ip_version);
        fields.number("id", [&](std::uint32_t value) {
            builder.identification(static_cast<std::uint16_t>(value));
        });
        fields.number("length", [&](std::uint32_t bytes) {
            builder.ip_total_length(static_cast<std::uint16_t>(bytes));
        });
        fields.number("options", [&](std::uint32_t bytes) { builder.ip_options(nops(bytes)); });
        if (fields.flag("badsum"))
            builder.bad_ip_checksum();
        // RFC 791: three flags, and the offset in units of eight bytes.
        std::uint32_t fragment = 0;
        fields.number("offset", [&](std::uint32_t bytes) { fragment = bytes / 8; });
        fragment |= (fields.flag("reserved") ? 0x8000U : 0) | (fields.flag("df") ? 0x4000U : 0) |
                    (fields.flag("more") ? 0x2000U : 0);
        builder.fragment(static_cast<std::uint16_t>(fragment));
    }

    void ipv6(PacketBuilder& builder, Fields& fields, Ends& ends) {
        addresses(fields, ends, true);
        fields.number("hops",
                      [&](std::uint32_t hops) { builder.ttl(static_cast<std::uint8_t>(hops)); });
        fields.number("flow", [&](std::uint32_t value) { builder.flow_label(value); });
        fields.number("class",
                      [&](std::uint32_t value) { builder.tos(static_cast<std::uint8_t>(value)); });
        fields.number("version", [&](std::uint32_t value) {
            builder.ip_version(static_cast<std::uint8_t>(value));
        });
        fields.number("length", [&](std::uint32_t bytes) {
            builder.payload_length(static_cast<std::uint16_t>(bytes));
        });
    }

    // RFC 8200 4, RFC 4302 2.
    static bool extension(PacketBuilder& builder, Fields& fields, const std::string& name) {
        if (name == "hopopts") {
            builder.extension(0, padding_options(fields.word_number()));
        } else if (name == "dstopts") {
            builder.extension(60, padding_options(fields.word_number()));
        } else if (name == "routing") {
            Bytes header(8);
            fields.number("left", [&](std::uint32_t segments) {
                header[3] = static_cast<std::uint8_t>(segments);
            });
            builder.extension(43, header);
        } else if (name == "frag") {
            Bytes header(8);
            std::uint32_t field = 0;
            fields.number("offset", [&](std::uint32_t bytes) { field = bytes; });
            put16(header, 2, field | (fields.flag("more") ? 1U : 0));
            fields.number("id", [&](std::uint32_t value) {
                put16(header, 4, value >> 16U);
                put16(header, 6, value);
            });
            builder.extension(44, header);
        } else if (name == "ah") {
            Bytes header(fields.word_number());
            header[1] = static_cast<std::uint8_t>(header.size() / 4 - 2);
            builder.extension(51, header);
        } else {
            return false;
        }
        return true;
    }

    IpAddress address_of(const std::string& name, bool is_v6) {
        if (const auto found = hosts_.find(name); found != hosts_.end()) {
            const std::optional<IpAddress>& address = is_v6 ? found->second.v6 : found->second.v4;
            if (address)
                return *address;
        }
        const auto address = IpAddress::parse(name);
        if (!address || address->is_v4() == is_v6) {
            complain("'" + name + "' is neither a host with such an address nor an address");
            return {};
        }
        return *address;
    }

    MacAddress mac_of(const std::string& name) {
        if (const auto found = hosts_.find(name); found != hosts_.end() && found->second.mac)
            return *found->second.mac;
        const auto address = MacAddress::parse(name);
        if (!address)
            complain("'" + name + "' is neither a host with a MAC address nor one");
        return address.value_or(MacAddress{});
    }

    void finish(Fields& fields) {
        if (const auto done = fields.done(); !done)
            complain(done.error().message);
    }
    void complain(std::string problem) {
        if (problem_.empty())
            problem_ = std::move(problem);
    }

    std::vector<Layer> layers_;
    const Hosts& hosts_;
    std::string problem_;
};

}  // namespace

Result<Bytes> frame_of(std::string_view text, const Hosts& hosts) {
    std::vector<std::string> parts;
    boost::algorithm::split(parts, text, [](char letter) { return letter == '/'; });
    std::vector<Layer> layers;
    for (const std::string& part : parts) {
        auto layer = layer_of(boost::algorithm::trim_copy(part));
        if (!layer)
            return tl::unexpected(layer.error());
        layers.push_back(std::move(*layer));
    }
    return Compiler(std::move(layers), hosts).run();
}

}  // namespace headgate::packets
