// See ncu_csv.h.
#include "bench/profile/ncu_csv.h"

#include <charconv>
#include <cmath>

namespace aisp::bench {
namespace {

using Fields = std::vector<std::string>;

// One line of comma-separated fields; quotes around a field, two of them inside for one.
Fields fields_of(std::string_view line) {
  Fields fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      const bool twice = quoted && i + 1 < line.size() && line[i + 1] == '"';
      if (twice) {
        fields.back() += '"';
        ++i;
      } else {
        quoted = !quoted;
      }
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

// "1,234.5" is a number with thousands apart; anything else that is not all number is none.
double number_of(const std::string& field) {
  std::string digits;
  for (const char c : field) {
    if (c != ',') digits += c;
  }
  double value = 0.0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, value);
  return problem == std::errc() && stopped == end && !digits.empty() ? value : std::nan("");
}

// What a unit of the second line is worth in bytes, nanoseconds, hertz or counts.
double worth_of(const std::string& unit) {
  static const std::pair<const char*, double> kWorth[] = {
      {"Kbyte", 1e3},   {"Mbyte", 1e6}, {"Gbyte", 1e9},   {"Tbyte", 1e12}, {"us", 1e3},
      {"usecond", 1e3}, {"ms", 1e6},    {"msecond", 1e6}, {"s", 1e9},      {"second", 1e9},
      {"Khz", 1e3},     {"Mhz", 1e6},   {"Ghz", 1e9}};
  const std::string first = unit.substr(0, unit.find('/'));
  for (const auto& [name, worth] : kWorth) {
    if (first == name) return worth;
  }
  return 1.0;
}

struct Table {
  Fields names, units;

  KernelCounters launch(const Fields& fields) const {
    KernelCounters one;
    for (std::size_t i = 0; i < names.size() && i < fields.size(); ++i) {
      if (names[i] == "Kernel Name") one.kernel = fields[i];
      if (names[i] == "Grid Size") one.grid = fields[i];
      if (names[i] == "Block Size") one.block = fields[i];
      // Counters are called unit__name; the columns before them are not.
      const double value = number_of(fields[i]);
      if (names[i].find("__") == std::string::npos || !std::isfinite(value)) continue;
      one.values[names[i]] = value * (i < units.size() ? worth_of(units[i]) : 1.0);
    }
    return one;
  }
};

}  // namespace

NcuOutput read_ncu_csv(std::string_view text) {
  NcuOutput out;
  Table table;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    constexpr std::string_view kError = "==ERROR== ";
    if (line.starts_with(kError)) out.errors.emplace_back(line.substr(kError.size()));
    if (line.find("No kernels were profiled") != std::string_view::npos) out.no_kernels = true;
    if (line.starts_with("==") || line.empty()) continue;
    if (line.starts_with("\"ID\",")) {
      table = {fields_of(line), {}};
    } else if (!table.names.empty() && line.front() == '"') {
      const Fields fields = fields_of(line);
      if (fields.size() != table.names.size()) continue;  // cut off, or somebody else's line
      if (fields.front().empty()) {
        table.units = fields;
      } else {
        out.kernels.push_back(table.launch(fields));
      }
    }
  }
  return out;
}

}  // namespace aisp::bench
