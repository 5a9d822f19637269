// `aisp eval drift`: the judge's logits go to a file without a name, then the other model computes
// the same positions and is compared row by row. Only one of them is packed at a time.
#include "app/eval_drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "model/reference.h"
#include "model/row_file.h"
#include "model/scorer.h"

namespace aisp::app {
namespace {

void check_question(const DriftOptions& o) {
  if (o.text.empty() == o.prompts.empty()) {
    throw UsageError("give one of --text and --prompts", "aisp eval drift", "see --help");
  }
  if (!o.prompts.empty() && o.tokens > 0) {
    throw UsageError("is of a --text", "--tokens", "leave it out");
  }
  if (o.other.empty() && !o.reference && o.kv_a == o.kv_b) {
    throw UsageError("there is nothing to compare", "aisp eval drift",
                     "name model B, another --kv-b, or --reference");
  }
  if (o.reference && o.kv_a != "bf16") {
    throw UsageError("the reference keeps no keys and values", "--kv-a", "leave it out");
  }
}

void check_same_vocabulary(const EvalModel& a, const EvalModel& b, const std::string& where) {
  if (a.config.vocab == b.config.vocab && a.tokenizer.spec().pieces == b.tokenizer.spec().pieces) {
    return;
  }
  throw Error("has another vocabulary than the judge", where,
              "only models with the same pieces can be compared");
}

bool computed_by_scorer(
    const EvalModel& m, const Material& material, const std::string& kv, int threads,
    const std::function<bool(std::span<const model::ScoredRow>, machine::ThreadPool&)>& take) {
  std::vector<model::ScoredSequence> sequences;
  std::size_t longest = 1;
  for (const Tokens& tokens : material.tokens) {
    sequences.push_back({.tokens = tokens});
    longest = std::max(longest, tokens.size());
  }
  model::Scorer scorer(
      m.tensors, m.config,
      {.kv = kv_type_of(kv), .threads = threads, .longest = static_cast<std::int64_t>(longest)});
  return scorer.run(
      sequences, [&](std::span<const model::ScoredRow> rows) { return take(rows, scorer.pool()); });
}

struct Interrupted {};

// Rows of the slow reference. Ctrl-C is looked for after each layer.
void keep_reference(const EvalModel& m, const Material& material, model::RowFile& rows,
                    EvalProgress& progress) {
  const auto layers = static_cast<std::size_t>(m.config.layers) + 1;
  const auto vocab = static_cast<std::size_t>(m.config.vocab);
  std::vector<float> row(vocab);
  for (std::size_t s = 0; s < material.tokens.size(); ++s) {
    model::ReferenceOptions options;
    options.on_layer = [&](std::int64_t layer, std::span<const double>) {
      const bool more =
          progress.show(s * layers + static_cast<std::size_t>(layer + 1),
                        material.tokens.size() * layers, "reference: " + material.names[s]);
      if (!more) throw Interrupted{};
    };
    const std::vector<double> logits =
        model::reference_logits(m.tensors, m.config, material.tokens[s], options);
    for (std::size_t at = 0; at < logits.size(); at += vocab) {
      std::transform(logits.begin() + static_cast<std::ptrdiff_t>(at),
                     logits.begin() + static_cast<std::ptrdiff_t>(at + vocab), row.begin(),
                     [](double value) { return static_cast<float>(value); });
      rows.append(row);
    }
  }
}

void keep_judge(const EvalModel& m, const DriftOptions& o, const Material& material,
                model::RowFile& kept) {
  EvalProgress progress;
  if (o.reference) return keep_reference(m, material, kept, progress);
  const bool whole = computed_by_scorer(
      m, material, o.kv_a, o.threads, [&](std::span<const model::ScoredRow> rows, auto&) {
        for (const model::ScoredRow& row : rows) kept.append(row.logits);
        return progress.show(static_cast<std::size_t>(kept.rows()),
                             static_cast<std::size_t>(material.rows), "judge");
      });
  if (!whole) throw Interrupted{};
}

std::vector<model::PositionDrift> compared(const EvalModel& m, const DriftOptions& o,
                                           const Material& material, const model::RowFile& kept) {
  std::vector<model::PositionDrift> positions(static_cast<std::size_t>(material.rows));
  std::size_t done = 0;
  EvalProgress progress;
  const auto compare = [&](const model::ScoredRow& row) {
    const Tokens& tokens = material.tokens[row.sequence];
    const auto next = static_cast<std::size_t>(row.position) + 1;
    const std::int64_t number = material.first_row[row.sequence] + row.position;
    std::vector<float> judge(row.logits.size());
    kept.read(number, judge);
    positions[static_cast<std::size_t>(number)] =
        model::compare_logits(judge, row.logits, next < tokens.size() ? tokens[next] : -1);
  };
  const bool whole = computed_by_scorer(
      m, material, o.kv_b, o.threads,
      [&](std::span<const model::ScoredRow> rows, machine::ThreadPool& pool) {
        std::optional<Error> failed;  // of worker 0 or later ones: bodies must not throw
        std::mutex mutex;
        pool.parallel_for(static_cast<std::int64_t>(rows.size()), 1,
                          [&](std::int64_t begin, std::int64_t end) {
                            try {
                              for (std::int64_t i = begin; i < end; ++i) {
                                compare(rows[static_cast<std::size_t>(i)]);
                              }
                            } catch (const Error& problem) {
                              const std::lock_guard lock(mutex);
                              failed = problem;
                            }
                          });
        if (failed) throw *failed;
        done += rows.size();
        return progress.show(done, positions.size(), "compared");
      });
  if (!whole) throw Interrupted{};
  return positions;
}

std::string scratch_of(const DriftOptions& o) {
  if (!o.scratch.empty()) return o.scratch;
  const char* folder = std::getenv("TMPDIR");
  return folder == nullptr || *folder == '\0' ? "/var/tmp" : folder;
}

}  // namespace

int cmd_eval_drift(const DriftOptions& o) {
  check_question(o);
  const EvalModel a(o.judge);
  std::optional<EvalModel> second;
  if (!o.other.empty()) {
    second.emplace(o.other);
    check_same_vocabulary(a, *second, o.other);
  }
  const EvalModel& b = second ? *second : a;
  const Material material = material_of(a, o);
  std::vector<model::PositionDrift> positions;
  try {
    model::RowFile kept(scratch_of(o), a.config.vocab);
    keep_judge(a, o, material, kept);
    positions = compared(b, o, material, kept);
  } catch (const Interrupted&) {
    fmt::print(stderr, "interrupted: nothing was compared to the end\n");
    return 130;
  }
  const Findings findings = find_drift(std::move(positions), material, o.worst);
  const std::vector<std::string> beyond = model::beyond(findings.all, o.bounds);
  show_drift(o, a.tokenizer, material, findings, beyond);
  return beyond.empty() ? 0 : kExitDrift;
}

}  // namespace aisp::app
