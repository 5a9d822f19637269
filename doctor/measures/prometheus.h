// A server's metrics in the text form of Prometheus: fetched, parsed, and quantiles of histograms.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::doctor {

struct Sample {
  std::string labels;  // as written between braces
  double value = 0.0;
};
/// By name of the metric.
using Samples = std::map<std::string, std::vector<Sample>>;

/// Lines that are no samples are left out.
Samples parse_samples(std::string_view text);
/// GET http://host:port/path, or the file of a path that begins with '/'. Throws Error when there
/// is no answer within `limit_s`, or one of another status than 200.
Samples fetch_samples(const std::string& url, double limit_s);

/// Sum over all label sets; 0 when absent.
double total(const Samples& samples, const std::string& name);
/// The highest of all label sets; nothing known: `otherwise`.
double highest(const Samples& samples, const std::string& name, double otherwise);
bool has(const Samples& samples, const std::string& name);
/// The value of a label: `finished_reason` in `model_name="m",finished_reason="stop"`.
std::string label_value(const Sample& sample, std::string_view label);

/// Upper bounds and cumulative counts, all label sets together.
struct Histogram {
  std::map<double, double> at_most;
  double count() const { return at_most.empty() ? 0.0 : at_most.rbegin()->second; }
};
Histogram histogram(const Samples& samples, const std::string& name);  // without "_bucket"
/// The first of `names` that has counts.
Histogram first_histogram(const Samples& samples, const std::vector<std::string>& names);
/// Linear within a bucket, as Prometheus does; the last finite bound for what lies beyond; 0:
/// empty.
double quantile_of(const Histogram& histogram, double q);

/// Names under which servers publish the latency of whole requests, in seconds.
const std::vector<std::string>& request_histograms();

}  // namespace aisp::doctor
