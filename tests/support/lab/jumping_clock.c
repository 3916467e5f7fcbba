/* Preloaded into a program: every look at CLOCK_REALTIME is a year away from the one before, and a
 * timer on that clock cannot be had. What goes by CLOCK_MONOTONIC does not notice. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

static const time_t year = 365 * 24 * 3600;

int clock_gettime(clockid_t clock, struct timespec* time) {
    static int (*real)(clockid_t, struct timespec*);
    static unsigned looks;
    if (!real)
        real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (clock == CLOCK_REALTIME)
        time->tv_sec += __atomic_fetch_add(&looks, 1, __ATOMIC_RELAXED) % 2 ? -year : year;
    return result;
}

int timerfd_create(int clock, int flags) {
    static int (*real)(int, int);
    if (!real)
        real = (int (*)(int, int))dlsym(RTLD_NEXT, "timerfd_create");
    if (clock == CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    return real(clock, flags);
}
