// Asks the worker for facts, counters and findings, in this order. See examine.h.
#include "doctor/examine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fnmatch.h>
#include <strings.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/describe.h"
#include "doctor/inside.h"
#include "doctor/lab_items.h"
#include "doctor/paths.h"
#include "doctor/probe.h"
#include "doctor/worker.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Table>
const auto* row_of(const Table& table, const std::string& id) {
  for (const auto& row : table) {
    if (id == row.id) return &row;
  }
  return static_cast<decltype(&table.front())>(nullptr);
}

bool matches(const std::string& name, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return true;
  for (const std::string& pattern : patterns) {
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_CASEFOLD) == 0) return true;
  }
  return false;
}

[[noreturn]] void no_match(const char* option, const std::string& wanted,
                           const std::vector<std::string>& known) {
  const std::string close = nearest(wanted, known);
  throw UsageError("matches nothing on the checklist", fmt::format("{} {}", option, wanted),
                   close.empty() ? "aisp doctor lists all" : "did you mean " + close + "?");
}

std::vector<Item> chosen_items(const ExamineOptions& options) {
  std::vector<Item> items;
  std::vector<std::string> ids, sections;
  for (const Item& item : checklist()) {
    ids.push_back(item.id);
    if (sections.empty() || sections.back() != item.section) sections.push_back(item.section);
    if (matches(item.section, options.sections) && matches(item.id, options.items)) {
      items.push_back(item);
    }
  }
  for (const auto& [option, patterns, known] :
       {std::tuple{"--section", &options.sections, &sections}, {"--item", &options.items, &ids}}) {
    for (const std::string& pattern : *patterns) {
      const bool any = std::any_of(known->begin(), known->end(),
                                   [&](const auto& name) { return matches(name, {pattern}); });
      if (!any) no_match(option, pattern, *known);
    }
  }
  if (items.empty()) {
    throw UsageError("no item is in both", "--section and --item", "leave one of them out");
  }
  return items;
}

// The examination of one machine or tree. The child's side is serve(); it sees what the parent had
// collected when it was forked.
class Session {
 public:
  explicit Session(const ExamineOptions& options)
      : options_(options), worker_([this](const Json& question) { return serve(question); }) {
    if (!options.tree.empty()) {
      evidence_ = recorded_evidence(options.tree);
      collected_.facts = evidence_->facts();
    } else {
      evidence_ = live_evidence(options.subject, collected_, options.record_to);
    }
  }

  Examination run() {
    const auto begin = Clock::now();
    Examination result;
    result.program = bench::build_info().at("version");
    result.when = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    result.tree = options_.tree;
    const std::vector<Item> items = chosen_items(options_);
    if (options_.tree.empty()) collect();
    if (options_.inside) result.granted = ask_granted();
    // Probes that watch counters come last, so that the window passes while others work.
    std::vector<Row> rows;
    std::vector<std::size_t> late;
    for (const Item& item : items) rows.push_back({item, {}, 0.0});
    std::size_t done = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Probe* const probe = row_of(probes(), rows[i].item.id);
      if (probe != nullptr && !probe->counters.empty()) {
        late.push_back(i);
      } else {
        fill(rows[i], ++done, rows.size());
      }
    }
    if (!late.empty() && options_.tree.empty()) wait_for_window();
    for (const std::size_t i : late) fill(rows[i], ++done, rows.size());
    result.rows = std::move(rows);
    result.facts = collected_.facts;
    result.host = collected_.facts.hostname;
    result.seconds = seconds_since(begin);
    if (!options_.record_to.empty()) finish_recording();
    return result;
  }

 private:
  void collect() {
    const auto facts = worker_.ask({{"do", "facts"}}, options_.facts_limit_s);
    if (facts && !facts->contains("error")) {
      collected_.facts = machine::facts_from_json(*facts);
    } else {
      collected_.facts.unseen.push_back(
          {"devices", facts ? facts->value("error", "") : "reading them " + worker_.lost(), ""});
    }
    const auto counters = worker_.ask({{"do", "counters"}}, options_.facts_limit_s);
    window_begin_ = Clock::now();
    if (counters && !counters->contains("error")) {
      collected_.counters = counters->get<std::map<std::string, std::string>>();
    }
    collected_.window_s = [this] { return seconds_since(window_begin_); };
    worker_.restart();  // the next child knows what was collected
  }

  std::vector<Reading> ask_granted() {
    std::vector<Reading> all;
    const auto answer = worker_.ask({{"do", "granted"}}, options_.facts_limit_s);
    if (!answer || answer->contains("error")) return all;
    return finding_from_json(*answer).evidence;
  }

  void wait_for_window() const {
    const double left = options_.window_s - seconds_since(window_begin_);
    if (left > 0) std::this_thread::sleep_for(std::chrono::duration<double>(left));
  }

  void fill(Row& row, std::size_t done, std::size_t all) {
    if (options_.progress) options_.progress(done, all, row.item.id);
    const auto begin = Clock::now();
    const Measure* const measure = row_of(measures(), row.item.id);
    double limit = options_.probe_limit_s;
    if (measure != nullptr && options_.measure) limit += 3.0 * measure->seconds + 5.0;
    const auto answer = worker_.ask({{"do", "item"}, {"id", row.item.id}}, limit);
    if (!answer) {
      row.finding = cannot_see("the probe " + worker_.lost());
    } else if (answer->contains("error")) {
      row.finding = cannot_see(answer->value("error", ""));
    } else {
      row.finding = finding_from_json(*answer);
    }
    row.seconds = seconds_since(begin);
  }

  // From here on: in the child.
  Json serve(const Json& question) {
    const std::string what = question.at("do");
    if (what == "facts") return to_json(machine::read_facts());
    if (what == "counters") return read_counters();
    if (what == "granted") return to_json(ok("granted", granted(*evidence_)));
    if (options_.in_child) options_.in_child(question.at("id"));
    return to_json(examine_item(question.at("id")));
  }

  Json read_counters() const {
    std::set<std::string> paths;
    for (const Probe& probe : probes()) {
      for (const char* pattern : probe.counters) {
        for (const auto& path : evidence_->counter_paths(pattern)) paths.insert(path);
      }
    }
    Json texts = Json::object();
    for (const std::string& path : paths) {
      const Text text = evidence_->read(path);
      if (text) texts[path] = text.value;
    }
    return texts;
  }

  Finding examine_item(const std::string& id) const {
    const Item* const item = find_item(id);
    if (const Probe* const probe = row_of(probes(), id)) return probe->decide(*evidence_);
    if (const Setting* const setting = row_of(settings(), id)) return decide(*setting, *evidence_);
    if (const Measure* const measure = row_of(measures(), id)) return measured(*measure);
    Finding listed;
    listed.verdict = Verdict::kListed;
    if (item->kind == Kind::kLab) return lab_finding(*item, *evidence_);
    if (item->kind == Kind::kAdvice) {
      listed.says = item->gist;
      return listed;
    }
    if (item->kind == Kind::kMeasure) return not_measured("this program has no measurement of it");
    return cannot_see("this program has no probe for it");
  }

  static Finding not_measured(std::string why) {
    Finding finding;
    finding.verdict = Verdict::kNotMeasured;
    finding.says = std::move(why);
    return finding;
  }

  Finding measured(const Measure& measure) const {
    Json found = evidence_->measured(measure.id);
    if (found.is_null()) {
      if (evidence_->recorded()) return cannot_see("no measurement was recorded");
      const std::string why_not = measure.needs(*evidence_);
      if (!why_not.empty()) return not_applicable(why_not);
      if (!options_.measure && !measure.always) {
        return not_measured(fmt::format("--measure takes {:g} s for it", measure.seconds));
      }
      found = measure.measure(*evidence_, measure.seconds);
      keep_measured(measure.id, found);
    }
    return measure.decide(*evidence_, found);
  }

  void keep_measured(const std::string& id, const Json& found) const {
    if (options_.record_to.empty()) return;
    const std::filesystem::path folder = options_.record_to + "/measured";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    std::ofstream(folder / (id + ".json")) << found.dump(1) << '\n';
  }

  void finish_recording() const {
    std::ofstream(options_.record_to + "/facts.json") << to_json(collected_.facts).dump(1) << '\n';
    std::ofstream(options_.record_to + "/subject.json")
        << to_json(options_.subject).dump(1) << '\n';
    // A child that was cut off while it wrote leaves half a document.
    const std::string path = options_.record_to + "/tree.json";
    Json tree = Json::parse(machine::read_text(path).value_or("{}"), nullptr, false);
    if (!tree.is_object()) tree = Json::object();
    if (!tree.contains("window_s")) tree["window_s"] = options_.window_s;
    std::ofstream(path) << tree.dump(1) << '\n';
  }

  const ExamineOptions& options_;
  Collected collected_;
  Clock::time_point window_begin_{};
  std::unique_ptr<Evidence> evidence_;
  Worker worker_;
};

void check_folders(const ExamineOptions& options) {
  if (options.record_to.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(options.record_to, error);
  if (error) throw Error(error.message(), options.record_to, "name a folder that can be written");
  if (!std::filesystem::is_empty(options.record_to, error)) {
    throw Error("the folder is not empty", options.record_to, "name a fresh one");
  }
}

}  // namespace

Examination examine(const ExamineOptions& options) {
  check_folders(options);
  return Session(options).run();
}

}  // namespace aisp::doctor
