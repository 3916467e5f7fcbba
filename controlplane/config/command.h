// Commands in the configuration: how a program to run, and who it runs as, is written. Shared by
// all keywords that name one. Pure.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/model_tracking.h"
#include "controlplane/config/reader.h"

namespace headgate::config {

// `/path/program 'one argument' another`: words between blanks; quotes keep blanks together.
std::vector<std::string> split_command(const std::string& command);

// A keyword's command, which stands in quotes when it has arguments. Empty: it cannot be used, and
// that is reported.
std::vector<std::string> read_command(const Context& context, const Value& value);

// "USER [GROUP]"; keepalived also takes a colon between them. What is wrong with it is reported.
void read_user(const Context& context, const Value& value, std::string& user, std::string& group);

}  // namespace headgate::config
