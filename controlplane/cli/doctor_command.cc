#include "controlplane/cli/doctor_command.h"

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/doctor.pb.h"
#include "controlplane/cli/daemon_commands.h"
#include "controlplane/doctor/judge.h"
#include "controlplane/doctor/read_facts.h"

namespace headgate::cli {

namespace {

const char* word_of(doctor::Weight weight) {
    switch (weight) {
        case doctor::Weight::note:
            return "note";
        case doctor::Weight::warning:
            return "warning";
        case doctor::Weight::error:
            return "error";
    }
    return "";
}

api::DoctorReport report_of(const std::vector<doctor::Finding>& findings) {
    api::DoctorReport report;
    for (const doctor::Finding& finding : findings) {
        api::DoctorFinding& added = *report.add_findings();
        added.set_severity(word_of(finding.weight));
        added.set_subject(finding.subject);
        added.set_problem(finding.problem);
        added.set_reason(finding.reason);
        added.set_fix(finding.fix);
    }
    return report;
}

void print(const std::vector<doctor::Finding>& findings) {
    for (const doctor::Finding& finding : findings) {
        std::cout << fmt::format("{}: {}: {}\n  why: {}\n", word_of(finding.weight),
                                 finding.subject, finding.problem, finding.reason);
        std::istringstream lines(finding.fix);
        const char* before = "  fix: ";
        for (std::string line; std::getline(lines, line); before = "       ")
            std::cout << before << line << '\n';
    }
    if (findings.empty())
        std::cout << "nothing is wrong\n";
}

int exit_code_of(const std::vector<doctor::Finding>& findings) {
    int code = EXIT_SUCCESS;
    for (const doctor::Finding& finding : findings) {
        if (finding.weight == doctor::Weight::error)
            return exit_errors;
        if (finding.weight == doctor::Weight::warning)
            code = exit_warnings;
    }
    return code;
}

}  // namespace

int run_doctor(const Arguments& arguments) {
    const auto facts = arguments.command == Arguments::Command::doctor_server
                           ? doctor::read_server_facts(arguments.operand)
                           : doctor::read_facts(arguments.operand);
    if (!facts)
        return complain(facts.error().message, exit_errors);
    const std::vector<doctor::Finding> findings = doctor::judge(*facts);
    if (!arguments.json)
        print(findings);
    else if (!print_json(report_of(findings)))
        return exit_errors;
    return exit_code_of(findings);
}

}  // namespace headgate::cli
