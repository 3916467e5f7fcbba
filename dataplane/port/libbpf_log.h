// Where libbpf's own messages go.
#pragma once

namespace headgate::dataplane {

// Sends them to our log at debug level: the errors that matter come back as results. Call it once,
// before any other use of libbpf or libxdp.
void log_libbpf_messages();

}  // namespace headgate::dataplane
