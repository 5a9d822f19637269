// A run as one JSON document for other programs: the header, the tally and every result without its
// raw samples.
//
// Shape ("aisp.report/1", in docs/record.schema.json):
//   {"schema": "aisp.report/1", "run": <run.json>, "torn_lines": 0,
//    "tally": {"cases": 4, "baselines": 4, "peers": 1, "techniques": {"faster": 8, ...}},
//    "results": [{<a line of results.jsonl without "schema" and "processes">, "best": "tiled" or
//                 null, "techniques": [{<as recorded>, "state": "faster", "speedup":
//                 {"estimate", "low", "high"} or null, "samples": 192}]}]}
#pragma once

#include <string>

#include "bench/record.h"

namespace aisp::report {

/// Pure: the same record gives the same bytes, ending in a newline.
std::string render_json(const bench::RunRecord& run);

}  // namespace aisp::report
