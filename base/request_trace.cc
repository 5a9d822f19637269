// See request_trace.h.
#include "base/request_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace aisp {

namespace {

constexpr double kMostTokens = 16'777'216.0;
constexpr std::int32_t kMooncakeBlock = 512;

// Where we are, for messages.
struct Place {
  const std::string& name;
  std::int64_t line = 0;

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(what, name + ":" + std::to_string(line),
                "give a trace as Azure, BurstGPT or Mooncake publish it");
  }
};

// Lines without their end; a \r before it goes too.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
  }

 private:
  std::string_view rest_;
};

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

std::optional<double> number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::int32_t tokens_of(double value, const Place& place) {
  if (!(value >= 0 && value <= kMostTokens) || value != std::floor(value)) {
    place.fail("a number of tokens is not a whole number from 0 to 2^24");
  }
  return static_cast<std::int32_t>(value);
}

std::int32_t tokens_of(std::string_view text, const Place& place) {
  const auto value = number(text);
  if (!value)
    place.fail(fmt::format("\"{}\" is no number of tokens", cut_to_width(printable(text), 40)));
  return tokens_of(*value, place);
}

// Days from 1970-01-01. Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms".
double days_from_civil(int year, int month, int day) {
  year -= month <= 2;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int of_era = year - era * 400;
  const int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097.0 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

// "2023-11-16 18:15:46.6805900" in seconds.
double seconds_of_date(std::string_view text, const Place& place) {
  const auto part = [&](std::size_t begin, std::size_t size) {
    return text.size() >= begin + size ? number(text.substr(begin, size)).value_or(-1) : -1;
  };
  const double year = part(0, 4), month = part(5, 2), day = part(8, 2);
  const double hour = part(11, 2), minute = part(14, 2);
  const double second = text.size() > 17 ? number(text.substr(17)).value_or(-1) : -1;
  const bool right = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
                     hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 &&
                     second < 61 && text[4] == '-' && text[7] == '-' && text[10] == ' ' &&
                     text[13] == ':' && text[16] == ':';
  if (!right)
    place.fail(fmt::format("\"{}\" is no date and time", cut_to_width(printable(text), 40)));
  return days_from_civil(static_cast<int>(year), static_cast<int>(month), static_cast<int>(day)) *
             86400.0 +
         hour * 3600 + minute * 60 + second;
}

// Columns by name, so that both published forms of BurstGPT are read.
class Columns {
 public:
  Columns(std::string_view header, const Place& place) {
    const auto names = fields_of(header);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (!by_name_.emplace(std::string(names[i]), i).second) {
        place.fail("two columns have one name");
      }
    }
  }
  bool has(const char* name) const { return by_name_.contains(name); }
  std::size_t count() const { return by_name_.size(); }
  std::string_view get(const std::vector<std::string_view>& row, const char* name) const {
    return row[by_name_.at(name)];
  }

 private:
  std::map<std::string, std::size_t> by_name_;
};

RequestTrace parse_table(Lines& lines, std::string_view header, Place& place) {
  const Columns columns(header, place);
  RequestTrace trace;
  const bool azure = columns.has("ContextTokens");
  trace.format = azure ? RequestTrace::Format::kAzure : RequestTrace::Format::kBurstGpt;
  const char* time = azure ? "TIMESTAMP" : "Timestamp";
  const char* input = azure ? "ContextTokens" : "Request tokens";
  const char* output = azure ? "GeneratedTokens" : "Response tokens";
  for (const char* name : {time, input, output}) {
    if (!columns.has(name)) place.fail(fmt::format("there is no column \"{}\"", name));
  }
  std::string_view line;
  while (lines.next(line)) {
    ++place.line;
    if (line.empty()) continue;
    const auto row = fields_of(line);
    if (row.size() != columns.count()) place.fail("the line has not as many fields as the first");
    TracedRequest request;
    request.prompt_tokens = tokens_of(columns.get(row, input), place);
    request.output_tokens = tokens_of(columns.get(row, output), place);
    if (azure) {
      request.arrival_s = seconds_of_date(columns.get(row, time), place);
    } else {
      const auto seconds = number(columns.get(row, time));
      if (!seconds || *seconds < 0) place.fail("a time is no number of seconds");
      request.arrival_s = *seconds;
    }
    if (request.output_tokens == 0) {
      ++trace.skipped;
    } else {
      trace.requests.push_back(std::move(request));
    }
  }
  return trace;
}

std::vector<std::int64_t> prefix_of(const nlohmann::json& object, std::int32_t prompt_tokens,
                                    const Place& place) {
  const auto found = object.find("hash_ids");
  if (found == object.end()) return {};
  const std::size_t blocks =
      static_cast<std::size_t>((prompt_tokens + kMooncakeBlock - 1) / kMooncakeBlock);
  if (!found->is_array() || found->size() > blocks) {
    place.fail("\"hash_ids\" is no list of one number for each 512 tokens of the prompt");
  }
  std::vector<std::int64_t> prefix;
  prefix.reserve(found->size());
  for (const auto& id : *found) {
    if (!id.is_number_integer()) place.fail("\"hash_ids\" has something else than whole numbers");
    prefix.push_back(id.get<std::int64_t>());
  }
  return prefix;
}

RequestTrace parse_mooncake(Lines& lines, std::string_view line, Place& place) {
  RequestTrace trace;
  trace.format = RequestTrace::Format::kMooncake;
  trace.hash_tokens = kMooncakeBlock;
  do {
    if (line.empty()) continue;
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object()) place.fail("the line is no JSON object");
    const auto get = [&](const char* name) {
      const auto found = object.find(name);
      if (found == object.end() || !found->is_number()) {
        place.fail(fmt::format("there is no number \"{}\"", name));
      }
      return found->get<double>();
    };
    TracedRequest request;
    request.arrival_s = get("timestamp") * 1e-3;
    if (!(request.arrival_s >= 0 && request.arrival_s < 1e12)) {
      place.fail("a time is no number of milliseconds");
    }
    request.prompt_tokens = tokens_of(get("input_length"), place);
    request.output_tokens = tokens_of(get("output_length"), place);
    request.prefix = prefix_of(object, request.prompt_tokens, place);
    if (request.output_tokens == 0) {
      ++trace.skipped;
    } else {
      trace.requests.push_back(std::move(request));
    }
  } while (++place.line, lines.next(line));
  return trace;
}

}  // namespace

const char* name_of(RequestTrace::Format format) {
  switch (format) {
    case RequestTrace::Format::kAzure:
      return "Azure LLM 2023";
    case RequestTrace::Format::kBurstGpt:
      return "BurstGPT";
    case RequestTrace::Format::kMooncake:
      return "Mooncake";
  }
  return "";
}

RequestTrace parse_request_trace(std::string_view text, const std::string& name) {
  Lines lines(text);
  Place place{name, 1};
  std::string_view first;
  if (!lines.next(first) || first.empty()) place.fail("the trace is empty");
  if (first.starts_with("\xef\xbb\xbf")) first.remove_prefix(3);
  RequestTrace trace;
  if (first[0] == '{') {
    trace = parse_mooncake(lines, first, place);
  } else {
    trace = parse_table(lines, first, place);
  }
  if (trace.requests.empty()) place.fail("the trace has no request");
  const auto earlier = [](const TracedRequest& a, const TracedRequest& b) {
    return a.arrival_s < b.arrival_s;
  };
  std::ranges::stable_sort(trace.requests, earlier);
  const double first_s = trace.requests.front().arrival_s;
  for (TracedRequest& request : trace.requests) request.arrival_s -= first_s;
  return trace;
}

RequestTrace read_request_trace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw Error("cannot be read", path, "name a readable file");
  return parse_request_trace(text, path);
}

}  // namespace aisp
