// PersistenceTable: which destination a client of a persistent service is bound to, as IPVS's
// connection templates do it.
//
// Shared by all workers, because a client's connections spread over them. Touched only when a
// connection begins or ends. 64 stripes, each with its own lock, memory and hash chains; bounded
// and allocated at construction.
//
// A binding lives for its service's timeout after the last connection it was used for began, and
// in any case while connections that it scheduled exist. It ends at once when its destination is
// no longer configured: the destination's generation tells.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "dataplane/core/hash.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/tick.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

using BindingIndex = std::uint32_t;
inline constexpr BindingIndex no_binding = 0xffffffff;

struct PersistenceKey {
    WideAddress client;         // masked by the service's prefix length
    std::uint32_t service = 0;  // its generation, as in ConnectionKey; 0: of a group
    std::uint32_t group = 0;    // its generation; 0: of one service
    bool operator==(const PersistenceKey&) const = default;
};

class PersistenceTable {
public:
    PersistenceTable(std::uint32_t capacity, const HashSeed& seed);
    ~PersistenceTable();
    PersistenceTable(const PersistenceTable&) = delete;
    PersistenceTable& operator=(const PersistenceTable&) = delete;

    // ---- workers ----
    // The destination the client is bound to, if any. It may no longer be configured.
    [[nodiscard]] std::optional<Identity> find(const PersistenceKey& key, Tick now);

    // The same without effect, as if a connection of the binding `released` (or no_binding) were
    // released before.
    [[nodiscard]] std::optional<Identity> peek(const PersistenceKey& key, BindingIndex released,
                                               Tick now);

    // Binds the client to `wanted` until now + timeout_s, and counts one connection for the
    // binding: the caller hands its index back to release() when that connection ends. When the
    // client is bound to something else than `seen`, what find() told, another worker was faster:
    // its binding is kept and returned.
    struct Bound {
        BindingIndex binding = no_binding;  // no_binding: the client is new and its stripe is full
        Identity destination;               // what the client is bound to now
        bool created = false;
    };
    Bound bind(const PersistenceKey& key, const std::optional<Identity>& seen,
               const Identity& wanted, std::uint32_t timeout_s, Tick now);
    void release(BindingIndex binding);

    // ---- control thread ----
    // Frees bindings that are past their time or whose destination `snapshot` no longer has; call
    // it once a second, a whole pass takes sweep_period_s calls.
    void expire(const Snapshot& snapshot, Tick now);
    static constexpr std::uint32_t sweep_period_s = 16;

    // ---- any thread ----
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

private:
    struct Binding;
    struct Stripe;

    HashSeed seed_;
    std::uint64_t capacity_;
    std::vector<Stripe> stripes_;
};

}  // namespace headgate::dataplane
