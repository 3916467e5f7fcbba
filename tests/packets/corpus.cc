#include "tests/packets/corpus.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tests/packets/frame_text.h"

namespace headgate::packets {
namespace {

using dataplane::Event;
using dataplane::Reason;

constexpr std::string_view table_file = "table.txt";
constexpr std::uint32_t persistence_timeout_s = 360;

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
    Words words;
    boost::algorithm::split(words, boost::algorithm::trim_copy(std::string(text)),
                            boost::algorithm::is_any_of(" "), boost::algorithm::token_compress_on);
    return words;
}

std::optional<Reason> reason_of(std::string_view name) {
    const auto* found =
        std::ranges::find(dataplane::reason_infos, name, &dataplane::ReasonInfo::name);
    if (found == std::end(dataplane::reason_infos))
        return std::nullopt;
    return static_cast<Reason>(found - std::begin(dataplane::reason_infos));
}

std::optional<Event> event_of(std::string_view name) {
    const auto* found =
        std::ranges::find(dataplane::event_infos, name, &dataplane::EventInfo::name);
    if (found == std::end(dataplane::event_infos))
        return std::nullopt;
    return static_cast<Event>(found - std::begin(dataplane::event_infos));
}

std::uint32_t number_or_0(std::string_view text) {
    return static_cast<std::uint32_t>(std::strtoul(std::string(text).c_str(), nullptr, 10));
}

class Loader {
public:
    Corpus load(const std::filesystem::path& directory) {
        read(directory / table_file);
        const auto access = dataplane::AccessList::build(rules_);
        require(access.has_value(), access ? "" : access.error().message);
        corpus_.config.protection.access = std::make_shared<const dataplane::AccessList>(*access);
        corpus_.config.interface_macs = {mac_of("director")};
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (entry.path().extension() == ".txt" && entry.path().filename() != table_file)
                files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const auto& file : files)
            read(file);
        require(!corpus_.cases.empty(), "there is no case");
        return std::move(corpus_);
    }

private:
    void read(const std::filesystem::path& file) {
        std::ifstream stream(file);
        require(stream.good(), "cannot open " + file.string());
        std::string line;
        for (int number = 1; std::getline(stream, line); ++number) {
            place_ = file.filename().string() + ":" + std::to_string(number);
            const std::string text = boost::algorithm::trim_copy(line.substr(0, line.find('#')));
            if (!text.empty())
                read_line(text);
        }
    }

    void read_line(const std::string& text) {
        const Words words = words_of(text);
        if (words[0] == "host")
            read_host(words);
        else if (words[0] == "service")
            read_service(words);
        else if (words[0] == "block" || words[0] == "allow")
            read_list(words);
        else if (words[0] == "case")
            corpus_.cases.push_back({text.substr(5), place_, {}, {}, corpus_.config.protection});
        else if (corpus_.cases.empty())
            require(false, "a case comes first");
        else if (words[0] == "wait")
            wait_s_ += number_or_0(words.at(1));
        else if (words[0] == "with")
            read_rates(words);
        else if (words[0] == "count")
            read_counts(words);
        else if (words[0] == "also")
            read_released(text.substr(5));
        else if (words[0] == "answer")
            read_answer(text.substr(7));
        else
            read_step(text);
    }

    // block|allow PREFIX...
    void read_list(const Words& words) {
        using dataplane::Access;
        for (std::size_t at = 1; at < words.size(); ++at) {
            const auto prefix = Prefix::parse(words[at]);
            require(prefix.has_value(), "it is a prefix: " + words[at]);
            rules_.push_back({*prefix, words[0] == "block" ? Access::blocked : Access::allowed});
        }
    }

    // with RATE=N...
    void read_rates(const Words& words) {
        dataplane::Protection& protection = corpus_.cases.back().protection;
        for (std::size_t at = 1; at < words.size(); ++at) {
            const std::size_t equals = words[at].find('=');
            const std::string name = words[at].substr(0, equals);
            require(equals != std::string::npos, "it is RATE=N");
            const std::uint32_t rate = number_or_0(words[at].substr(equals + 1));
            if (name == "new_connection_rate")
                protection.connection_rate = rate;
            else if (name == "source_connection_rate")
                protection.source_rate = rate;
            else if (name == "fragment_rate")
                protection.fragment_rate = rate;
            else if (name == "icmp_error_rate")
                protection.icmp_error_rate = rate;
            else if (name == "icmp_answer_rate")
                protection.icmp_answer_rate = rate;
            else
                require(false, "there is no rate " + name);
        }
    }

    // answer FRAME
    void read_answer(const std::string& text) {
        require(!corpus_.cases.back().steps.empty(), "a step comes first");
        auto frame = frame_of(text, hosts_);
        require(frame.has_value(), frame ? "" : frame.error().message);
        corpus_.cases.back().steps.back().released.push_back(std::move(*frame));
    }

    // also FRAME -> HOST
    void read_released(const std::string& text) {
        require(!corpus_.cases.back().steps.empty(), "a step comes first");
        Step& step = corpus_.cases.back().steps.back();
        Step released;
        read_step_into(released, text);
        require(released.reason == Reason::none, "what leaves later goes to a host");
        step.released.push_back(std::move(released.out));
    }

    // host NAME MAC IPV4 IPV6; "-" for what it does not have.
    void read_host(const Words& words) {
        require(words.size() == 5, "a host has a name, a MAC address and two IP addresses");
        NamedHost& host = hosts_[words[1]];
        if (words[2] != "-")
            host.mac = mac(words[2]);
        if (words[3] != "-")
            host.v4 = ip(words[3]);
        if (words[4] != "-")
            host.v6 = ip(words[4]);
    }

    // service ADDRESS PORT PROTOCOL [inactive] [persistent] HOST[*WEIGHT]...
    void read_service(const Words& words) {
        require(words.size() >= 4, "a service has an address, a port and a protocol");
        dataplane::ServiceConfig& service = corpus_.config.services.emplace_back();
        const auto port = static_cast<std::uint16_t>(number_or_0(words[2]));
        service.endpoint = {ip(words[1]), port};
        service.protocol = protocol_of(words[3]);
        for (std::size_t at = 4; at < words.size(); ++at) {
            if (words[at] == "inactive") {
                service.active = false;
                continue;
            }
            if (words[at] == "persistent") {
                service.persistence_timeout_s = persistence_timeout_s;
                service.persistence_prefix_length = service.endpoint.address.bits();
                continue;
            }
            read_destination(words[at], service);
        }
    }

    // HOST[*WEIGHT], or HOST~TUNNEL@FAMILY:MTU
    void read_destination(const std::string& word, dataplane::ServiceConfig& service) {
        const std::size_t end = word.find_first_of("*~");
        const NamedHost& host = known_host(word.substr(0, end));
        dataplane::DestinationConfig destination;
        bool is_v4 = service.endpoint.address.is_v4();
        if (end != std::string::npos && word[end] == '*')
            destination.weight = number_or_0(word.substr(end + 1));
        else if (end != std::string::npos)
            is_v4 = read_tunnel(word.substr(end + 1), destination);
        const std::optional<IpAddress>& address = is_v4 ? host.v4 : host.v6;
        require(address.has_value(), "the host has no address of that family");
        destination.endpoint = {*address, service.endpoint.port};
        destination.mac = host.mac;
        service.destinations.push_back(destination);
    }

    // TYPE[+csum]@FAMILY:MTU; true: in IPv4
    bool read_tunnel(const std::string& text, dataplane::DestinationConfig& destination) {
        using dataplane::TunnelType;
        const std::size_t at = text.find('@');
        const std::size_t colon = text.find(':');
        require(at != std::string::npos && colon != std::string::npos, "TUNNEL@FAMILY:MTU");
        std::string type = text.substr(0, at);
        dataplane::TunnelConfig tunnel;
        tunnel.checksum = type.ends_with("+csum");
        type = type.substr(0, type.find('+'));
        require(type == "ipip" || type == "gue" || type == "gre", "there is no such tunnel");
        tunnel.type = type == "ipip"  ? TunnelType::ipip
                      : type == "gue" ? TunnelType::gue
                                      : TunnelType::gre;
        if (tunnel.type == TunnelType::gue)
            tunnel.port = 6080;
        const bool is_v4 = text.substr(at + 1, colon - at - 1) == "v4";
        const NamedHost& director = known_host("director");
        tunnel.source = is_v4 ? *director.v4 : *director.v6;
        tunnel.mtu = number_or_0(text.substr(colon + 1));
        destination.tunnel = tunnel;
        return is_v4;
    }

    dataplane::Protocol protocol_of(std::string_view word) {
        if (word == "tcp")
            return dataplane::Protocol::tcp;
        if (word == "udp")
            return dataplane::Protocol::udp;
        require(word == "sctp", "the protocol is tcp, udp or sctp");
        return dataplane::Protocol::sctp;
    }

    // count EVENT=N...
    void read_counts(const Words& words) {
        for (std::size_t at = 1; at < words.size(); ++at) {
            const std::size_t equals = words[at].find('=');
            const std::optional<Event> event = event_of(words[at].substr(0, equals));
            require(event.has_value() && equals != std::string::npos, "it is EVENT=N");
            corpus_.cases.back().events.emplace_back(*event,
                                                     number_or_0(words[at].substr(equals + 1)));
        }
    }

    // FRAME -> HOST, or FRAME -> kernel|drop REASON
    void read_step(const std::string& text) {
        Step& step = corpus_.cases.back().steps.emplace_back();
        step.place = place_;
        step.wait_s = std::exchange(wait_s_, 0);
        step.bare = text.starts_with("bare ");
        read_step_into(step, step.bare ? text.substr(5) : text);
    }
    void read_step_into(Step& step, const std::string& text) {
        const std::size_t arrow = text.find("->");
        require(arrow != std::string::npos, "a step is FRAME -> what becomes of it");
        auto frame = frame_of(text.substr(0, arrow), hosts_);
        require(frame.has_value(), frame ? "" : frame.error().message);
        step.in = std::move(*frame);
        step.out = step.in;
        const Words result = words_of(text.substr(arrow + 2));
        if (result.size() > 1 && result[1] == "as") {
            expect_frame(step, result[0], text.substr(text.find(" as ", arrow) + 4));
            return;
        }
        if (result.size() == 1) {
            expect_forwarded(step, result[0]);
            return;
        }
        const std::optional<Reason> reason = reason_of(result[1]);
        require(reason.has_value(), "there is no reason " + result[1]);
        const dataplane::Verdict verdict =
            result[0] == "drop" ? dataplane::Verdict::drop : dataplane::Verdict::kernel;
        require(info(*reason).verdict == verdict, "that reason has another verdict");
        step.reason = *reason;
    }

    // The frame with the MAC addresses of the host and of the director, one hop further.
    void expect_forwarded(Step& step, std::string_view host) {
        Bytes macs(mac_of(host).bytes.begin(), mac_of(host).bytes.end());
        const MacAddress& director = mac_of("director");
        macs.insert(macs.end(), director.bytes.begin(), director.bytes.end());
        take_hop(step.out, macs.data());
    }

    // What leaves for that host, as text.
    void expect_frame(Step& step, std::string_view host, std::string_view text) {
        auto frame = frame_of(text, hosts_);
        require(frame.has_value(), frame ? "" : frame.error().message);
        step.out = std::move(*frame);
        std::ranges::copy(mac_of(host).bytes, step.out.begin());
        std::ranges::copy(mac_of("director").bytes, step.out.begin() + 6);
    }

    const NamedHost& known_host(std::string_view name) {
        const auto found = hosts_.find(name);
        require(found != hosts_.end(), "there is no host " + std::string(name));
        return found->second;
    }
    const MacAddress& mac_of(std::string_view name) {
        const NamedHost& host = known_host(name);
        require(host.mac.has_value(), std::string(name) + " has no MAC address");
        return *host.mac;
    }

    void require(bool right, const std::string& problem) {
        if (right)
            return;
        std::cerr << "the packet corpus, " << place_ << ": " << problem << '\n';
        std::abort();
    }

    Corpus corpus_;
    Hosts hosts_;
    std::vector<dataplane::AccessRule> rules_;
    std::string place_ = "start";
    std::uint32_t wait_s_ = 0;  // of the wait lines before the next step
};

}  // namespace

void take_hop(Bytes& frame, const std::uint8_t* macs) {
    std::copy_n(macs, 12, frame.begin());
    std::size_t ip_at = 14;
    while (frame[ip_at - 2] == 0x81 || frame[ip_at - 2] == 0x88)
        ip_at += 4;
    if (frame[ip_at - 2] == 0x86) {
        --frame[ip_at + 7];
        return;
    }
    --frame[ip_at + 8];
    const auto header = std::span(frame).subspan(ip_at, std::size_t{frame[ip_at] & 0x0fU} * 4);
    header[10] = header[11] = 0;
    ByteWriter(header.subspan(10)).write(internet_checksum(header));
}

const Corpus& corpus() {
    static const Corpus loaded = Loader().load(HEADGATE_CORPUS);
    return loaded;
}

}  // namespace headgate::packets
