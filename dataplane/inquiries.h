// Inquiries: what is asked of all workers, one inquiry after the other. *Control thread.*
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "common/fd.h"
#include "dataplane/core/core_question.h"

namespace headgate::api {
class DataplaneReply;
}

namespace headgate::dataplane {

class Attachment;

class Inquiry {
public:
    Inquiry() = default;
    virtual ~Inquiry() = default;
    Inquiry(const Inquiry&) = delete;
    Inquiry& operator=(const Inquiry&) = delete;

    // What the workers of the interface are asked, one question each in their order; empty:
    // nothing. Called once for each interface that is attached.
    virtual std::vector<CoreQuestion*> begin(const Attachment& attachment) = 0;
    // Requires: all questions are finished.
    virtual void report(api::DataplaneReply& reply) = 0;
};

class Inquiries {
public:
    // `attachments` tells those that are there at the moment.
    explicit Inquiries(std::function<std::vector<Attachment*>()> attachments);

    // `handler` is called later, from on_answers().
    using Handler = std::function<void(const api::DataplaneReply&)>;
    void ask(std::unique_ptr<Inquiry> inquiry, Handler handler);

    // Readable when a worker has answered; then call on_answers().
    [[nodiscard]] int fd() const { return done_.get(); }
    void on_answers();

private:
    struct Asked {
        std::unique_ptr<Inquiry> inquiry;
        Handler handler;
        std::vector<CoreQuestion*> questions;
    };
    void begin();

    std::function<std::vector<Attachment*>()> attachments_;
    Fd done_;                  // an eventfd; workers write to it
    std::deque<Asked> asked_;  // the first one is with the workers
};

}  // namespace headgate::dataplane
