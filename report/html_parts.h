// The parts that html.cc puts together. All return HTML in which every text of the record is
// escaped.
#pragma once

#include <string>

#include "report/model.h"

namespace aisp::report {

/// A term and its value for a list of facts; nothing for an empty value.
std::string fact(const char* term, const std::string& escaped);

/// An empty figure that the page's script draws into: `kind` names the drawing, `of` its subject.
/// `rows` keeps its place in the page free, so that nothing moves when it is drawn.
std::string plot_place(const char* kind, const std::string& of, std::size_t rows,
                       const std::string& caption);

/// One case: what it is, its plots, the table of its techniques, and the details folded away.
std::string render_case(const CaseView& view);

/// What failed, and why; a sentence when nothing did.
std::string render_failures(const Model& model);

/// The machine's measured ceilings as tables.
std::string render_ceilings(const bench::Json& header);

/// The machine, its state, the build, the options.
std::string render_environment(const bench::Json& header);

/// The commands that measure all of it again.
std::string render_reproduce(const bench::Json& header);

/// The anchor of a failure, the same in the table of the case and in the list of failures.
std::string failure_id(const CaseView& view, std::size_t row);

/// Whether a row belongs in the list of failures.
bool is_failure(const Row& row);

}  // namespace aisp::report
