// Measures of two files that should agree: the data of now against that of training (--reference
// and --data), outputs of now against those of before (--reference and --outputs).
//
// Source: population stability index as in Siddiqi, Credit Risk Scorecards (2006); NumPy's .npy
// format, version 1.0.
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path, "name a file");
  std::ostringstream text;
  text << file.rdbuf();
  if (text.str().size() > kMostBytes)
    throw Error("holds over 256 MiB", path, "give a sample of it");
  return text.str();
}

using Columns = std::map<std::string, std::vector<double>>;

// Comma-separated values with a header; columns that are no numbers are left out.
Columns columns_of(const std::string& path) {
  const std::string text = contents(path);
  const auto lines = machine::split(text, '\n');
  if (lines.size() < 2)
    throw Error("holds no rows", path, "give comma-separated values with a header");
  std::vector<std::string> names;
  for (const auto name : machine::split(lines[0], ',')) names.emplace_back(machine::trim(name));
  Columns columns;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const auto words = machine::split(lines[i], ',');
    for (std::size_t k = 0; k < std::min(words.size(), names.size()); ++k) {
      if (const auto value = machine::parse_number(words[k])) columns[names[k]].push_back(*value);
    }
  }
  return columns;
}

struct Drift {
  double index = 0.0, distance = 0.0;  // population stability, Kolmogorov-Smirnov
};

// Bins hold a tenth of the reference each; an empty bin counts as half a value.
Drift drift_of(std::vector<double> reference, std::vector<double> now) {
  std::sort(reference.begin(), reference.end());
  std::sort(now.begin(), now.end());
  const auto below = [](const std::vector<double>& all, double edge) {
    return static_cast<double>(std::upper_bound(all.begin(), all.end(), edge) - all.begin());
  };
  const double n = static_cast<double>(reference.size()), m = static_cast<double>(now.size());
  Drift drift;
  constexpr int kBins = 10;
  double last_r = 0.0, last_n = 0.0;
  for (int bin = 1; bin <= kBins; ++bin) {
    const double edge = quantile(reference, bin / static_cast<double>(kBins));
    const double r = bin == kBins ? n : below(reference, edge);
    const double c = bin == kBins ? m : below(now, edge);
    if (r == last_r && bin < kBins) continue;  // a value that fills several bins
    const double p = std::max(0.5, r - last_r) / n, q = std::max(0.5, c - last_n) / m;
    drift.index += (q - p) * std::log(q / p);
    last_r = r;
    last_n = c;
  }
  for (const double value : reference) {
    drift.distance =
        std::max(drift.distance, std::abs(below(reference, value) / n - below(now, value) / m));
  }
  return drift;
}

std::string needs_two_samples(const Evidence& evidence) {
  const Subject& subject = evidence.subject();
  return subject.reference.empty() || subject.data.empty() ? "no --reference and --data given" : "";
}

Json measure_data(const Evidence& evidence, double) {
  const Columns before = columns_of(evidence.subject().reference);
  const Columns now = columns_of(evidence.subject().data);
  Json rows = Json::array();
  constexpr std::size_t kFewest = 20;
  for (const auto& [name, reference] : before) {
    const auto found = now.find(name);
    if (found == now.end() || reference.size() < kFewest || found->second.size() < kFewest)
      continue;
    const Drift drift = drift_of(reference, found->second);
    rows.push_back({{"feature", name}, {"psi", drift.index}, {"ks", drift.distance}});
  }
  return {{"rows", rows}, {"features", before.size()}};
}

Finding decide_data(const Evidence&, const Json& found) {
  double worst = -1.0;
  std::string name;
  std::vector<Reading> read;
  for (const Json& row : found.at("rows")) {
    const double psi = row.at("psi").get<double>();
    const std::string feature = row.at("feature").get<std::string>();
    if (psi > worst) {
      worst = psi;
      name = feature;
    }
    if (read.size() < 8 || psi > 0.2) {
      read.push_back({feature, fmt::format("stability index {:.3f}, KS distance {:.3f}", psi,
                                           row.at("ks").get<double>())});
    }
  }
  if (worst < 0) return cannot_see("the two samples share no numeric column of 20 rows");
  const std::string words = fmt::format("{} has moved most: stability index {:.2f}", name, worst);
  if (worst <= 0.2) return ok(words, read);
  return warn(words, read, "the model answers for data it has not seen");
}

// A .npy of float32 or float64 in this machine's order, or a text of numbers.
std::vector<double> numbers_of(const std::string& path) {
  const std::string bytes = contents(path);
  std::vector<double> all;
  if (bytes.starts_with("\x93NUMPY") && bytes.size() > 10) {
    const auto low = static_cast<unsigned char>(bytes[8]),
               high = static_cast<unsigned char>(bytes[9]);
    const std::size_t at = 10 + low + 256U * high;
    const std::string header = bytes.substr(10, low + 256U * high);
    const bool f4 = header.find("'<f4'") != header.npos, f8 = header.find("'<f8'") != header.npos;
    if (bytes[6] != 1 || (!f4 && !f8) || at > bytes.size()) {
      throw Error("is no .npy 1.0 of float32 or float64", path, "save with numpy.save as float32");
    }
    const std::size_t size = f4 ? 4 : 8;
    for (std::size_t i = at; i + size <= bytes.size(); i += size) {
      float single = 0;
      double value = 0;
      if (f4) {
        std::memcpy(&single, bytes.data() + i, 4);
        value = static_cast<double>(single);
      } else {
        std::memcpy(&value, bytes.data() + i, 8);
      }
      all.push_back(value);
    }
    return all;
  }
  std::string word;
  std::string text = bytes;
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream words(text);
  while (words >> word) {
    const auto value = machine::parse_number(word);
    if (!value)
      throw Error("'" + word.substr(0, 20) + "' is no number", path, "give numbers or .npy");
    all.push_back(*value);
  }
  return all;
}

std::string needs_outputs(const Evidence& evidence) {
  const Subject& subject = evidence.subject();
  return subject.reference.empty() || subject.outputs.empty() ? "no --reference and --outputs given"
                                                              : "";
}

Json measure_outputs(const Evidence& evidence, double) {
  const auto before = numbers_of(evidence.subject().reference);
  const auto now = numbers_of(evidence.subject().outputs);
  double worst = 0.0, square = 0.0, norm = 0.0, scale = 0.0, bad = 0.0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < std::min(before.size(), now.size()); ++i) {
    if (!std::isfinite(now[i]) && std::isfinite(before[i])) {
      ++bad;
      continue;
    }
    const double error = std::abs(now[i] - before[i]);
    if (!std::isfinite(error)) continue;
    if (error > worst) {
      worst = error;
      at = i;
    }
    square += error * error;
    norm += before[i] * before[i];
    scale = std::max(scale, std::abs(before[i]));
  }
  return {{"count", now.size()},
          {"expected", before.size()},
          {"worst", worst},
          {"at", at},
          {"scale", scale},
          {"not_finite", bad},
          {"relative_l2", norm > 0 ? std::sqrt(square / norm) : 0.0}};
}

Finding decide_outputs(const Evidence&, const Json& found) {
  const double count = found.at("count").get<double>(),
               expected = found.at("expected").get<double>();
  if (expected <= 0) return cannot_see("--reference holds no number");
  if (count != expected) {
    return fail(fmt::format("{:.0f} outputs, the reference has {:.0f}", count, expected),
                {{"--outputs", fmt::format("{:.0f} numbers", count)}});
  }
  const double relative = found.at("relative_l2").get<double>();
  const double worst = found.at("worst").get<double>(), scale = found.at("scale").get<double>();
  const std::vector<Reading> read = {
      {"relative error", fmt::format("{:.3g}", relative)},
      {"largest difference",
       fmt::format("{:.3g} at {}, of {:.3g}", worst, found.at("at").get<long>(), scale)},
      {"not finite", fmt::format("{:.0f}", found.at("not_finite").get<double>())}};
  if (found.at("not_finite").get<double>() > 0) {
    return fail("outputs are infinite or NaN where the reference is not", read);
  }
  // bf16 keeps 8 bits: a network's outputs scatter by a few of its epsilons, 2^-8 each.
  constexpr double kBf16 = 1.0 / 256;
  const std::string words = fmt::format("outputs differ by {:.2g} of their size", relative);
  if (relative <= kBf16) return ok(words, read);
  if (relative <= 8 * kBf16) return warn(words + ": more than rounding to bf16 explains", read);
  return fail(words, read, "locate the layer by comparing layer after layer");
}

}  // namespace

std::vector<Measure> drift_measures() {
  return {
      {"data-drift", needs_two_samples, measure_data, guarded<decide_data>, 2.0},
      {"numerical-drift-gate", needs_outputs, measure_outputs, guarded<decide_outputs>, 2.0},
  };
}

}  // namespace aisp::doctor
