// See model.h.
#include "report/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/units.h"

namespace aisp::report {
namespace {

State state_of(const bench::CaseResult& result, const bench::TechniqueResult& technique) {
  switch (technique.outcome) {
    case bench::Outcome::kSkipped:
      return State::kSkipped;
    case bench::Outcome::kWrong:
      return State::kWrong;
    case bench::Outcome::kImpossible:
      return State::kImpossible;
    case bench::Outcome::kFailed:
      return State::kFailed;
    case bench::Outcome::kNoisy:
      return State::kNoisy;
    case bench::Outcome::kOk:
      break;
  }
  if (technique.name == result.baseline) return State::kBaseline;
  if (!result.checks_off.empty()) return State::kUnchecked;
  switch (technique.pair.verdict) {
    case bench::Verdict::kFaster:
      return State::kFaster;
    case bench::Verdict::kSlower:
      return State::kSlower;
    case bench::Verdict::kEquivalent:
      return State::kEquivalent;
    case bench::Verdict::kInconclusive:
      break;
  }
  return State::kInconclusive;
}

// 1/ratio; an end that excludes nothing stays open instead of becoming 0.
Interval invert(const Interval& ratio) {
  const auto one_over = [](double value) {
    return value > 0.0 && std::isfinite(value) ? 1.0 / value
                                               : std::numeric_limits<double>::quiet_NaN();
  };
  return {one_over(ratio.estimate), one_over(ratio.high), one_over(ratio.low)};
}

Row row_of(const bench::CaseResult& result, const bench::TechniqueResult& technique) {
  Row row;
  row.technique = &technique;
  row.state = state_of(result, technique);
  if (technique.role == "peer" || technique.role == "ceiling") row.aside = technique.role;
  row.timed =
      technique.outcome == bench::Outcome::kOk || technique.outcome == bench::Outcome::kNoisy;
  if (row.timed) row.speedup = invert(technique.pair.ratio);
  return row;
}

// As a shell would take it back.
std::string quoted(const std::string& argument) {
  const bool plain =
      !argument.empty() && argument.find_first_of(" \t\n'\"*?[$&;|<>()\\`#~!") == std::string::npos;
  if (plain) return argument;
  std::string text = "'";
  for (const char c : argument) {
    if (c == '\'') {
      text += "'\\''";
    } else {
      text += c;
    }
  }
  return text + "'";
}

}  // namespace

const bench::Json* find(const bench::Json& header, const std::vector<std::string>& path) {
  const bench::Json* at = &header;
  for (const auto& key : path) {
    if (!at->is_object() || !at->contains(key)) return nullptr;
    at = &at->at(key);
  }
  return at;
}

std::string chapter_of(const LabView& lab) { return lab.name.substr(0, lab.name.find(':')); }

const char* name(State state) {
  switch (state) {
    case State::kBaseline:
      return "baseline";
    case State::kFaster:
      return "faster";
    case State::kEquivalent:
      return "equivalent";
    case State::kSlower:
      return "slower";
    case State::kInconclusive:
      return "inconclusive";
    case State::kNoisy:
      return "noisy";
    case State::kUnchecked:
      return "unchecked";
    case State::kWrong:
      return "wrong";
    case State::kImpossible:
      return "impossible";
    case State::kFailed:
      return "failed";
    case State::kSkipped:
      return "skipped";
  }
  return "?";
}

const Row* CaseView::best() const {
  const Row* found = nullptr;
  for (const Row& row : rows) {
    if (row.state != State::kFaster || !row.aside.empty()) continue;
    if (!found || row.speedup.estimate > found->speedup.estimate) found = &row;
  }
  return found;
}

int Tally::total() const {
  int sum = 0;
  for (const auto& [state, count] : techniques) sum += count;
  return sum;
}

Model build_model(const bench::RunRecord& run) {
  Model model;
  std::map<std::string, std::size_t> position;
  for (const auto& result : run.results) {
    const auto [found, first] = position.try_emplace(result.lab, model.labs.size());
    if (first) {
      model.labs.push_back({result.lab, fmt::format("lab-{}", model.labs.size() + 1), {}});
    }
    CaseView view;
    view.result = &result;
    view.id = fmt::format("case-{}", ++model.tally.cases);
    for (const auto& technique : result.techniques) {
      view.rows.push_back(row_of(result, technique));
      const Row& row = view.rows.back();
      if (!row.aside.empty()) {
        model.tally.peers += row.aside == "peer" ? 1 : 0;
      } else if (technique.name == result.baseline && row.timed) {
        ++model.tally.baselines;
      } else {
        ++model.tally.techniques[row.state];
      }
    }
    model.labs[found->second].cases.push_back(std::move(view));
  }
  return model;
}

std::string describe(const Tally& tally) {
  std::string text;
  for (const auto& [state, count] : tally.techniques) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name(state));
  }
  return text.empty() ? "nothing was measured" : text;
}

std::vector<double> wall_samples(const bench::CaseResult& result, const std::string& technique) {
  std::vector<double> samples;
  for (const auto& process : result.processes) {
    const auto of_one = wall_samples(process, technique);
    samples.insert(samples.end(), of_one.begin(), of_one.end());
  }
  return samples;
}

std::vector<double> wall_samples(const bench::ProcessRecord& process,
                                 const std::string& technique) {
  std::vector<double> samples;
  const auto found = process.series.find(technique);
  if (found == process.series.end()) return samples;
  for (const double value : found->second.wall_ns) {
    if (std::isfinite(value) && value > 0.0) samples.push_back(value);
  }
  return samples;
}

std::string explain(const Row& row) {
  const bench::TechniqueResult& t = *row.technique;
  std::string text = t.role == "ceiling" && t.reason.empty() ? t.summary : t.reason;
  if (!t.detector.empty())
    text += fmt::format("{}found by: {}", text.empty() ? "" : "; ", t.detector);
  if (row.state == State::kInconclusive && t.pair.rounds_needed > 0) {
    text +=
        fmt::format("{}would need about {} rounds", text.empty() ? "" : "; ", t.pair.rounds_needed);
  }
  return text;
}

std::string describe_params(const bench::CaseResult& result) {
  std::string text;
  for (const auto& [key, value] : result.params) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", key, value);
  }
  return text;
}

std::vector<std::string> describe_rates(const bench::CaseResult& result,
                                        const bench::TechniqueResult& technique) {
  std::vector<std::string> rates;
  const bool integer =
      !result.flops_dtype.empty() && (result.flops_dtype[0] == 'i' || result.flops_dtype[0] == 'u');
  if (technique.gflop_per_s > 0.0) {
    rates.push_back(format_rate(technique.gflop_per_s * 1e9, integer ? "OP/s" : "FLOP/s"));
  }
  if (technique.gb_per_s > 0.0) rates.push_back(format_rate(technique.gb_per_s * 1e9, "B/s"));
  if (technique.items_per_s > 0.0) {
    const std::string item = result.item_name.empty() ? "items" : result.item_name;
    rates.push_back(format_rate(technique.items_per_s, item + "/s"));
  }
  return rates;
}

std::string describe_ceiling(const bench::TechniqueResult& technique) {
  if (!technique.beside.empty()) {
    const Interval& fraction = technique.beside_fraction;
    return fmt::format("{} [{:.0f}, {:.0f}] beside", format_percent(fraction.estimate),
                       100.0 * fraction.low, 100.0 * fraction.high);
  }
  if (!(technique.ceiling_fraction > 0.0)) return "";
  const std::string percent = format_percent(technique.ceiling_fraction);
  return technique.bound.empty() ? percent : fmt::format("{} {}", percent, technique.bound);
}

std::string named(const Row& row) {
  return row.technique->name + (row.aside == "peer" ? " (peer)" : "");
}

std::string header_text(const bench::Json& header, const std::vector<std::string>& path) {
  const bench::Json* at = find(header, path);
  if (!at) return "";
  if (at->is_string()) return at->get<std::string>();
  if (at->is_number_float()) return format_number(at->get<double>());
  if (at->is_number() || at->is_boolean()) return at->dump();
  return "";
}

double header_number(const bench::Json& header, const std::vector<std::string>& path) {
  const bench::Json* at = find(header, path);
  return at && at->is_number() ? at->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::string describe_build(const bench::Json& header) {
  std::string text = header_text(header, {"aisp", "version"});
  const std::string commit = header_text(header, {"aisp", "git_commit"});
  if (!commit.empty()) {
    text += fmt::format("{}commit {}", text.empty() ? "" : ", ", commit.substr(0, 12));
    if (header_text(header, {"aisp", "git_dirty"}) == "true") text += " (modified)";
  }
  return text;
}

std::string describe_command(const bench::Json& header) {
  if (!header.is_object() || !header.contains("command")) return "";
  const bench::Json& command = header.at("command");
  if (!command.is_array()) return "";
  std::string text;
  for (const auto& word : command) {
    if (!word.is_string()) continue;
    text += fmt::format("{}{}", text.empty() ? "" : " ", quoted(word.get<std::string>()));
  }
  return text;
}

std::string describe_rerun(const bench::Json& header, const LabView& lab) {
  std::string text = "build/aisp bench run --targets " + quoted(lab.name);
  const bool on_gpu = std::all_of(lab.cases.begin(), lab.cases.end(), [](const CaseView& view) {
    return view.result->device == "cuda";
  });
  if (on_gpu) {
    text += " --device cuda";
    const std::string cache = header_text(header, {"options", "cache"});
    if (!cache.empty() && cache != "warm") text += " --cache " + quoted(cache);
    if (header_text(header, {"options", "graph"}) == "true") text += " --graph";
  }
  for (const auto& [key, option] :
       {std::pair{"size", "--size"}, std::pair{"profile", "--profile"}}) {
    const std::string value = header_text(header, {"options", key});
    if (!value.empty()) text += fmt::format(" {} {}", option, quoted(value));
  }
  for (const auto& [key, option] :
       {std::pair{"peers", "--peers"}, std::pair{"isolated", "--isolated"}}) {
    if (header_text(header, {"options", key}) == "true") text += fmt::format(" {}", option);
  }
  return text;
}

}  // namespace aisp::report
