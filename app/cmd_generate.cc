// See cmd_generate.h.
#include "app/cmd_generate.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>

#include "app/generate_answer.h"
#include "base/error.h"
#include "base/units.h"
#include "bench/supervisor.h"
#include "machine/ceilings.h"
#include "model/config.h"
#include "serve/prompt.h"

namespace aisp::app {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook{1};  // between looks at the end and at Ctrl-C

double seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// What one stream shows, on the engine's callback thread.
class Printer {
 public:
  Printer(const serve::LoadedModel& model, const GenerateOptions& options)
      : answer_(model, options), quiet_(options.json) {}

  bool take(const serve::Event& event) {
    last_ = Clock::now();
    if (answer_.tokens() == 0 && !event.tokens.empty()) first_ = last_;
    const std::string text = answer_.take(event);
    if (!quiet_) show(text);
    return !answer_.stopped();
  }

  const Answer& answer() const { return answer_; }
  std::size_t count() const { return answer_.tokens(); }
  Clock::time_point first() const { return first_; }
  Clock::time_point last() const { return last_; }

 private:
  static void show(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  Answer answer_;
  bool quiet_;
  Clock::time_point first_, last_;
};

// "24.7 GB/s of weights, 78 % of 31.7 measured"; without ceilings in the cache, the rate alone.
std::string beside_floor(const serve::LoadedModel& model, double tokens_per_s) {
  const double rate = static_cast<double>(model.bytes_per_token()) * tokens_per_s / 1e9;
  const machine::Cpu& cpu = machine::cpu();
  const double best =
      machine::load_or_measure_ceilings(cpu, {.only_cached = true})
          .bandwidth_gb_per_s(cpu, static_cast<std::size_t>(model.bytes_per_token()),
                              model.threads(), false, false, 1.0);
  std::string text = fmt::format("{:.1f} GB/s of weights", rate);
  if (best > 0.0) text += fmt::format(", {:.0f} % of {:.1f} measured", 100.0 * rate / best, best);
  return text;
}

void report(const serve::LoadedModel& model, const Printer& printer, std::size_t prompt,
            Clock::time_point begin) {
  if (printer.count() == 0) return;  // interrupted before the first token
  const double first_s = seconds(begin, printer.first());
  const double rest_s = seconds(printer.first(), printer.last());
  // A row of the prompt multiplies every weight but the table of words: it is looked up, and logits
  // are wanted of the last row alone.
  const model::ModelConfig& config = model.config();
  const std::int64_t words = config.vocab * config.width * (config.tied_output ? 1 : 2);
  const double operations = 2.0 * static_cast<double>(model::parameter_count(config, true) - words);
  const double prompt_rate = static_cast<double>(prompt) / std::max(first_s, 1e-9);
  fmt::print(stderr, "\n[{} loaded in {:.2f} s, {} threads]\n", model.config().architecture,
             model.load_s(), model.threads());
  fmt::print(stderr, "[prompt: {} tokens in {:.3f} s, {:.1f} a second, {:.0f} Gop/s]\n", prompt,
             first_s, prompt_rate, prompt_rate * operations / 1e9);
  if (printer.count() < 2) return;
  const double rate = static_cast<double>(printer.count() - 1) / std::max(rest_s, 1e-9);
  fmt::print(stderr, "[answer: {} tokens, {:.2f} a second, {}]\n", printer.count(), rate,
             beside_floor(model, rate));
}

void check_combinations(const GenerateOptions& o) {
  const bool grammar = !o.grammar.empty();
  if (grammar && !o.json_schema.empty()) {
    throw UsageError("give one of --json-schema and --grammar", "aisp generate", "see --help");
  }
  if ((grammar || !o.json_schema.empty()) && o.ignore_end) {
    throw UsageError("--ignore-end with a grammar, which says where the answer ends",
                     "aisp generate", "leave it out");
  }
  if (o.load.lookup > 0 && !o.load.draft_model.empty()) {
    throw UsageError("give one of --lookup and --draft-model", "aisp generate", "see --help");
  }
  if (o.sampling.logprobs >= 0 && !o.json && o.batch.empty()) {
    throw UsageError("--logprobs without --json", "aisp generate", "add --json");
  }
}

void print_line(const nlohmann::ordered_json& answer) {
  fmt::print("{}\n", answer.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  std::fflush(stdout);
}

}  // namespace

std::vector<serve::Token> tokens_of(const serve::LoadedModel& model, const GenerateOptions& options,
                                    const std::string& prompt) {
  if (!options.chat) return model.tokenizer().encode(prompt);
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  if (!options.system.empty())
    messages.push_back({{"role", "system"}, {"content", options.system}});
  messages.push_back({{"role", "user"}, {"content", prompt}});
  return serve::chat_tokens(model, messages);
}

std::string whole_file(const std::string& path, const std::string& option) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) throw Error("cannot be read", path, "check the path of " + option);
  return text;
}

void say_note(const serve::LoadedModel& model) {
  if (!model.note().empty()) fmt::print(stderr, "aisp: {}\n", model.note());
}

int cmd_generate(const GenerateOptions& options) {
  const int given = !options.prompt.empty() + !options.file.empty() + !options.batch.empty();
  if (given != 1) {
    throw UsageError("give one of --prompt, --file and --batch", "aisp generate", "see --help");
  }
  check_combinations(options);
  if (!options.batch.empty()) return cmd_generate_batch(options);
  const std::string prompt =
      options.file.empty() ? options.prompt : whole_file(options.file, "--file");
  const GrammarText grammar = grammar_text(options);
  if (!grammar.empty()) compile(grammar);  // a mistake is known before the model is loaded
  serve::LoadedModel model(options.load);
  say_note(model);
  serve::Request request =
      serve::request_for(model, tokens_of(model, options, prompt), options.max_tokens,
                         options.sampling, options.ignore_end);
  request.grammar = Grammars(model).matcher(grammar);
  bench::catch_interrupts();
  Printer printer(model, options);
  std::atomic<bool> ended = false;
  const serve::StopAtEnd stop(model);
  const auto begin = Clock::now();
  const serve::Ticket ticket = model.engine().submit(request, [&](const serve::Event& event) {
    const bool more = printer.take(event);
    if (event.ended) ended = true;
    return more;
  });
  if (ticket.verdict.why != serve::Verdict::Why::kAccepted) {
    throw Error("the engine does not take the prompt", "--prompt", "shorten it");
  }
  while (!ended && !bench::interrupted()) std::this_thread::sleep_for(kLook);
  if (!ended) model.engine().cancel(ticket);
  model.engine().drain();
  if (!model.engine().failure().empty()) {
    throw Error(model.engine().failure(), "the engine", "see aisp machine for free memory");
  }
  if (options.json) print_line(printer.answer().to_json(request.prompt.size()));
  report(model, printer, request.prompt.size(), begin);
  if (printer.answer().finish() == serve::Finish::kGrammar) {
    throw Error(printer.answer().problem(), "the grammar", "simplify it, or correct it");
  }
  return bench::interrupted() ? 130 : 0;
}

void add_generate(CLI::App& root, GenerateOptions& o, int* code) {
  CLI::App* generate = root.add_subcommand("generate", "Tokens from a model file");
  generate->add_option("model", o.load.model, "GGUF file, safetensors file or folder")->required();
  generate->add_option("--prompt", o.prompt, "Text to continue");
  generate->add_option("--file", o.file, "File with the text to continue");
  generate->add_option("--batch", o.batch, "File of JSON lines, a prompt each; goes with --out");
  generate->add_option("--out", o.out,
                       "Answers to --batch, a JSON line each; a killed run goes on");
  generate->add_flag("--chat", o.chat, "The prompt is a message in the model's chat template");
  generate->add_option("--system", o.system, "System message before it");
  generate->add_option("--max-tokens", o.max_tokens, "Longest answer")
      ->check(CLI::Range(1, 1 << 24));
  generate->add_option("--json-schema", o.json_schema, "File: the answer is JSON of this schema");
  generate->add_option("--grammar", o.grammar,
                       "File: the answer is a sentence of this GBNF grammar");
  generate->add_flag("--json", o.json, "The answer as a line of JSON");
  generate
      ->add_option(
          "--logprobs", o.sampling.logprobs,
          "Log-probabilities of the tokens and of so many likely ones; with --json or --batch")
      ->check(CLI::Range(0, 20));
  generate->add_option("--stop", o.stop, "Text that ends the answer");
  generate->add_option("--temperature", o.sampling.temperature, "0: the likeliest token");
  generate->add_option("--top-k", o.sampling.top_k, "Draw from the k likeliest; 0: all");
  generate->add_option("--top-p", o.sampling.top_p, "Draw from the likeliest that sum to p");
  generate->add_option("--min-p", o.sampling.min_p, "Drop those below p of the likeliest");
  generate->add_option("--repetition", o.sampling.repetition, "Above 1: repeats are less likely");
  generate->add_option("--seed", o.sampling.seed, "Of the draws");
  generate->add_flag("--ignore-end", o.ignore_end, "Go on behind an end of text");
  generate->add_option("--threads", o.load.threads, "Threads; 0: one per core")
      ->check(CLI::Range(0, 1024));
  generate->add_option("--kv", o.load.kv, "Type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  generate->add_option("--kv-memory", o.load.kv_memory_gib, "GiB for keys and values")
      ->check(CLI::NonNegativeNumber);
  generate->add_option("--max-running", o.load.max_running, "Requests computed together")
      ->check(CLI::Range(1, 4096));
  generate->add_flag("--packed-cache,!--no-packed-cache", o.load.packed_cache,
                     "Packed weights are kept beside the model for the next start");
  generate->add_option("--lookup", o.load.lookup, "Guess so many tokens from the text so far")
      ->check(CLI::Range(0, 16));
  generate->add_option("--draft-model", o.load.draft_model,
                       "File of a smaller model of the same vocabulary that guesses tokens");
  generate->add_option("--drafts", o.load.drafts, "Guesses of it at a time, at most")
      ->check(CLI::Range(1, 16));
  generate->callback([&o, code] { *code = cmd_generate(o); });
}

}  // namespace aisp::app
