// `aisp doctor --compare`, `--fleet` and `--serve`: many machines, and one for a long time.
#pragma once

#include <string>
#include <vector>

#include "doctor/collect.h"
#include "doctor/metrics.h"

namespace aisp::app {

/// Prints what differs between stored documents, and the odd ones out. Exit code 0; 1 when
/// something differs and `strict`.
int cmd_doctor_compare(const std::vector<std::string>& documents, bool json, bool strict);

/// `fleet` is a list of hosts (collected first) or a folder of documents. Exit code as above, or 4
/// when no host answered.
int cmd_doctor_fleet(const std::string& fleet, const doctor::CollectOptions& how, bool json,
                     bool strict);

/// Serves until interrupted. `where`: "[address]:port".
int cmd_doctor_serve(const std::string& where, doctor::ServeOptions options);

}  // namespace aisp::app
