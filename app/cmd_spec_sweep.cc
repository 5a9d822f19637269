// See cmd_spec_sweep.h.
#include "app/cmd_spec_sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "app/cmd_bench.h"
#include "app/cmd_generate.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/interval.h"
#include "base/rng.h"
#include "model/tokenizer_of.h"
#include "serve/draft_model.h"
#include "serve/model_executor.h"
#include "serve/oracle_drafter.h"
#include "serve/solo_run.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kCounts[] = {1, 2, 4, 8};
constexpr int kMostGuesses = 8;  // of an oracle
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
  double acceptance = -1.0;              // of an oracle
  std::unique_ptr<serve::State> engine;  // goes on from round to round
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
    settings_.share_prefixes = false;  // every round computes the prompt
    settings_.block_tokens = static_cast<int>(model::kBlockTokens);
    settings_.device_blocks = static_cast<int>(all / model::kBlockTokens) + 4;
    const model::KvType kv = serve::kv_type_of(options.kv);
    if (!options.draft_model.empty()) {
      draft_ = std::make_unique<serve::DraftFile>(
          options.draft_model, false, tokenizer_, pool_,
          serve::DraftModel::Options{.kv_type = kv,
                                     .blocks = settings_.device_blocks,
                                     .slots = 1,
                                     .vocab = config_.vocab});
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
    std::vector<Setting> all;
    all.push_back({.kind = "plain"});
    for (const int count : kCounts) {
      all.push_back({.kind = "lookup", .drafts = count, .drafter = &lookup_});
    }
    for (const int count : kCounts) {
      if (draft_ == nullptr) break;
      all.push_back({.kind = "draft model", .drafts = count, .drafter = &draft_->drafter()});
    }
    return all;
  }

  std::vector<Setting> oracles(const std::vector<double>& acceptance) const {
    std::vector<Setting> all;
    all.push_back({.kind = "plain"});
    for (const double p : acceptance) {
      all.push_back(
          {.kind = fmt::format("oracle {:.2f}", p), .drafts = kMostGuesses, .acceptance = p});
    }
    return all;
  }

  /// With an oracle that knows `answer`; `round` names its luck.
  serve::SoloRun ask_oracle(Setting& setting, const std::vector<serve::Token>& answer, int round) {
    serve::OracleDrafter oracle(answer, setting.acceptance, static_cast<std::uint64_t>(round));
    setting.drafter = &oracle;
    serve::SoloRun run_of_it = run(setting);
    setting.drafter = nullptr;
    return run_of_it;
  }

  /// Seconds of a step of a token and so many guesses behind it, in the middle of the answer.
  double step_s(int guesses) {
    const auto middle = static_cast<int>(request_.prompt.size()) + request_.max_tokens / 2;
    std::vector<serve::BlockId> blocks(static_cast<std::size_t>(settings_.device_blocks));
    std::iota(blocks.begin(), blocks.end(), 0);
    const std::vector<serve::Token> tokens(static_cast<std::size_t>(middle + 1), 0);
    const std::vector<serve::Token> drafts(static_cast<std::size_t>(guesses), 0);
    serve::Plan plan;
    plan.work.push_back({.first = middle,
                         .known = 1,
                         .drafts = drafts,
                         .emits = true,
                         .decode = true,
                         .tokens = tokens,
                         .blocks = blocks,
                         .request = &request_,
                         .prompt = static_cast<int>(request_.prompt.size())});
    serve::Result result;
    chosen_.now = nullptr;
    executor_->run(plan, result);
    return result.seconds;
  }

  serve::SoloRun run(Setting& setting) {
    const bool drafts = draft_ != nullptr && setting.drafter == &draft_->drafter();
    if (setting.engine == nullptr) {
      serve::Config config = settings_;
      config.max_drafts = setting.drafts;
      if (drafts) draft_->add_cost(config.time);
      setting.engine = std::make_unique<serve::State>(config);
    }
    if (drafts) draft_->drafter().forget();
    chosen_.now = setting.drafter;
    return serve::run_alone(*executor_, *setting.engine, request_);
  }

 private:
  model::TensorFile file_;
  model::ModelConfig config_;
  model::ModelTensors tensors_;
  text::Tokenizer tokenizer_;
  machine::ThreadPool pool_;
  model::Weights weights_;
  serve::PromptLookup lookup_;
  std::unique_ptr<serve::DraftFile> draft_;
  Chosen chosen_;
  std::unique_ptr<serve::ModelExecutor> executor_;
  serve::Config settings_;
  serve::Request request_;
};

// What steps of 1, 2 ... rows cost, beside one row.
struct Steps {
  std::vector<double> ratio[kMostGuesses + 1];
  void measure(Subject& subject) {
    const double one_s = subject.step_s(0);
    for (int k = 0; k <= kMostGuesses; ++k) {
      ratio[k].push_back(k == 0 ? 1.0 : subject.step_s(k) / one_s);
    }
  }
  /// The arithmetic bound, and the guesses that reach it.
  std::pair<double, int> bound(double acceptance) const {
    std::pair<double, int> best = {1.0, 0};
    for (int k = 1; k <= kMostGuesses; ++k) {
      best = std::max(best, {serve::expected_tokens(acceptance, k) / median(ratio[k]), k});
    }
    return best;
  }
};

void sweep(Subject& subject, std::vector<Setting>& settings, int rounds, Steps& steps) {
  Progress bar;
  Rng rng(1);
  const std::size_t all = settings.size() * static_cast<std::size_t>(rounds);
  for (int round = 0; round < rounds; ++round) {
    const serve::SoloRun plain = subject.run(settings[0]);
    settings[0].tokens_per_s.push_back(plain.tokens_per_s());
    settings[0].ratio.push_back(1.0);
    steps.measure(subject);
    std::vector<std::size_t> order;
    for (std::size_t i = 1; i < settings.size(); ++i) order.push_back(i);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
    for (std::size_t done = 0; done < order.size(); ++done) {
      Setting& s = settings[order[done]];
      bar.show(static_cast<std::size_t>(round) * settings.size() + done, all, s.kind);
      const serve::SoloRun run =
          s.acceptance < 0.0 ? subject.run(s) : subject.ask_oracle(s, plain.tokens, round);
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

void print(const std::vector<Setting>& settings, const Setting& best, const Steps& steps) {
  fmt::print("{:<12} {:>6} {:>8} {:>9} {:>11}  {}\n", "guesses", "most", "tried", "accepted",
             "tokens/s", "beside plain decoding (95 %)");
  for (const Setting& s : settings) {
    const Interval ratio = median_interval(s.ratio);
    fmt::print("{:<12} {:>6} {:>8} {:>8.0f}% {:>11.2f}  {:.3f} [{:.3f}, {:.3f}]{}\n", s.kind,
               s.drafts, s.drafted, 100.0 * share(s), median(s.tokens_per_s), ratio.estimate,
               ratio.low, ratio.high, s.wrong ? "  WRONG TOKENS" : "");
  }
  for (const Setting& s : settings) {
    if (s.acceptance < 0.0) continue;
    const auto [bound, guesses] = steps.bound(s.acceptance);
    fmt::print("{}: bound {:.3f}, with {} guesses; reached {:.0f} % of it\n", s.kind, bound,
               guesses, 100.0 * median(s.ratio) / bound);
  }
  fmt::print("a step of 1, 2 ... rows beside one row:");
  for (const auto& ratio : steps.ratio) fmt::print(" {:.2f}", median(ratio));
  fmt::print("\n");
  if (best.kind == "plain") {
    fmt::print("best: plain decoding\n");
  } else {
    fmt::print("best: {}, at most {} guesses\n", best.kind, best.drafts);
  }
}

Json to_json(const std::vector<Setting>& settings, const Setting& best, const Steps& steps) {
  Json root = {{"schema", "aisp.spec_sweep"}, {"schema_version", 1}, {"settings", Json::array()}};
  for (const auto& ratio : steps.ratio) root["step_ratio"].push_back(median(ratio));
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
    if (s.acceptance >= 0.0) {
      root["settings"].back()["acceptance"] = s.acceptance;
      root["settings"].back()["bound"] = steps.bound(s.acceptance).first;
    }
  }
  return root;
}

}  // namespace

int cmd_spec_sweep(const SpecSweepOptions& options) {
  if (!options.acceptance.empty() && !options.draft_model.empty()) {
    throw UsageError("give one of --acceptance and --draft-model", "aisp tools spec-config-sweep",
                     "see --help");
  }
  Subject subject(options);
  std::vector<Setting> settings =
      options.acceptance.empty() ? subject.settings() : subject.oracles(options.acceptance);
  Steps steps;
  sweep(subject, settings, options.rounds, steps);
  const Setting& best = best_of(settings);
  if (options.json) {
    fmt::print("{}\n", to_json(settings, best, steps).dump(2));
  } else {
    print(settings, best, steps);
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
  sweep
      ->add_option("--acceptance", o.acceptance,
                   "Guesses of an oracle instead, of which this share is right: 0,0.3,0.6,0.9")
      ->delimiter(',')
      ->check(CLI::Range(0.0, 1.0));
  sweep->add_option("--tokens", o.tokens, "Length of each answer")->check(CLI::Range(2, 1 << 20));
  sweep->add_option("--rounds", o.rounds, "Runs of each setting")->check(CLI::Range(1, 1000));
  sweep->add_option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  sweep->add_option("--kv", o.kv, "Type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  sweep->add_flag("--json", o.json, "The figures as JSON");
  sweep->callback([&o, code] { *code = cmd_spec_sweep(o); });
}

}  // namespace aisp::app
