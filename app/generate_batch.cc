// `aisp generate --batch`: thousands of prompts through the engine at once. Answers are appended as
// they end, a line each, so that a killed run loses only what was under way.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "app/batch_lines.h"
#include "app/progress.h"
#include "base/error.h"
#include "bench/supervisor.h"
#include "serve/prompt.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

class Batch {
 public:
  Batch(const GenerateOptions& options, serve::LoadedModel& model)
      : options_(options),
        model_(model),
        grammars_(model),
        grammar_(grammar_text(options)),
        out_(std::fopen(options.out.c_str(), "ab"), &std::fclose) {
    if (!out_) throw Error("cannot be written", options.out, "check the path of --out");
  }

  int run(const std::vector<BatchLine>& lines, const std::set<std::string>& done) {
    begin_ = std::chrono::steady_clock::now();
    all_ = lines.size();
    ended_ = 0;
    for (const BatchLine& line : lines) ended_ += done.count(line.id);
    const std::size_t before = ended_;
    for (const BatchLine& line : lines) {
      if (done.count(line.id) != 0) continue;
      wait_for_room();
      if (bench::interrupted()) break;
      submit(line);
    }
    finish();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    fmt::print(stderr,
               "{} of {} answered, {} of them now: {} prompt tokens and {} of answers in "
               "{:.1f} s, {:.1f} and {:.1f} a second\n",
               ended_, all_, ended_ - before, prompt_tokens_, answer_tokens_, seconds,
               static_cast<double>(prompt_tokens_) / seconds,
               static_cast<double>(answer_tokens_) / seconds);
    if (!model_.engine().failure().empty()) {
      throw Error(model_.engine().failure(), "the engine", "start again: what is answered is kept");
    }
    if (failed_) throw Error("cannot be written", options_.out, "make room and start again");
    return ended_ == all_ ? 0 : 130;
  }

 private:
  struct Stream {
    std::string id;
    std::size_t prompt;
    Answer answer;
  };

  void submit(const BatchLine& line) {
    GenerateOptions options = options_;
    const Json& c = line.content;
    options.max_tokens = c.value("max_tokens", options.max_tokens);
    options.sampling.seed = c.value("seed", options.sampling.seed);
    options.sampling.temperature = c.value("temperature", options.sampling.temperature);
    options.sampling.logprobs = c.value("logprobs", options.sampling.logprobs);
    std::vector<serve::Token> tokens =
        c.contains("messages") ? serve::chat_tokens(model_, c["messages"])
                               : tokens_of(model_, options, c["prompt"].get<std::string>());
    auto stream = std::make_shared<Stream>(Stream{line.id, tokens.size(), Answer(model_, options)});
    serve::Request request = serve::request_for(model_, std::move(tokens), options.max_tokens,
                                                options.sampling, options.ignore_end);
    const GrammarText own = grammar_of(line);
    request.grammar = grammars_.matcher(own.empty() ? grammar_ : own);
    {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    for (;;) {
      const serve::Ticket ticket = model_.engine().submit(
          request, [this, stream](const serve::Event& event) { return take(*stream, event); });
      if (ticket.verdict.why == serve::Verdict::Why::kAccepted) return;
      if (ticket.verdict.why != serve::Verdict::Why::kQueueFull) {
        throw Error("the engine does not take prompt \"" + line.id + "\"", options_.batch,
                    "shorten it");
      }
      usleep(2000);
    }
  }

  bool take(Stream& stream, const serve::Event& event) {
    stream.answer.take(event);
    if (event.ended) end(stream);
    return !stream.answer.stopped();
  }

  void end(const Stream& stream) {
    const std::lock_guard lock(mutex_);
    --running_;
    room_.notify_one();
    const serve::Finish finish = stream.answer.finish();
    if (finish != serve::Finish::kStop && finish != serve::Finish::kLength &&
        finish != serve::Finish::kGrammar) {
      return;
    }
    Json answer = {{"id", stream.id}};
    answer.update(stream.answer.to_json(stream.prompt));
    const std::string line = answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    failed_ = failed_ || std::fwrite(line.data(), 1, line.size(), out_.get()) != line.size() ||
              std::fflush(out_.get()) != 0;
    ++ended_;
    prompt_tokens_ += stream.prompt;
    answer_tokens_ += stream.answer.tokens();
  }

  void wait_for_room() {
    std::unique_lock lock(mutex_);
    const auto most = static_cast<std::size_t>(options_.load.slots);
    while (running_ >= most && !bench::interrupted()) {
      room_.wait_for(lock, std::chrono::milliseconds(200));
      show();
    }
  }

  void finish() {
    std::unique_lock lock(mutex_);
    while (running_ > 0 && !bench::interrupted()) {
      room_.wait_for(lock, std::chrono::milliseconds(200));
      show();
    }
  }

  void show() {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    bar_.show(ended_, all_,
              fmt::format("{} running, {:.1f} tokens a second", running_,
                          static_cast<double>(answer_tokens_) / std::max(seconds, 1e-3)));
  }

  const GenerateOptions& options_;
  serve::LoadedModel& model_;
  Grammars grammars_;
  GrammarText grammar_;  // of lines without their own
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out_;
  std::mutex mutex_;  // of everything below; callbacks come on the engine's thread
  std::condition_variable room_;
  std::size_t running_ = 0, ended_ = 0, all_ = 0, prompt_tokens_ = 0, answer_tokens_ = 0;
  bool failed_ = false;
  std::chrono::steady_clock::time_point begin_;
  Progress bar_;
};

}  // namespace

int cmd_generate_batch(const GenerateOptions& options) {
  if (options.out.empty()) {
    throw UsageError("--batch without --out", "aisp generate", "name the file for the answers");
  }
  const std::vector<BatchLine> lines = read_batch(options.batch, options.ignore_end);
  if (const GrammarText grammar = grammar_text(options); !grammar.empty()) compile(grammar);
  const std::set<std::string> done = answered_ids(options.out);
  bench::catch_interrupts();
  serve::LoadedModel model(options.load);
  say_note(model);
  Batch batch(options, model);
  const serve::StopAtEnd stop(model);
  return batch.run(lines, done);
}

}  // namespace aisp::app
