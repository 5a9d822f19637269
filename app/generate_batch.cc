// `aisp generate --batch`: thousands of prompts through the engine at once. Answers are appended as
// they end, a line each, so that a killed run loses only what was under way.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "app/cmd_generate.h"
#include "app/progress.h"
#include "base/error.h"
#include "bench/supervisor.h"
#include "serve/prompt.h"
#include "serve/stop_strings.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;

struct Line {
  std::string id;
  Json content;
};

Error bad_line(const std::string& path, std::size_t number, const std::string& what) {
  return Error(fmt::format("line {} {}", number, what), path,
               "a line is an object with \"prompt\" (text) or \"messages\"");
}

constexpr std::int64_t kMostTokens = 1 << 24;  // as --max-tokens
constexpr std::int64_t kMostSeed = std::numeric_limits<std::int64_t>::max();

bool is_whole(const Json& value, std::int64_t least, std::int64_t most) {
  if (!value.is_number_integer()) return false;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) {
    return false;
  }
  return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
}

// All lines, checked for their form, so that a mistake in the last is known before the first runs.
std::vector<Line> read_lines(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw Error("cannot be read", path, "check the path of --batch");
  std::vector<Line> lines;
  std::set<std::string> seen;
  std::string text;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    Line line;
    line.content = Json::parse(text, nullptr, false);
    const Json& content = line.content;
    if (!content.is_object()) throw bad_line(path, number, "is no JSON object");
    const bool prompt = content.contains("prompt") && content["prompt"].is_string();
    const bool messages = content.contains("messages") && content["messages"].is_array();
    if (prompt == messages) throw bad_line(path, number, "has not one of prompt and messages");
    if (content.contains("max_tokens") && !is_whole(content["max_tokens"], 1, kMostTokens)) {
      throw bad_line(path, number, fmt::format("has a \"max_tokens\" not in 1 to {}", kMostTokens));
    }
    if (content.contains("seed") && !is_whole(content["seed"], 0, kMostSeed)) {
      throw bad_line(path, number, "has a \"seed\" that is no whole number from 0");
    }
    if (content.contains("temperature") && !content["temperature"].is_number()) {
      throw bad_line(path, number, "has a \"temperature\" that is no number");
    }
    line.id = std::to_string(number);
    if (content.contains("id")) {
      const Json& id = content["id"];
      line.id = id.is_string() ? id.get<std::string>() : id.dump();
    }
    if (!seen.insert(line.id).second) {
      throw bad_line(path, number, fmt::format("repeats the id \"{}\"", line.id));
    }
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw Error("has no prompts", path, "give a JSON object a line");
  return lines;
}

// The ids that are answered already. A last line that a kill cut short is cut off.
std::set<std::string> answered(const std::string& path) {
  std::set<std::string> ids;
  std::ifstream in(path, std::ios::binary);
  if (!in) return ids;
  std::string text;
  off_t good = 0;
  while (std::getline(in, text)) {
    const bool whole = !in.eof();
    const Json answer = Json::parse(text, nullptr, false);
    const bool right = answer.is_object() && answer.contains("id") && answer["id"].is_string();
    if (!whole) break;
    if (!right) throw Error("is no file of answers", path, "give --out another name");
    ids.insert(answer["id"].get<std::string>());
    good += static_cast<off_t>(text.size()) + 1;
  }
  in.close();
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && status.st_size > good &&
      truncate(path.c_str(), good) != 0) {
    throw Error("cannot be cut behind its last whole line", path, "check its permissions");
  }
  return ids;
}

class Batch {
 public:
  Batch(const GenerateOptions& options, serve::LoadedModel& model)
      : options_(options),
        model_(model),
        out_(std::fopen(options.out.c_str(), "ab"), &std::fclose) {
    if (!out_) throw Error("cannot be written", options.out, "check the path of --out");
  }

  int run(const std::vector<Line>& lines, const std::set<std::string>& done) {
    begin_ = std::chrono::steady_clock::now();
    all_ = lines.size();
    ended_ = 0;
    for (const Line& line : lines) ended_ += done.count(line.id);
    const std::size_t before = ended_;
    for (const Line& line : lines) {
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
    Stream(const text::Tokenizer& tokenizer, const std::vector<std::string>& stops)
        : decoder(tokenizer), stop(stops) {}
    std::string id, text;
    text::StreamDecoder decoder;
    serve::StopStrings stop;
    std::size_t prompt = 0, tokens = 0;
    bool ended_text = false;
  };

  void submit(const Line& line) {
    GenerateOptions options = options_;
    const Json& c = line.content;
    options.max_tokens = c.value("max_tokens", options.max_tokens);
    options.sampling.seed = c.value("seed", options.sampling.seed);
    options.sampling.temperature = c.value("temperature", options.sampling.temperature);
    std::vector<serve::Token> tokens =
        c.contains("messages") ? serve::chat_tokens(model_, c["messages"])
                               : tokens_of(model_, options, c["prompt"].get<std::string>());
    auto stream = std::make_shared<Stream>(model_.tokenizer(), options.stop);
    stream->id = line.id;
    stream->prompt = tokens.size();
    const serve::Request request = serve::request_for(model_, std::move(tokens), options.max_tokens,
                                                      options.sampling, options.ignore_end);
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
    for (const serve::Token token : event.tokens) {
      if (stream.ended_text) break;
      ++stream.tokens;
      stream.ended_text = !options_.ignore_end && model_.tokenizer().ends_text(token);
      if (!stream.ended_text) stream.text += stream.stop.push(stream.decoder.add(token));
    }
    if (event.ended) {
      stream.text += stream.stop.push(stream.decoder.finish());
      stream.text += stream.stop.finish();
      end(stream, event.finish);
    }
    return !stream.stop.stopped();
  }

  void end(const Stream& stream, serve::Finish finish) {
    const std::lock_guard lock(mutex_);
    --running_;
    room_.notify_one();
    if (finish != serve::Finish::kStop && finish != serve::Finish::kLength) return;
    const Json answer = {{"id", stream.id},
                         {"text", stream.text},
                         {"finish", finish == serve::Finish::kStop ? "stop" : "length"},
                         {"prompt_tokens", stream.prompt},
                         {"tokens", stream.tokens}};
    const std::string line = answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    failed_ = failed_ || std::fwrite(line.data(), 1, line.size(), out_.get()) != line.size() ||
              std::fflush(out_.get()) != 0;
    ++ended_;
    prompt_tokens_ += stream.prompt;
    answer_tokens_ += stream.tokens;
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
  const std::vector<Line> lines = read_lines(options.batch);
  const std::set<std::string> done = answered(options.out);
  bench::catch_interrupts();
  serve::LoadedModel model(options.load);
  say_note(model);
  Batch batch(options, model);
  const serve::StopAtEnd stop(model);
  return batch.run(lines, done);
}

}  // namespace aisp::app
