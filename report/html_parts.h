// The parts that html.cc puts together.
#pragma once

#include <string>

#include "report/model.h"

namespace aisp::report {

/// The style sheet: light and dark by the reader's preference, cards instead of tables when narrow.
extern const char* const kStyle;

/// One case: what it is, the table of its techniques, and the details folded away.
std::string render_case(const CaseView& view);

/// The anchor of a failure, the same in the table of the case and in the list of failures.
std::string failure_id(const CaseView& view, std::size_t row);

/// Whether a row belongs in the list of failures.
bool is_failure(const Row& row);

}  // namespace aisp::report
