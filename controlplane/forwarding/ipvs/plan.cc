#include "controlplane/forwarding/ipvs/plan.h"

#include <map>

#include <fmt/format.h>

namespace headgate::forwarding::ipvs {

namespace {

using Kind = Operation::Kind;

class Planner {
public:
    std::vector<Operation> take() { return std::move(operations_); }

    void add(const Service& service) {
        operations_.push_back(
            {.kind = Kind::add_service, .service = service.key, .settings = service.settings});
        for (const Destination& destination : service.destinations)
            push(Kind::add_destination, service.key, destination);
    }

    void change(const Service& before, const Service& after) {
        if (before.settings != after.settings)
            operations_.push_back(
                {.kind = Kind::edit_service, .service = after.key, .settings = after.settings});
        std::map<Endpoint, const DestinationSettings*> there;
        for (const Destination& destination : before.destinations)
            there.emplace(destination.endpoint, &destination.settings);
        std::vector<const Destination*> raised;
        std::vector<const Destination*> lowered;
        for (const Destination& destination : after.destinations) {
            const auto found = there.find(destination.endpoint);
            if (found == there.end()) {
                push(Kind::add_destination, after.key, destination);
                continue;
            }
            const DestinationSettings& had = *found->second;
            there.erase(found);
            if (had != destination.settings)
                (destination.settings.weight < had.weight ? lowered : raised)
                    .push_back(&destination);
        }
        for (const Destination* destination : raised)
            push(Kind::edit_destination, after.key, *destination);
        for (const Destination* destination : lowered)
            push(Kind::edit_destination, after.key, *destination);
        for (const auto& [endpoint, settings] : there)
            push(Kind::delete_destination, after.key, {endpoint, *settings});
    }

    void remove(const ServiceKey& service) {
        operations_.push_back({.kind = Kind::delete_service, .service = service});
    }

private:
    void push(Kind kind, const ServiceKey& service, const Destination& destination) {
        operations_.push_back({.kind = kind, .service = service, .destination = destination});
    }

    std::vector<Operation> operations_;
};

}  // namespace

std::string Operation::to_string() const {
    const std::string name = service.to_string();
    const std::string server = destination.endpoint.to_string();
    switch (kind) {
        case Kind::add_service:
            return fmt::format("add {}", name);
        case Kind::edit_service:
            return fmt::format("change {}", name);
        case Kind::delete_service:
            return fmt::format("remove {}", name);
        case Kind::add_destination:
            return fmt::format("add {} to {}", server, name);
        case Kind::edit_destination:
            return fmt::format("change {} of {}", server, name);
        case Kind::delete_destination:
            break;
    }
    return fmt::format("remove {} from {}", server, name);
}

std::vector<Operation> plan(const std::vector<Service>& kernel, const std::vector<Service>& wanted,
                            const std::set<ServiceKey>& ours) {
    std::map<ServiceKey, const Service*> there;
    for (const Service& service : kernel)
        there.emplace(service.key, &service);
    Planner planner;
    for (const Service& service : wanted) {
        const auto found = there.find(service.key);
        if (found == there.end()) {
            planner.add(service);
            continue;
        }
        planner.change(*found->second, service);
        there.erase(found);
    }
    for (const auto& [key, service] : there) {
        if (ours.contains(key))
            planner.remove(key);
    }
    return planner.take();
}

}  // namespace headgate::forwarding::ipvs
