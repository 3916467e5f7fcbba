#include "controlplane/vrrp/firewall.h"

#include <memory>
#include <utility>

#include <netinet/in.h>  // before <linux/netfilter.h>, which has the same structures otherwise

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>

#include "common/check.h"
#include "common/log.h"
#include "common/shared_library.h"
#include "controlplane/netlink/attributes.h"
#include "controlplane/netlink/socket.h"
#include "controlplane/vrrp/firewall_rules.h"

namespace headgate::vrrp {

namespace {

// Loaded with the first rules.
struct Nftables {
    decltype(nft_ctx_new)* ctx_new = nullptr;
    decltype(nft_ctx_free)* ctx_free = nullptr;
    decltype(nft_ctx_buffer_output)* ctx_buffer_output = nullptr;
    decltype(nft_ctx_buffer_error)* ctx_buffer_error = nullptr;
    decltype(nft_ctx_get_error_buffer)* ctx_get_error_buffer = nullptr;
    decltype(nft_run_cmd_from_buffer)* run_cmd_from_buffer = nullptr;

    static Result<Nftables> load() {
        auto library = SharedLibrary::load("libnftables.so.1");
        if (!library)
            return tl::unexpected(library.error());
        Nftables nft;
        library->find("nft_ctx_new", nft.ctx_new)
            .find("nft_ctx_free", nft.ctx_free)
            .find("nft_ctx_buffer_output", nft.ctx_buffer_output)
            .find("nft_ctx_buffer_error", nft.ctx_buffer_error)
            .find("nft_ctx_get_error_buffer", nft.ctx_get_error_buffer)
            .find("nft_run_cmd_from_buffer", nft.run_cmd_from_buffer);
        if (const auto complete = library->complete(); !complete)
            return tl::unexpected(complete.error());
        return nft;
    }
};

// One transaction: all of it, or nothing.
void run(const std::string& script) {
    static const Result<Nftables> nft = Nftables::load();
    if (!nft)
        return log::error("no rules for `no_accept`: {}", nft.error().message);
    const std::unique_ptr<nft_ctx, decltype(nft->ctx_free)> context(nft->ctx_new(NFT_CTX_DEFAULT),
                                                                    nft->ctx_free);
    check(context != nullptr, "there is memory for nftables");
    nft->ctx_buffer_output(context.get());
    nft->ctx_buffer_error(context.get());
    if (nft->run_cmd_from_buffer(context.get(), script.c_str()) == 0)
        return;
    const std::string reason = nft->ctx_get_error_buffer(context.get());
    log::error("nftables refuses the rules of `no_accept`: {}",
               reason.substr(0, reason.find('\n')));
}

// One short question, so that a daemon without such rules need not load what libnftables loads. A
// kernel without nftables has no table either.
bool exists(const std::string& table) {
    auto socket = netlink::open_socket(NETLINK_NETFILTER);
    if (!socket)
        return false;
    netlink::Message question =
        netlink::new_request(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0);
    const nfgenmsg header{.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0, .res_id = 0};
    netlink::put_header(question.get(), header);
    netlink::put_text(question.get(), NFTA_TABLE_NAME, table.c_str());
    return netlink::perform(socket->get(), std::move(question)).has_value();
}

}  // namespace

void Firewall::apply(const config::Vrrp& vrrp) {
    const std::string table = vrrp.firewall.table.empty() ? usual_table_ : vrrp.firewall.table;
    if (table_ != table) {
        clear();
        if (exists(table))
            table_ = table;
    }
    const std::string script = firewall_script(table, vrrp);
    if (script.empty()) {
        clear();
        return;
    }
    table_ = table;
    run(script);
}

void Firewall::clear() {
    if (!table_.empty())
        run(firewall_removal(std::exchange(table_, {})));
}

}  // namespace headgate::vrrp
