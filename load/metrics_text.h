// What the server itself says of its stages: histograms in seconds from its /metrics (Prometheus'
// text), before and after a run. Any server's; one without them has no rows.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::load {

struct ServerHistogram {
  std::map<double, double> up_to;  // bucket's upper end: count up to it
  double sum = 0.0, count = 0.0;
};
/// By name with its labels but "le". Lines that are none are skipped; at most 1000 histograms.
std::map<std::string, ServerHistogram> read_histograms(std::string_view text);

struct Stage {
  std::string name;
  double count = 0.0, mean_s = 0.0;
  double p50_s = 0.0, p99_s = 0.0;  // the upper end of the bucket that holds it
};
/// What happened between the two, in the order of names; only those named *_seconds that counted.
std::vector<Stage> stages_between(const std::map<std::string, ServerHistogram>& before,
                                  const std::map<std::string, ServerHistogram>& after);

}  // namespace aisp::load
