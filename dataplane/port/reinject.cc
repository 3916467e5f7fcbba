#include "dataplane/port/reinject.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <pass.skel.h>

namespace headgate::dataplane {

Reinjector::Reinjector(pass_bpf* program)
    : program_(program), program_fd_(bpf_program__fd(program->progs.headgate_pass)) {}

Reinjector::~Reinjector() {
    pass_bpf::destroy(program_);
}

Result<std::shared_ptr<const Reinjector>> Reinjector::load() {
    pass_bpf* program = pass_bpf::open_and_load();
    if (program == nullptr)
        return fail_errno("load the XDP program that returns packets to the kernel");
    return std::shared_ptr<const Reinjector>(new Reinjector(program));
}

bool Reinjector::inject(const Frame& frame, int ifindex, std::uint32_t queue) const {
    xdp_md context{};
    context.data_end = frame.length;
    context.ingress_ifindex = static_cast<std::uint32_t>(ifindex);
    context.rx_queue_index = queue;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = frame.data;
    options.data_size_in = frame.length;
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.repeat = 1;
    options.batch_size = 1;
    return bpf_prog_test_run_opts(program_fd_, &options) == 0;
}

}  // namespace headgate::dataplane
