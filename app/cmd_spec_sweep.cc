// See cmd_spec_sweep.h.
#include "app/cmd_spec_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/cmd_bench.h"
#include "app/cmd_generate.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/interval.h"
#include "base/rng.h"
#include "model/tokenizer_of.h"
#include "serve/draft_model.h"
#include "serve/model_executor.h"
#include "serve/solo_run.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kCounts[] = {1, 2, 4, 8};
constexpr int kMaxRows = 512;
constexpr const char* kText =
    "The list of what was sold: apples 12, pears 7, plums 30. The list of what was sold the day "
    "before: apples 11, pears 7, plums 28. The list of what was sold the day before that:";

// Passes on to the drafter of the setting that runs; none: no guesses.
class Chosen : public serve::Drafter {
 public:
  serve::Drafter* now = nullptr;
  void propose(std::span<const serve::DraftJob> jobs, serve::Drafts& out) override {
    if (now != nullptr) now->propose(jobs, out);
  }
};

struct Setting {
  std::string kind;
  int drafts = 0;
  serve::Drafter* drafter = nullptr;
  double acceptance = 0.8;  // of earlier rounds, as in an engine that goes on
  std::uint64_t drafted = 0, accepted = 0;
  std::vector<double> tokens_per_s, ratio;
  bool wrong = false;
};

// A model with the drafters, without the engine's threads.
class Subject {
 public:
  explicit Subject(const SpecSweepOptions& options)
      : file_(model::open_model(options.model)),
        config_(model::config_of(file_)),
        tensors_(model::find_tensors(file_, config_)),
        tokenizer_(model::tokenizer_of(file_), file_.path()),
        pool_(options.threads),
        weights_(tensors_, config_, pool_) {
    if (tokenizer_.size() > config_.vocab) {
      throw Error("its tokenizer has more pieces than the model has rows", file_.path(),
                  "download or convert the model again");
    }
    const std::string text =
        options.prompt_file.empty() ? kText : whole_file(options.prompt_file, "--prompt-file");
    request_.prompt = tokenizer_.encode(text);
    request_.max_tokens = options.tokens;
    request_.sampling.temperature = 0.0f;
    const auto all = static_cast<std::int64_t>(request_.prompt.size()) + options.tokens;
    if (request_.prompt.empty() || all > config_.context) {
      throw Error(
          fmt::format("prompt and answer are {} tokens, the model takes {}", all, config_.context),
          "--prompt-file", "shorten it, or --tokens");
    }
    settings_.slots = settings_.max_running = 1;
    settings_.max_rows = kMaxRows;
    settings_.block_tokens = static_cast<int>(model::kBlockTokens);
    settings_.device_blocks = static_cast<int>(all / model::kBlockTokens) + 4;
    const model::KvType kv = serve::kv_type_of(options.kv);
    if (!options.draft_model.empty()) {
      draft_ = std::make_unique<serve::DraftModel>(
          serve::DraftModel::Options{.model = options.draft_model,
                                     .kv_type = kv,
                                     .blocks = settings_.device_blocks,
                                     .slots = 1,
                                     .vocab = config_.vocab,
                                     .packed_cache = false},
          tokenizer_, pool_);
    }
    executor_ = std::make_unique<serve::ModelExecutor>(
        weights_, pool_,
        serve::ModelExecutor::Options{.kv_type = kv,
                                      .device_blocks = settings_.device_blocks,
                                      .max_rows = kMaxRows,
                                      .drafter = &chosen_});
    settings_.time = executor_->measure_time();
  }

  std::vector<Setting> settings() {
    std::vector<Setting> all = {{.kind = "plain"}};
    for (const int count : kCounts) all.push_back({"lookup", count, &lookup_});
    for (const int count : kCounts) {
      if (draft_ != nullptr) all.push_back({"draft model", count, draft_.get()});
    }
    return all;
  }

  serve::SoloRun run(Setting& setting) {
    serve::Config config = settings_;
    config.max_drafts = setting.drafts;
    if (draft_ != nullptr && setting.drafter == draft_.get()) {
      config.time.draft_step_s = draft_->step_s();
      config.time.draft_row_s = draft_->row_s();
      draft_->forget();
    }
    chosen_.now = setting.drafter;
    return serve::run_alone(*executor_, config, request_, setting.acceptance);
  }

 private:
  model::TensorFile file_;
  model::ModelConfig config_;
  model::ModelTensors tensors_;
  text::Tokenizer tokenizer_;
  machine::ThreadPool pool_;
  model::Weights weights_;
  serve::PromptLookup lookup_;
  std::unique_ptr<serve::DraftModel> draft_;
  Chosen chosen_;
  std::unique_ptr<serve::ModelExecutor> executor_;
  serve::Config settings_;
  serve::Request request_;
};

void sweep(Subject& subject, std::vector<Setting>& settings, int rounds) {
  Progress bar;
  Rng rng(1);
  const std::size_t all = settings.size() * static_cast<std::size_t>(rounds);
  for (int round = 0; round < rounds; ++round) {
    const serve::SoloRun plain = subject.run(settings[0]);
    settings[0].tokens_per_s.push_back(plain.tokens_per_s());
    settings[0].ratio.push_back(1.0);
    std::vector<std::size_t> order;
    for (std::size_t i = 1; i < settings.size(); ++i) order.push_back(i);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    for (std::size_t done = 0; done < order.size(); ++done) {
      Setting& s = settings[order[done]];
      bar.show(static_cast<std::size_t>(round) * settings.size() + done, all, s.kind);
      const serve::SoloRun run = subject.run(s);
      s.tokens_per_s.push_back(run.tokens_per_s());
      s.ratio.push_back(run.tokens_per_s() / plain.tokens_per_s());
      s.drafted += run.drafted;
      s.accepted += run.accepted;
      s.wrong = s.wrong || run.tokens != plain.tokens;
    }
  }
}

double share(const Setting& s) {
  return s.drafted == 0 ? 0.0 : static_cast<double>(s.accepted) / static_cast<double>(s.drafted);
}

// Plain decoding, unless something is surely quicker: whose whole interval lies above it.
const Setting& best_of(const std::vector<Setting>& settings) {
  const auto gain = [](const Setting& s) {
    return s.wrong || median_interval(s.ratio).low <= 1.0 ? 0.0 : median(s.ratio);
  };
  const auto found = std::ranges::max_element(settings, {}, gain);
  return gain(*found) > 0.0 ? *found : settings.front();
}

void print(const std::vector<Setting>& settings, const Setting& best) {
  fmt::print("{:<12} {:>6} {:>8} {:>9} {:>11}  {}\n", "guesses", "most", "tried", "accepted",
             "tokens/s", "beside plain decoding (95 %)");
  for (const Setting& s : settings) {
    const Interval ratio = median_interval(s.ratio);
    fmt::print("{:<12} {:>6} {:>8} {:>8.0f}% {:>11.2f}  {:.3f} [{:.3f}, {:.3f}]{}\n", s.kind,
               s.drafts, s.drafted, 100.0 * share(s), median(s.tokens_per_s), ratio.estimate,
               ratio.low, ratio.high, s.wrong ? "  WRONG TOKENS" : "");
  }
  if (best.kind == "plain") {
    fmt::print("best: plain decoding\n");
  } else {
    fmt::print("best: {}, at most {} guesses\n", best.kind, best.drafts);
  }
}

Json to_json(const std::vector<Setting>& settings, const Setting& best) {
  Json root = {{"schema", "aisp.spec_sweep"}, {"schema_version", 1}, {"settings", Json::array()}};
  for (const Setting& s : settings) {
    const Interval ratio = median_interval(s.ratio);
    root["settings"].push_back(
        {{"kind", s.kind},
         {"drafts", s.drafts},
         {"drafted", s.drafted},
         {"accepted", s.accepted},
         {"tokens_per_s", median(s.tokens_per_s)},
         {"ratio", {{"median", ratio.estimate}, {"low", ratio.low}, {"high", ratio.high}}},
         {"same_tokens", !s.wrong},
         {"best", &s == &best}});
  }
  return root;
}

}  // namespace

int cmd_spec_sweep(const SpecSweepOptions& options) {
  Subject subject(options);
  std::vector<Setting> settings = subject.settings();
  sweep(subject, settings, options.rounds);
  const Setting& best = best_of(settings);
  if (options.json) {
    fmt::print("{}\n", to_json(settings, best).dump(2));
  } else {
    print(settings, best);
  }
  const bool wrong = std::ranges::any_of(settings, [](const Setting& s) { return s.wrong; });
  return wrong ? kExitWrong : kExitOk;
}

void add_spec_sweep(CLI::App* tools, SpecSweepOptions& o, int* code) {
  CLI::App* sweep = tools->add_subcommand(
      "spec-config-sweep", "What guessing tokens brings: kinds and numbers of guesses");
  sweep->add_option("model", o.model, "GGUF file, safetensors file or folder")->required();
  sweep->add_option("--draft-model", o.draft_model, "Smaller model of the same vocabulary");
  sweep->add_option("--prompt-file", o.prompt_file, "Text to continue");
  sweep->add_option("--tokens", o.tokens, "Length of each answer")->check(CLI::Range(2, 1 << 20));
  sweep->add_option("--rounds", o.rounds, "Runs of each setting")->check(CLI::Range(1, 1000));
  sweep->add_option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  sweep->add_option("--kv", o.kv, "Type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  sweep->add_flag("--json", o.json, "The figures as JSON");
  sweep->callback([&o, code] { *code = cmd_spec_sweep(o); });
}

}  // namespace aisp::app
