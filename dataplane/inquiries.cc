#include "dataplane/inquiries.h"

#include <algorithm>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "common/check.h"
#include "dataplane/attachment.h"

namespace headgate::dataplane {

Inquiries::Inquiries(std::function<std::vector<Attachment*>()> attachments)
    : attachments_(std::move(attachments)), done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    check(static_cast<bool>(done_), "there is a file descriptor for the workers' answers");
}

void Inquiries::ask(std::unique_ptr<Inquiry> inquiry, Handler handler) {
    asked_.push_back({std::move(inquiry), std::move(handler), {}});
    if (asked_.size() == 1)
        begin();
}

void Inquiries::begin() {
    Asked& asked = asked_.front();
    for (Attachment* attachment : attachments_()) {
        const std::vector<CoreQuestion*> questions = asked.inquiry->begin(*attachment);
        asked.questions.insert(asked.questions.end(), questions.begin(), questions.end());
        attachment->ask(questions, done_.get());
    }
    // There may be nobody to answer.
    const std::uint64_t one = 1;
    check(::write(done_.get(), &one, sizeof one) == sizeof one, "an eventfd takes a wake-up");
}

void Inquiries::on_answers() {
    std::uint64_t answers = 0;
    static_cast<void>(::read(done_.get(), &answers, sizeof answers));
    if (asked_.empty() || !std::ranges::all_of(asked_.front().questions, &CoreQuestion::finished))
        return;
    const Asked asked = std::move(asked_.front());
    asked_.pop_front();
    if (!asked_.empty())
        begin();
    api::DataplaneReply reply;
    asked.inquiry->report(reply);
    asked.handler(reply);
}

}  // namespace headgate::dataplane
