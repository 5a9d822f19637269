// See cmd_bench_model.h.
#include "app/cmd_bench_model.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/cmd_bench.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/units.h"
#include "bench/supervisor.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

// Below it the weights may lie in caches that the machine does not tell of: a virtual machine sees
// a part of its host's.
constexpr double kCachedGb = 1.0;

Json probe_json(const ModelProbe& probe) {
  return {{"read_gb_per_s", probe.read_gb_per_s},
          {"i8_gop_per_s", probe.i8_gop_per_s},
          {"f32_gflop_per_s", probe.f32_gflop_per_s}};
}

Json interval_json(const Interval& interval) {
  return {{"median", interval.estimate}, {"low", interval.low}, {"high", interval.high}};
}

Json rates_json(const ModelRates& rates, bool steady) {
  Json json = {{"schema", "aisp.model_rates"},
               {"schema_version", 1},
               {"architecture", rates.architecture},
               {"parameters", rates.parameters},
               {"packed_bytes", rates.packed_bytes},
               {"mapped", rates.mapped},
               {"threads", rates.threads},
               {"rounds", rates.rounds},
               {"steady", steady},
               {"probes",
                {{"before", probe_json(rates.before)},
                 {"during", probe_json(median_of(rates.during))},
                 {"after", probe_json(rates.after)}}},
               {"cells", Json::array()}};
  for (const ModelCell& cell : rates.cells) {
    if (!steady) break;
    json["cells"].push_back({{"kind", cell.prompt ? "prompt" : "decode"},
                             {cell.prompt ? "tokens" : "rows", cell.count},
                             {"tokens_per_s", interval_json(cell.tokens_per_s)},
                             {"share_of_floor", interval_json(cell.share)},
                             {"floor", cell.bound_by_memory ? "memory" : "arithmetic"},
                             {"weight_gb", cell.weight_gb},
                             {"kv_gb", cell.kv_gb},
                             {"gb_per_token", cell.gb_per_token},
                             {"gop", cell.gop}});
  }
  return json;
}

std::string probe_text(const ModelProbe& probe) {
  return fmt::format("{:.1f} GB/s read, {:.0f} Gop/s in 8 bits, {:.0f} GFLOP/s in f32",
                     probe.read_gb_per_s, probe.i8_gop_per_s, probe.f32_gflop_per_s);
}

void print_rates(const ModelRates& rates, int context) {
  fmt::print("{}, {:.2f} B parameters, {} packed{}; {} threads, {} rounds\n", rates.architecture,
             static_cast<double>(rates.parameters) / 1e9,
             format_bytes(static_cast<double>(rates.packed_bytes)), rates.mapped ? ", mapped" : "",
             rates.threads, rates.rounds);
  fmt::print("machine: {}\n", probe_text(median_of(rates.during)));
  fmt::print("{:<22} {:>30} {:>24} {:>10} {:>9}\n", "", "tokens/s [95 %]", "share of the floor",
             "floor", "GB/token");
  bool cached = false;
  for (const ModelCell& cell : rates.cells) {
    const std::string name = cell.prompt ? fmt::format("prompt of {}", cell.count)
                                         : fmt::format("{} row{}, context {}", cell.count,
                                                       cell.count == 1 ? "" : "s", context);
    fmt::print(
        "{:<22} {:>10.2f} [{:>8.2f}, {:>8.2f}] {:>6.1f} % [{:>5.1f}, {:>5.1f}] {:>10} {:>9.4f}\n",
        name, cell.tokens_per_s.estimate, cell.tokens_per_s.low, cell.tokens_per_s.high,
        100.0 * cell.share.estimate, 100.0 * cell.share.low, 100.0 * cell.share.high,
        cell.bound_by_memory ? "memory" : "arithmetic", cell.gb_per_token);
    cached = cached || (!cell.prompt && cell.weight_gb < kCachedGb);
  }
  if (cached) {
    fmt::print("A step reads less than {} GB of weights: caches may hold some of it.\n", kCachedGb);
  }
}

}  // namespace

int cmd_bench_model(const BenchModelOptions& o) {
  bench::catch_interrupts();
  ModelRates rates;
  {
    Progress bar;
    const double all_s = o.rates.budget_s;
    rates = measure_model(o.rates, [&](int round, double seconds) {
      bar.show(static_cast<std::size_t>(std::min(seconds, all_s)),
               static_cast<std::size_t>(all_s) + 1, fmt::format("round {}", round + 1));
      return !bench::interrupted();
    });
  }
  if (!rates.note.empty()) fmt::print(stderr, "aisp: {}\n", rates.note);
  const double apart = 100.0 * rates.disagreement();
  const bool steady = apart <= o.agreement_percent;
  if (o.json) {
    fmt::print("{}\n", rates_json(rates, steady).dump(2));
  } else if (steady) {
    print_rates(rates, o.rates.context);
  } else {
    fmt::print(
        "No rates: the machine changed by {:.0f} % while they were taken, {:.0f} % are allowed.\n"
        "  before: {}\n  after:  {}\n",
        apart, o.agreement_percent, probe_text(rates.before), probe_text(rates.after));
  }
  return steady ? kExitOk : kExitInconclusive;
}

void add_bench_model(CLI::App& bench, BenchModelOptions& o, int* code) {
  CLI::App* model = bench.add_subcommand(
      "model", "How quickly a model runs here, beside what the machine can do");
  model->add_option("model", o.rates.model, "GGUF file, safetensors file or folder")->required();
  model->add_option("--prompt", o.rates.prompts, "Lengths of prompts, in tokens; 0: none")
      ->delimiter(',')
      ->check(CLI::Range(0, 1 << 20));
  model->add_option("--rows", o.rates.rows, "Streams that get a token in a step; 0: none")
      ->delimiter(',')
      ->check(CLI::Range(0, 4096));
  model->add_option("--context", o.rates.context, "Tokens behind each stream")
      ->check(CLI::Range(1, 1 << 20));
  model->add_option("--kv", o.rates.kv, "Type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  model->add_option("--threads", o.rates.threads, "Threads; 0: one per core")
      ->check(CLI::Range(0, 1024));
  model->add_option("--budget", o.rates.budget_s, "Seconds for the rounds; six are the least")
      ->check(CLI::Range(0.0, 86400.0));
  model
      ->add_option("--agreement", o.agreement_percent,
                   "Percent that the machine may change meanwhile")
      ->check(CLI::Range(0.0, 100.0));
  model->add_option("--probe-memory", o.probe_mib, "MiB that the read probe goes over")
      ->check(CLI::Range(64, 1 << 20));
  model->add_flag("--packed-cache,!--no-packed-cache", o.rates.packed_cache,
                  "Packed weights are kept beside the model for the next start");
  model->add_flag("--json", o.json, "As JSON");
  model->callback([&o, code] {
    std::erase(o.rates.prompts, 0);
    std::erase(o.rates.rows, 0);
    if (o.rates.prompts.empty() && o.rates.rows.empty()) {
      throw UsageError("nothing to measure", "aisp bench model", "give --prompt or --rows");
    }
    o.rates.probe_bytes = std::int64_t{o.probe_mib} << 20;
    *code = cmd_bench_model(o);
  });
}

}  // namespace aisp::app
