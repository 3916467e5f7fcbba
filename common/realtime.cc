#include "common/realtime.h"

#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fmt/format.h>
#include <link.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace headgate {

namespace {

std::string refusal(std::string_view what) {
    return std::string(what) + ": " + std::generic_category().message(errno);
}

// Called for each loaded object, the executable first; anything but 0 ends the walk.
int touch_code(dl_phdr_info* object, std::size_t /*size*/, void* /*context*/) {
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    for (ElfW(Half) index = 0; index < object->dlpi_phnum; ++index) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[index];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0)
            continue;
        const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
        const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        // Kernels before 5.14 do not know it; then the code comes when it is first used.
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the address is one that the loader computed.
        madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_READ);
    }
    return 1;
}

// Without any of its own: all that the process may use, which the kernel works out.
cpu_set_t cpus_of(const Scheduling& scheduling) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (const unsigned cpu : scheduling.cpus)
        CPU_SET(cpu, &cpus);
    for (unsigned cpu = 0; scheduling.cpus.empty() && cpu < CPU_SETSIZE; ++cpu)
        CPU_SET(cpu, &cpus);
    return cpus;
}

}  // namespace

std::vector<std::string> become_realtime(std::string_view thread, const Scheduling& scheduling) {
    std::vector<std::string> refusals;
    sched_param parameters{};
    parameters.sched_priority = scheduling.realtime_priority;
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameters) != 0)
        refusals.push_back(
            refusal(fmt::format("real-time scheduling of the {} thread is not permitted", thread)));
    // Linux takes a process id here for the thread of that id; 0 is the caller.
    if (setpriority(PRIO_PROCESS, 0, scheduling.nice) != 0)
        refusals.push_back(refusal(
            fmt::format("the {} thread cannot have nice value {}", thread, scheduling.nice)));
    if (const cpu_set_t cpus = cpus_of(scheduling); sched_setaffinity(0, sizeof cpus, &cpus) != 0)
        refusals.push_back(
            refusal(fmt::format("the {} thread cannot be kept to its CPUs", thread)));
    if (mlockall(MCL_CURRENT | MCL_ONFAULT) != 0)
        refusals.push_back(refusal("memory cannot be locked"));
    dl_iterate_phdr(touch_code, nullptr);
    return refusals;
}

}  // namespace headgate
