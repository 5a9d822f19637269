// The gate's report in the forms that people and their tools read. Pure: same report, same bytes.
#pragma once

#include <cstddef>
#include <string>

#include "bench/gate.h"

namespace aisp::report {

/// For the terminal: the rows that are not simply ok, then one line that counts all.
std::string gate_terminal(const bench::GateReport& gate);

/// A summary for a pull request: the verdict, a table of what is red or worth a look, the counts.
std::string gate_markdown(const bench::GateReport& gate);

/// JUnit XML: a suite a lab, a case a row; red is a failure, a known failure is skipped.
std::string gate_junit(const bench::GateReport& gate);

/// GitHub workflow commands: the `limit` worst rows as ::error and ::warning lines.
std::string gate_annotations(const bench::GateReport& gate, std::size_t limit = 10);

/// Everything, for programs: {"schema": "aisp.gate/1", ...}.
std::string gate_json(const bench::GateReport& gate);

}  // namespace aisp::report
