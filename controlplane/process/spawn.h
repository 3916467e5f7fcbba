// Starts a program as another user, in a process group of its own. Not for the VRRP thread: the
// caller stands still until the program has been loaded.
//
// Why not posix_spawn(): it cannot change the user. Why not fork(): afterwards every page that the
// VRRP thread writes to would first have to be copied. So this is what posix_spawn() does inside
// (clone with CLONE_VM and CLONE_VFORK), with the steps that it lacks.
#pragma once

#include <sys/types.h>

#include "common/fd.h"
#include "common/result.h"
#include "controlplane/process/program.h"

namespace headgate::process {

struct Spawned {
    pid_t pid = -1;  // and its process group
    Fd pidfd;        // readable once it has ended; then it is to be reaped
};

// The program reads /dev/null, writes to `output`, has no other descriptor, default signals, the
// root directory, our environment without IFS, LD_PRELOAD and LD_LIBRARY_PATH, ordinary scheduling
// and the usual limit of 1024 descriptors. It gets SIGTERM when the calling thread ends. An error
// says which step was refused, the last one being to load the program.
Result<Spawned> spawn(const Program& program, int output);

}  // namespace headgate::process
