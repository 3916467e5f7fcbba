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
#include "controlplane/netlink/attributes.h"
#include "controlplane/netlink/socket.h"
#include "controlplane/vrrp/firewall_rules.h"

namespace headgate::vrrp {

namespace {

struct ContextDeleter {
    void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

// One transaction: all of it, or nothing.
void run(const std::string& script) {
    const std::unique_ptr<nft_ctx, ContextDeleter> context(nft_ctx_new(NFT_CTX_DEFAULT));
    check(context != nullptr, "there is memory for nftables");
    nft_ctx_buffer_output(context.get());
    nft_ctx_buffer_error(context.get());
    if (nft_run_cmd_from_buffer(context.get(), script.c_str()) == 0)
        return;
    const std::string reason = nft_ctx_get_error_buffer(context.get());
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
