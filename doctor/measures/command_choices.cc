// Measures that sweep a choice inside the user's command: {batch=32|64|128}. The first value is
// the one in use; the sweep says whether another is worth more.
//
// Source: docs/MEASURING.md for why runs are interleaved and compared in pairs.
#include <fmt/format.h>

#include <numeric>

#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/user_command.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kSweepSeconds = 20.0;

template <const char* const& name>
std::string needs_this(const Evidence& evidence) {
  return needs_choice(evidence, name);
}
template <const char* const& name>
Json measure_this(const Evidence& evidence, double seconds) {
  return sweep(evidence.subject().command, name, seconds);
}

const char* const kBatch = "batch";
const char* const kMicroBatch = "micro_batch";
const char* const kVariant = "variant";
const char* const kInput = "input";
const char* const kSize = "size";
const char* const kRanges = "ranges";

struct SweepRow {
  std::string value;
  double amount = 0.0;   // the value as a number; 0: it is a word
  double seconds = 0.0;  // median
  double wait = 0.0;     // share of the time off the processor
  double peak_bytes = 0.0;
  std::vector<double> all;
};

std::vector<SweepRow> rows_of(const Json& found) {
  std::vector<SweepRow> rows;
  for (const Json& row : found.at("rows")) {
    SweepRow one;
    one.value = row.at("value").get<std::string>();
    one.amount = machine::parse_number(one.value).value_or(0.0);
    one.all = values(row, "seconds");
    one.seconds = median(one.all);
    const double cpu = median(values(row, "cpu_seconds"));
    one.wait = one.seconds > 0 ? std::clamp(1.0 - cpu / one.seconds, 0.0, 1.0) : 0.0;
    one.peak_bytes = row.value("peak_bytes", 0.0);
    if (one.seconds > 0) rows.push_back(std::move(one));
  }
  return rows;
}

std::vector<Reading> readings(const std::string& name, const std::vector<SweepRow>& rows) {
  std::vector<Reading> read;
  for (const SweepRow& row : rows) {
    read.push_back({fmt::format("{}={}", name, row.value),
                    fmt::format("{} in {} runs, {} at most", format_time(row.seconds * 1e9),
                                row.all.size(), format_bytes(row.peak_bytes))});
  }
  return read;
}

// Work a second is the value over the time: batch, sequence length, size.
Finding decide_knee(const Evidence& evidence, const Json& found) {
  const auto rows = rows_of(found);
  const std::string name = found.value("name", "batch");
  if (rows.size() < 2) return cannot_see("fewer than two values were measured");
  const auto rate = [](const SweepRow& row) { return row.amount / row.seconds; };
  const auto best = std::max_element(
      rows.begin(), rows.end(), [&](const auto& a, const auto& b) { return rate(a) < rate(b); });
  if (rate(*best) <= 0) return cannot_see("the values of {" + name + "=...} are no numbers");
  // The knee: the least value that has 95 % of the best rate; beyond it memory is paid for little.
  const SweepRow* knee = &*best;
  for (const SweepRow& row : rows) {
    if (rate(row) >= 0.95 * rate(*best) && row.amount < knee->amount) knee = &row;
  }
  const SweepRow& used = rows.front();
  const double share = rate(used) / rate(*best);
  const std::string words = fmt::format("{} {} reaches {:.0f} % of the rate of {}", name,
                                        used.value, 100 * share, best->value);
  if (share >= 0.9) return ok(words, readings(name, rows));
  return warn(
      fmt::format("{}; the knee is at {}", words, knee->value), readings(name, rows),
      fmt::format("{} as much work a second at {}", format_ratio(1.0 / share), best->value));
}

Finding decide_wait(const Evidence&, const Json& found) {
  const auto rows = rows_of(found);
  if (rows.size() < 2) return cannot_see("fewer than two batch sizes were measured");
  constexpr double kMostWait = 0.05;
  const SweepRow* best = nullptr;
  for (const SweepRow& row : rows) {
    if (row.wait < kMostWait &&
        (best == nullptr || row.amount / row.seconds > best->amount / best->seconds)) {
      best = &row;
    }
  }
  auto read = readings("batch", rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    read[i].value += fmt::format(", {:.0f} % waiting", 100 * rows[i].wait);
  }
  const SweepRow& used = rows.front();
  if (used.wait < kMostWait) {
    return ok(
        fmt::format("at batch {} the step waits {:.1f} % of its time", used.value, 100 * used.wait),
        read);
  }
  return warn(
      fmt::format("at batch {} the step waits {:.0f} % of its time{}", used.value, 100 * used.wait,
                  best ? fmt::format("; at {} it does not", best->value)
                       : std::string("; no batch size tried hides it")),
      read, fmt::format("{:.0f} % of the time of a step", 100 * used.wait));
}

// Ratio of the second value's time over the first's, pair by pair.
Interval paired_ratio(const SweepRow& first, const SweepRow& second) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(first.all.size(), second.all.size()); ++i) {
    if (first.all[i] > 0) ratios.push_back(second.all[i] / first.all[i]);
  }
  return median_interval(ratios);
}

Finding decide_change(const Evidence&, const Json& found) {
  const auto rows = rows_of(found);
  if (rows.size() < 2) return cannot_see("fewer than two variants were measured");
  const Interval ratio = paired_ratio(rows[0], rows[1]);
  const auto read = readings("variant", rows);
  const std::string words =
      fmt::format("{} takes {} {} of the time of {} ({} pairs)", rows[1].value,
                  format_ratio(ratio.estimate), format_ratio_interval(ratio.low, ratio.high),
                  rows[0].value, std::min(rows[0].all.size(), rows[1].all.size()));
  constexpr std::size_t kFewest = 6;  // below, no 95 % interval of a median exists
  if (rows[0].all.size() < kFewest) {
    return warn(words + ": too few runs to tell", read, "a shorter step, or aisp bench compare");
  }
  if (ratio.contains(1.0)) return warn("no change: " + words, read, "revert what changes nothing");
  if (ratio.low > 1.0) return fail("the change is slower: " + words, read);
  return ok(words, read);
}

Finding decide_input(const Evidence&, const Json& found) {
  const auto rows = rows_of(found);
  if (rows.size() < 2) return cannot_see("fewer than two inputs were measured");
  const double extra = rows[0].seconds / rows[1].seconds - 1.0;
  const auto read = readings("input", rows);
  const std::string words =
      fmt::format("input {} takes {:+.1f} % over {}", rows[0].value, 100 * extra, rows[1].value);
  if (extra <= 0.10) return ok(words, read);
  return warn(words, read,
              fmt::format("{:.0f} % of the step is waiting for input", 100 * extra / (1 + extra)));
}

Finding decide_sizes(const Evidence&, const Json& found) {
  const auto rows = rows_of(found);
  if (rows.size() < 3) return cannot_see("fewer than three sizes were measured");
  const auto read = readings("size", rows);
  double worst = 1.0;
  std::string where;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].amount <= 0 || rows[i - 1].amount <= 0) return cannot_see("a size is no number");
    const double step =
        (rows[i].amount / rows[i].seconds) / (rows[i - 1].amount / rows[i - 1].seconds);
    if (step < worst) {
      worst = step;
      where = fmt::format("from size {} to {}", rows[i - 1].value, rows[i].value);
    }
  }
  if (worst >= 0.8) {
    return ok(fmt::format("the rate loses at most {:.0f} % between neighbouring sizes",
                          100 * (1 - worst)),
              read);
  }
  return warn(fmt::format("the rate falls by {:.0f} % {}", 100 * (1 - worst), where), read,
              "a cache or TLB is left there; lab ch07:transpose shows such a cliff");
}

Finding decide_ranges(const Evidence&, const Json& found) {
  const auto rows = rows_of(found);
  if (rows.size() < 2) return cannot_see("fewer than two variants were measured");
  const Interval ratio = paired_ratio(rows[0], rows[1]);
  const auto read = readings("ranges", rows);
  const std::string words = fmt::format(
      "ranges {} take {} {} of the time of {}", rows[1].value, format_ratio(ratio.estimate),
      format_ratio_interval(ratio.low, ratio.high), rows[0].value);
  if (ratio.low <= 1.01) return ok(words, read);
  return warn(words, read, fmt::format("{:.1f} % of every run", 100 * (ratio.estimate - 1)));
}

std::string needs_wait(const Evidence& evidence) {
  if (!evidence.facts().gpus.empty()) {
    return "with a GPU, time off the processor is not waiting for input; give --trace";
  }
  return needs_choice(evidence, kBatch);
}

}  // namespace

std::vector<Measure> command_choice_measures() {
  return {
      {"throughput-hyperparameters", needs_this<kBatch>, measure_this<kBatch>, guarded<decide_knee>,
       kSweepSeconds},
      {"accumulation-balance", needs_this<kMicroBatch>, measure_this<kMicroBatch>,
       guarded<decide_knee>, kSweepSeconds},
      {"batch-versus-input", needs_wait, measure_this<kBatch>, guarded<decide_wait>, kSweepSeconds},
      {"before-after-comparison", needs_this<kVariant>, measure_this<kVariant>,
       guarded<decide_change>, kSweepSeconds},
      {"synthetic-versus-real", needs_this<kInput>, measure_this<kInput>, guarded<decide_input>,
       kSweepSeconds},
      {"size-scaling", needs_this<kSize>, measure_this<kSize>, guarded<decide_sizes>,
       kSweepSeconds},
      {"nvtx-overhead-off", needs_this<kRanges>, measure_this<kRanges>, guarded<decide_ranges>,
       kSweepSeconds},
  };
}

}  // namespace aisp::doctor
