// Decides a setting of the kernel against its expectation. See probe.h.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "doctor/paths.h"
#include "doctor/probe.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using Relation = Setting::Relation;

// The word in brackets: "always [madvise] never".
std::string chosen_word(const std::string& text) {
  const std::size_t open = text.find('['), close = text.find(']', open);
  if (open == std::string::npos || close == std::string::npos) return text;
  return text.substr(open + 1, close - open - 1);
}

bool among(const std::string& word, std::string_view words) {
  for (const auto one : machine::split(words, '|')) {
    if (one == word) return true;
  }
  return false;
}

// Does the text hold what is expected? Nothing when it is not of the expected form.
std::optional<bool> holds(const Setting& setting, const std::string& text) {
  switch (setting.relation) {
    case Relation::kEquals:
      return text == setting.expected;
    case Relation::kOneOf:
      return among(text, setting.expected);
    case Relation::kChosen:
      return among(chosen_word(text), setting.expected);
    case Relation::kAtLeast:
    case Relation::kAtMost:
      break;
  }
  const auto found = machine::parse_number(text);
  const auto limit = machine::parse_number(setting.expected);
  check(limit.has_value(), "a setting's limit is not a number");
  if (!found) return std::nullopt;
  return setting.relation == Relation::kAtLeast ? *found >= *limit : *found <= *limit;
}

constexpr std::size_t kMostShown = 8;

}  // namespace

Finding decide(const Setting& setting, const Evidence& evidence) {
  std::vector<Reading> good, bad;
  std::vector<Fix> fixes;
  std::string why;
  for (const std::string& path : matching_paths(evidence, setting.path)) {
    const Text text = evidence.read(path);
    if (!text) {
      if (why.empty() || text.seen == Text::Seen::kForbidden) why = text.why;
      continue;
    }
    if (text.value.empty()) {
      why = path + ": empty";
      continue;
    }
    const auto fits = holds(setting, text.value);
    if (!fits) {
      why = fmt::format("{}: '{}' is not a number", path, text.value.substr(0, 40));
      continue;
    }
    (*fits ? good : bad).push_back({path, text.value});
    if (!*fits && setting.write != nullptr) {
      fixes.push_back({Fix::Kind::kWrite, path, setting.write});
    }
  }
  if (!bad.empty()) {
    const std::string& value = bad.front().value;
    const bool chosen = setting.relation == Relation::kChosen;
    Finding finding;
    finding.verdict = setting.otherwise;
    finding.says = fmt::format(fmt::runtime(setting.says_bad), chosen ? chosen_word(value) : value);
    if (bad.size() > 1)
      finding.says += fmt::format(" ({} of {})", bad.size(), bad.size() + good.size());
    finding.evidence = std::move(bad);
    if (finding.evidence.size() > kMostShown) finding.evidence.resize(kMostShown);
    finding.cost = setting.cost;
    finding.fixes = std::move(fixes);
    return finding;
  }
  if (!good.empty()) {
    if (good.size() > kMostShown) good.resize(kMostShown);
    const bool chosen = setting.relation == Relation::kChosen;
    const std::string value = chosen ? chosen_word(good.front().value) : good.front().value;
    return ok(value, std::move(good));
  }
  if (why.empty()) return not_applicable(fmt::format("{} does not exist here", setting.path));
  return cannot_see(why);
}

}  // namespace aisp::doctor
