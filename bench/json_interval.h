// Numbers and intervals in JSON, which has no infinity: an end that excludes nothing is null.
#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/interval.h"

namespace aisp::bench {

inline nlohmann::ordered_json number_to_json(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

inline double number_from_json(const nlohmann::ordered_json& json, double missing) {
  return json.is_null() ? missing : json.get<double>();
}

inline nlohmann::ordered_json interval_to_json(const Interval& interval) {
  return {{"estimate", number_to_json(interval.estimate)},
          {"low", number_to_json(interval.low)},
          {"high", number_to_json(interval.high)}};
}

inline Interval interval_from_json(const nlohmann::ordered_json& json) {
  return {number_from_json(json.at("estimate"), std::nan("")),
          number_from_json(json.at("low"), 0.0),
          number_from_json(json.at("high"), std::numeric_limits<double>::infinity())};
}

}  // namespace aisp::bench
