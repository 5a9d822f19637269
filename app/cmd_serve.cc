// See cmd_serve.h.
#include "app/cmd_serve.h"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "front/http_server.h"
#include "front/keys.h"
#include "front/models.h"
#include "front/service.h"

namespace aisp::app {
namespace {

using front::Clock;
using front::Json;

// Time for the last words of streams that were cut off.
constexpr std::chrono::seconds kLastWords{2};

// Lines of JSON to a file or standard error, from any thread.
class Log {
 public:
  explicit Log(const std::string& path) {
    if (path.empty()) return;
    file_ = std::fopen(path.c_str(), "ae");
    if (file_ == nullptr) throw Error("cannot be written", path, "check the path of --log");
  }
  ~Log() {
    if (file_ != stderr) std::fclose(file_);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void line(const std::string& text) {
    const std::lock_guard lock(mutex_);
    std::fwrite(text.data(), 1, text.size(), file_);
    std::fputc('\n', file_);
    std::fflush(file_);
  }

 private:
  std::mutex mutex_;
  std::FILE* file_ = stderr;
};

std::string stem(const std::string& path) {
  std::filesystem::path file(path);
  if (!file.has_filename()) file = file.parent_path();  // a folder with a slash behind
  return file.extension() == ".gguf" || file.extension() == ".safetensors"
             ? file.stem().string()
             : file.filename().string();
}

std::vector<front::Models::Source> sources_of(const ServeCommand& options, int tenants) {
  serve::LoadOptions load = options.load;
  load.slots = load.max_running + options.max_queue;
  load.tenants = tenants;
  std::vector<front::Models::Source> sources;
  for (const std::string& file : options.files) {
    const bool named = sources.empty() && !options.name.empty();
    load.model = file;
    sources.push_back({named ? options.name : stem(file), load, options.per_key_requests});
  }
  for (const std::string& more : options.models) {
    const std::size_t equals = more.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == more.size()) {
      throw UsageError("not NAME=FILE", "--model " + more, "such as --model small=small.gguf");
    }
    load.model = more.substr(equals + 1);
    sources.push_back({more.substr(0, equals), load, options.per_key_requests});
  }
  return sources;
}

front::Keys keys_of(const ServeCommand& options, const front::Address& address) {
  if (!options.key_file.empty() && options.without_keys) {
    throw UsageError("--api-key-file and --without-keys contradict each other", "aisp serve",
                     "give one of them");
  }
  if (!options.key_file.empty()) return front::read_keys(options.key_file);
  if (!address.loopback() && !options.without_keys) {
    throw UsageError("anybody who reaches this address could use the model", options.listen,
                     "give --api-key-file, or --without-keys if that is meant");
  }
  return {};
}

std::optional<front::Route> route_of(const ServeCommand& options,
                                     const std::vector<front::Models::Source>& sources) {
  if (options.route.empty()) return std::nullopt;
  if (sources.size() != 2) {
    throw UsageError("a route is between two models", "aisp serve",
                     "give the small one and then the large one");
  }
  front::Route route = options.routing;
  route.policy = *front::route_policy_of(options.route);
  route.small = sources[0].name;
  route.large = sources[1].name;
  if (route.name == route.small || route.name == route.large) {
    throw UsageError("a model has this name", route.name, "give another --route-name");
  }
  return route;
}

// What signals do: the first to end drains, the second ends at once.
class Ending {
 public:
  Ending(front::HttpServer& server, front::Service& service, Log& log, double timeout_s)
      : server_(server), service_(service), log_(log), timeout_s_(timeout_s) {}

  void signal(int number) {
    if (number == SIGHUP) {
      if (!service_.reload()) log_.line(R"({"event":"reload","done":false,"problem":"under way"})");
      return;
    }
    if (draining_) return server_.stop();
    log_.line(R"({"event":"draining"})");
    draining_ = true;
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                   std::chrono::duration<double>(timeout_s_));
    service_.drain();
    server_.close_after_answers();
  }

  void tick() {
    if (!draining_) return;
    const auto now = Clock::now();
    if (server_.exchanges() == 0 || now > deadline_ + kLastWords) return server_.stop();
    if (now > deadline_ && !std::exchange(cut_, true)) service_.end_calls();
  }

 private:
  front::HttpServer& server_;
  front::Service& service_;
  Log& log_;
  double timeout_s_;
  Clock::time_point deadline_;
  bool draining_ = false, cut_ = false;
};

}  // namespace

int cmd_serve(const ServeCommand& options) {
  const front::Address address = front::read_address(options.listen);
  const front::Keys keys = keys_of(options, address);
  Log log(options.log);
  const std::vector<front::Models::Source> sources = sources_of(options, std::max(1, keys.count()));
  const std::optional<front::Route> route = route_of(options, sources);
  front::Models models(sources);
  front::Service service(models, {.limits = options.limits,
                                  .keys = keys,
                                  .route = route,
                                  .first_token_within_s = options.first_token_within_s,
                                  .log = [&log](const std::string& line) { log.line(line); }});
  front::HttpServer server(address, options.limits, service);
  service.set_server(&server);
  for (const auto& served : models.all()) log.line(front::loaded_line(*served));
  Ending ending(server, service, log, options.drain_timeout_s);
  server.catch_signals([&](int number) { ending.signal(number); });
  server.set_tick([&] { ending.tick(); });
  front::Json line = {{"event", "listening"}, {"host", address.host}, {"port", server.port()}};
  for (const auto& served : models.all()) line["models"].push_back(served->name);
  log.line(line.dump());
  server.run();
  // In this order: who asks, who reads, who computes. Then nobody calls what is gone.
  server.close();
  service.stop();
  models.stop();
  log.line(R"({"event":"ended"})");
  return 0;
}

namespace {

void add_route(CLI::App& serve, ServeCommand& o) {
  serve.add_option("--route", o.route, "Which of two models, small and large, answers `auto`")
      ->check(CLI::IsMember({"length", "deadline", "load"}));
  serve.add_option("--route-name", o.routing.name, "What requests name instead of `auto`");
  serve
      .add_option("--route-prompt-tokens", o.routing.prompt_tokens,
                  "Of length: prompts up to so many go to the small one")
      ->check(CLI::Range(0, 1 << 24));
  serve
      .add_option("--route-requests", o.routing.requests,
                  "Of load: requests in the large one at which more go to the small one")
      ->check(CLI::Range(1, 1 << 16));
}

}  // namespace

void add_serve(CLI::App& root, ServeCommand& o, int* code) {
  CLI::App* serve = root.add_subcommand("serve", "A model behind the OpenAI API");
  serve->add_option("model", o.files, "GGUF file, safetensors file or folder; or several")
      ->required();
  serve->add_option("--served-name", o.name,
                    "Name of the first in requests; its file's when absent");
  serve->add_option("--model", o.models, "One more model: NAME=FILE; can be repeated");
  serve->add_option("--listen", o.listen, "Address and port; port 0: any that is free");
  serve->add_option("--api-key-file", o.key_file, "Lines NAME KEY; the key named admin may reload");
  serve->add_flag("--without-keys", o.without_keys, "Serve a public address to everybody");
  serve->add_option("--log", o.log, "File for the JSON lines; standard error when absent");
  serve->add_option("--max-batch-tokens", o.load.max_rows, "Tokens computed in one step at most")
      ->check(CLI::Range(1, 1 << 16));
  serve->add_option("--max-running", o.load.max_running, "Requests computed together")
      ->check(CLI::Range(1, 4096));
  serve->add_option("--max-queue", o.max_queue, "Requests that wait; more are refused")
      ->check(CLI::Range(0, 1 << 16));
  serve
      ->add_option("--per-key-requests", o.per_key_requests,
                   "Requests of one key in a model's engine; 0: twice as many as are free")
      ->check(CLI::Range(0, 1 << 16));
  add_route(*serve, o);
  serve
      ->add_option("--first-token-within", o.first_token_within_s,
                   "Seconds; requests that would wait longer are refused at once; 0: none")
      ->check(CLI::NonNegativeNumber);
  serve->add_option("--drain-timeout", o.drain_timeout_s, "Seconds for streams to end on SIGTERM")
      ->check(CLI::NonNegativeNumber);
  serve->add_option("--connections", o.limits.connections, "Open connections at most")
      ->check(CLI::Range(1, 1 << 20));
  serve->add_option("--threads", o.load.threads, "Threads of the model; 0: one per core")
      ->check(CLI::Range(0, 1024));
  serve->add_option("--kv", o.load.kv, "Type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  serve->add_option("--kv-memory", o.load.kv_memory_gib, "GiB for keys and values, for each model")
      ->check(CLI::NonNegativeNumber);
  serve->add_option("--lookup", o.load.lookup, "Guess so many tokens from the text so far")
      ->check(CLI::Range(0, 16));
  serve->callback([&o, code] { *code = cmd_serve(o); });
}

}  // namespace aisp::app
