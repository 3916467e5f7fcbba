// The probe of HTTP_GET: every url of the check is asked, in order, and all must answer with an
// accepted status; the first that does not decides. (keepalived asks one url per delay_loop.)
// A coroutine on the main thread; what an answer means is a pure function.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "controlplane/config/model_services.h"
#include "controlplane/health/http_client.h"
#include "controlplane/health/outcome.h"

namespace headgate::health {

Outcome judge(const HttpAnswer& answer, const config::HttpUrl& url, Duration timeout);

// Requires: the check has a url, and `client` lives until the coroutine first suspends in it.
boost::asio::awaitable<Outcome> probe_http(HttpClient& client, config::HttpCheck check,
                                           Duration timeout);

}  // namespace headgate::health
