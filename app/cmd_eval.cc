// `aisp eval perplexity`, and the options of both commands. Drift is in eval_drift.cc.
#include "app/cmd_eval.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "app/eval_model.h"
#include "base/error.h"
#include "model/perplexity.h"
#include "model/scorer.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

const CLI::Validator kKvTypes = CLI::IsMember({"f32", "f16", "bf16", "i8"});

struct Plan {
  std::vector<model::Window> windows;
  std::vector<Tokens> tokens;  // of each window
  std::int64_t context = 0;
};

Plan plan_of(const EvalModel& m, const PerplexityOptions& o) {
  const Tokens all = tokens_of_file(m.tokenizer, o.text, o.tokens);
  const auto count = static_cast<std::int64_t>(all.size());
  Plan plan;
  plan.context = window_of(m.config, o.context);
  if (o.stride > plan.context) {
    throw UsageError(fmt::format("is above the window of {} tokens", plan.context), "--stride",
                     "give at most that many");
  }
  plan.windows = o.stride > 0 ? model::windows_by_stride(count, plan.context, o.stride)
                              : model::windows_by_halves(count, plan.context);
  if (plan.windows.empty()) {
    throw Error(fmt::format("has {} tokens, less than one window of {}", count, plan.context),
                o.text, "give more text, a smaller --context, or --stride");
  }
  const text::TokenizerSpec& spec = m.tokenizer.spec();
  for (const model::Window& window : plan.windows) {
    plan.tokens.emplace_back(all.begin() + window.begin, all.begin() + window.end);
    if (o.stride == 0 && spec.add_bos && spec.bos >= 0) plan.tokens.back()[0] = spec.bos;
  }
  return plan;
}

// Windows one after another; those that were begun but not ended when Ctrl-C came are left out.
class Losses {
 public:
  explicit Losses(const Plan& plan) : plan_(plan) {}

  void add(std::span<const model::ScoredRow> rows, machine::ThreadPool& pool) {
    std::vector<double> loss(rows.size());
    pool.parallel_for(
        static_cast<std::int64_t>(rows.size()), 1, [&](std::int64_t begin, std::int64_t end) {
          for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
            loss[i] = loss_of(rows[i]);
          }
        });
    for (std::size_t i = 0; i < rows.size(); ++i) take(rows[i].sequence, loss[i]);
  }

  const model::TokenLosses& done() const { return done_; }

 private:
  double loss_of(const model::ScoredRow& row) const {
    const auto next = static_cast<std::size_t>(row.position) + 1;
    const auto token = static_cast<std::size_t>(plan_.tokens[row.sequence][next]);
    return model::log_sum_exp(row.logits) - static_cast<double>(row.logits[token]);
  }

  void take(std::size_t window, double loss) {
    open_.push_back(loss);
    if (open_.size() < static_cast<std::size_t>(plan_.windows[window].scored())) return;
    done_.begin_window();
    for (const double one : open_) done_.add(one);
    open_.clear();
  }

  const Plan& plan_;
  std::vector<double> open_;
  model::TokenLosses done_;
};

Json to_json(const PerplexityOptions& o, const Plan& plan, const model::TokenLosses& losses) {
  const double perplexity = std::exp(losses.mean());
  return {{"schema", "aisp.eval_perplexity"},
          {"schema_version", 1},
          {"model", o.model},
          {"text", o.text},
          {"kv", o.kv},
          {"definition", o.stride > 0 ? "hugging-face" : "llama.cpp"},
          {"context", plan.context},
          {"stride", o.stride > 0 ? o.stride : plan.context},
          {"windows", plan.windows.size()},
          {"windows_done", losses.windows()},
          {"tokens_scored", losses.tokens()},
          {"mean_nll", losses.mean()},
          {"mean_nll_error_by_windows", losses.error_by_windows()},
          {"mean_nll_error_by_tokens", losses.error_by_tokens()},
          {"perplexity", perplexity},
          {"perplexity_error_by_windows", perplexity * losses.error_by_windows()},
          {"perplexity_error_by_tokens", perplexity * losses.error_by_tokens()}};
}

void print(const PerplexityOptions& o, const Plan& plan, const model::TokenLosses& losses) {
  const double perplexity = std::exp(losses.mean());
  const auto number = [](double value) {
    return std::isfinite(value) ? fmt::format("{:.4f}", value) : "-";
  };
  fmt::print("perplexity {} ± {} (standard error, windows as draws; ± {} with tokens as draws)\n",
             number(perplexity), number(perplexity * losses.error_by_windows()),
             number(perplexity * losses.error_by_tokens()));
  fmt::print("mean -log p {:.6f} nats of {} tokens in {} of {} windows of {}\n", losses.mean(),
             losses.tokens(), losses.windows(), plan.windows.size(), plan.context);
  if (o.stride > 0) {
    fmt::print("windows as Hugging Face defines them: every {} tokens one, what is new is scored\n",
               o.stride);
  } else {
    fmt::print("windows as llama.cpp defines them: side by side, their second halves are scored\n");
  }
}

}  // namespace

int cmd_eval_perplexity(const PerplexityOptions& o) {
  const EvalModel m(o.model);
  const Plan plan = plan_of(m, o);
  std::vector<model::ScoredSequence> sequences;
  for (std::size_t i = 0; i < plan.windows.size(); ++i) {
    const model::Window& window = plan.windows[i];
    const std::span<const std::int32_t> tokens = plan.tokens[i];
    sequences.push_back({.tokens = tokens.first(tokens.size() - 1),  // nothing follows the last
                         .first = window.first_scored - window.begin - 1});
  }
  Losses losses(plan);
  bool whole = true;
  {
    EvalProgress progress;
    model::Scorer scorer(m.tensors, m.config,
                         {.kv = kv_type_of(o.kv), .threads = o.threads, .longest = plan.context});
    whole = scorer.run(sequences, [&](std::span<const model::ScoredRow> rows) {
      losses.add(rows, scorer.pool());
      return progress.show(rows.back().sequence, plan.windows.size(),
                           fmt::format("perplexity {:.4f}", std::exp(losses.done().mean())));
    });
  }
  if (losses.done().tokens() == 0) {
    fmt::print(stderr, "interrupted before the first window was done\n");
    return 130;
  }
  if (o.json) {
    fmt::print("{}\n",
               to_json(o, plan, losses.done()).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print(o, plan, losses.done());
  }
  if (!whole) fmt::print(stderr, "interrupted: the figures are of the windows so far\n");
  return whole ? 0 : 130;
}

namespace {

void add_perplexity(CLI::App* eval, PerplexityOptions& o, int* code) {
  CLI::App* one = eval->add_subcommand("perplexity", "How well a model foretells a text");
  one->add_option("model", o.model, "A .gguf file, a .safetensors file or their folder")
      ->required();
  one->add_option("--text", o.text, "Text file")->required();
  one->add_option("--context", o.context, "Tokens of a window")->check(CLI::Range(4, 1 << 24));
  one->add_option("--stride", o.stride,
                  "A window every so many tokens, as Hugging Face; without it llama.cpp's windows")
      ->check(CLI::Range(1, 1 << 24));
  one->add_option("--tokens", o.tokens, "Only the first so many of the text")
      ->check(CLI::PositiveNumber);
  one->add_option("--kv", o.kv, "Type of keys and values")->check(kKvTypes);
  one->add_option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  one->add_flag("--json", o.json, "As JSON");
  one->callback([&o, code] { *code = cmd_eval_perplexity(o); });
}

void add_drift(CLI::App* eval, DriftOptions& o, int* code) {
  CLI::App* one = eval->add_subcommand(
      "drift", "How far a model's next-token distributions are from its judge's");
  one->add_option("a", o.judge, "The judge: model A")->required();
  one->add_option("b", o.other, "Model B of the same vocabulary; A's own file when absent");
  one->add_option("--text", o.text, "Text file, cut into windows");
  one->add_option("--prompts", o.prompts, "A JSON object a line, with \"prompt\" or \"messages\"");
  one->add_option("--context", o.context, "Tokens of a window, and of a prompt at most")
      ->check(CLI::Range(2, 1 << 24));
  one->add_option("--tokens", o.tokens, "Only the first so many of the text")
      ->check(CLI::PositiveNumber);
  one->add_flag("--reference", o.reference,
                "A is computed by the slow reference in double (2 ns a parameter and token)");
  one->add_option("--kv-a", o.kv_a, "Type of keys and values of A")->check(kKvTypes);
  one->add_option("--kv-b", o.kv_b, "Type of keys and values of B")->check(kKvTypes);
  one->add_option("--max-mean-kl", o.bounds.mean_kl, "Exit code 1 above this mean KL, in nats")
      ->check(CLI::NonNegativeNumber);
  one->add_option("--max-kl99", o.bounds.kl_99, "Exit code 1 above this 99 % quantile of KL")
      ->check(CLI::NonNegativeNumber);
  one->add_option("--min-top1", o.bounds.top_1,
                  "Exit code 1 when the likeliest token is the same in a lesser share, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  one->add_option("--worst", o.worst, "So many of the worst positions are shown")
      ->check(CLI::Range(0, 1000));
  one->add_option("--scratch", o.scratch,
                  "Folder for A's logits, 4 bytes a position and piece; $TMPDIR or /var/tmp");
  one->add_option("--threads", o.threads, "Threads; 0: one per core")->check(CLI::Range(0, 1024));
  one->add_flag("--json", o.json, "As JSON");
  one->callback([&o, code] { *code = cmd_eval_drift(o); });
}

}  // namespace

void add_eval(CLI::App& root, EvalOptions& options, int* code) {
  CLI::App* eval = root.add_subcommand("eval", "How good a model is, and how far one has drifted");
  eval->require_subcommand(1);
  add_perplexity(eval, options.perplexity, code);
  add_drift(eval, options.drift, code);
}

}  // namespace aisp::app
