#include "controlplane/vrrp/lateness.h"

#include <algorithm>

#include "common/check.h"

namespace headgate::vrrp {

void AdvertLateness::add(Duration lateness) {
    check(lateness >= Duration::zero(), "nothing is sent before its time");
    const auto bucket = std::ranges::lower_bound(bounds, lateness) - bounds.begin();
    ++counts[static_cast<std::size_t>(bucket)];
    sum += lateness;
    worst = std::max(worst, lateness);
}

}  // namespace headgate::vrrp
