// The options of `aisp load`, and what they make. See load_sides.h.
#include "app/load_sides.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>

#include "base/error.h"
#include "base/text.h"
#include "load/compare.h"
#include "load/probe.h"

namespace aisp::app {
namespace {

UsageError bad(const std::string& what, const std::string& option, const std::string& remedy) {
  return UsageError(what, option, remedy);
}

template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// The first line's key: alone, or behind a name as in `aisp serve --api-key-file`.
std::string read_key(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.size() > 4096) {
    throw Error("holds no key", path, "write the key as its first line");
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  const std::string key = line.substr(line.find_last_of(" \t") + 1);
  const auto odd = [](unsigned char c) { return c <= ' ' || c >= 0x7f; };
  if (key.empty() || std::ranges::any_of(key, odd)) {
    throw Error("holds no key", path, "write the key as its first line");
  }
  return key;
}

void check_header(const std::string& header) {
  const auto odd = [](unsigned char c) { return c < ' ' || c >= 0x7f; };
  const std::size_t colon = header.find(": ");
  if (colon == 0 || colon == std::string::npos || std::ranges::any_of(header, odd)) {
    throw bad("\"" + printable(header) + "\" is no header", "--header", "write NAME: VALUE");
  }
}

// Settings of the engine that differ: "kv=i8,lookup=2".
serve::LoadOptions changed(serve::LoadOptions options, const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string_view value = part.substr(std::min(equals + 1, part.size()));
    int number = 0;
    const bool whole = read_number(value, number) && number >= 0 && number <= 1 << 20;
    if (name == "model" && !value.empty()) {
      options.model = value;
    } else if (name == "kv" &&
               (value == "f32" || value == "f16" || value == "bf16" || value == "i8")) {
      options.kv = value;
    } else if (name == "threads" && whole) {
      options.threads = number;
    } else if (name == "max-running" && whole && number > 0) {
      options.max_running = number;
    } else if (name == "slots" && whole && number > 0) {
      options.slots = number;
    } else if (name == "lookup" && whole && number <= 16) {
      options.lookup = number;
    } else {
      throw bad("\"" + printable(part) + "\" is no setting of the engine", "--compare",
                "write some of model, kv, threads, max-running, slots, lookup as NAME=VALUE,...");
    }
  }
  return options;
}

LoadSide engine_side(const serve::LoadOptions& options) {
  LoadSide side;
  side.engine = std::make_unique<EngineTarget>(options);
  side.name = options.model;
  side.words = side.engine->words();
  side.says = fmt::format("the engine in this process, {} threads, KV in {}, {} at a time{}",
                          side.engine->model().threads(), options.kv, options.max_running,
                          options.lookup > 0 ? fmt::format(", {} drafts", options.lookup) : "");
  return side;
}

LoadSide server_side(const LoadCommand& o, const std::string& url, const std::string& prompts) {
  LoadSide side;
  side.http = std::make_unique<load::HttpTarget>(url);
  load::ProbeWishes wishes{.model = o.model, .key = read_key(o.key_file), .headers = o.headers};
  using Prompts = load::ProbeWishes::Prompts;
  wishes.chat = o.chat;
  wishes.prompts = prompts == "ids"     ? Prompts::kIds
                   : prompts == "words" ? Prompts::kWords
                                        : Prompts::kEither;
  wishes.timeout_s = o.timeout_s;
  load::probe(*side.http, wishes);
  side.name = url;
  side.words = wishes.ids;
  side.says = load::describe(side.http->dialect());
  return side;
}

}  // namespace

load::Target& LoadSide::target() {
  if (http) return *http;
  return *engine;
}

std::map<std::string, load::ServerHistogram> LoadSide::histograms() {
  if (!http) return {};
  const load::HttpTarget::Page page = http->get("/metrics", 5.0);
  http->take_messages();  // a server without this page did nothing wrong
  return page.status == 200 ? load::read_histograms(page.text)
                            : std::map<std::string, load::ServerHistogram>{};
}

std::vector<std::string> LoadSide::take_messages() {
  if (http) return http->take_messages();
  return engine->message().empty() ? std::vector<std::string>{}
                                   : std::vector<std::string>{engine->message()};
}

void check_load_options(const LoadCommand& o, const load::Slo& slo) {
  const bool network = o.engine.model.empty();
  if (o.url.empty() == network) {
    throw bad("give a URL or --engine MODEL", "aisp load", "see aisp load --help");
  }
  const int shapes = !o.trace.empty() + (o.rate > 0.0) + (o.concurrency > 0);
  if (shapes != 1) {
    throw bad("give one of --rate, --trace and --concurrency", "aisp load",
              "how much is to be sent is the question");
  }
  if (o.concurrency > 0 && o.sweep) {
    throw bad("a sweep needs arrivals", "--sweep", "give --rate or --trace");
  }
  if (o.sweep && !o.compare.empty()) throw bad("go one by one", "--sweep and --compare", "");
  if ((o.sweep || o.goodput) && !slo.given()) {
    throw bad("good is not defined", "--slo", "write seconds, such as ttft=0.5,tpot=0.1");
  }
  if (o.trace.empty() && (o.scale_lengths != 1.0 || o.scale_rate != 1.0)) {
    throw bad("they scale a trace", "--scale-lengths and --scale-rate", "give --trace");
  }
  if (!o.trace.empty() &&
      (o.turns > 1 || !o.shared_prefix.empty() || o.constant || o.burst != 1.0)) {
    throw bad("the trace says when and what", "--trace",
              "leave --turns, --shared-prefix, --constant and --burst out");
  }
  if (!network && (!o.model.empty() || !o.key_file.empty() || o.chat || !o.headers.empty() ||
                   o.prompts != "either")) {
    throw bad("there is no network", "--engine",
              "leave --model, --api-key-file, --chat, --header and --prompts out");
  }
  if (o.turns > 1 && o.prompts == "ids") {
    throw bad("a server does not tell the ids of what it said", "--prompts ids",
              "leave --turns out");
  }
  if (!o.compare.empty() && o.requests > 0) {
    throw bad("blocks of a comparison have a length in time", "--requests", "give --duration");
  }
  if (!o.compare.empty() && o.pairs < load::least_pairs(o.level)) {
    throw bad(fmt::format("{} pairs have no interval at {:g} %", o.pairs, 100.0 * o.level),
              "--pairs", fmt::format("give {} or more", load::least_pairs(o.level)));
  }
  for (const std::string& header : o.headers) check_header(header);
  load::parse_lengths(o.prompt_tokens, "--prompt-tokens");  // before anything is connected
  load::parse_lengths(o.answer_tokens, "--answer-tokens");
  load::WorkloadOptions unused;
  parse_shared_prefix(o.shared_prefix, unused);
}

void parse_shared_prefix(const std::string& text, load::WorkloadOptions& asked) {
  if (text.empty()) return;
  const std::size_t colon = text.find(':');
  const std::string_view view = text;
  const bool right =
      colon != std::string::npos && read_number(view.substr(0, colon), asked.shared_prefix) &&
      read_number(view.substr(colon + 1), asked.shared_share) && asked.shared_prefix > 0 &&
      asked.shared_prefix <= 1 << 20 && asked.shared_share > 0.0 && asked.shared_share <= 1.0;
  if (!right) {
    throw bad("\"" + printable(text) + "\" is no shared prefix", "--shared-prefix",
              "write TOKENS:SHARE, such as 256:0.5");
  }
}

std::vector<LoadSide> open_load_sides(const LoadCommand& o, const std::string& prompts) {
  std::vector<LoadSide> sides;
  if (o.engine.model.empty()) {
    sides.push_back(server_side(o, o.url, prompts));
    if (!o.compare.empty()) sides.push_back(server_side(o, o.compare, prompts));
  } else {
    sides.push_back(engine_side(o.engine));
    if (!o.compare.empty()) {
      sides.push_back(engine_side(changed(o.engine, o.compare)));
      sides.back().name += " with " + o.compare;
    }
  }
  return sides;
}

namespace {

const CLI::Range kWhole(1, 1 << 20);

void add_what_is_sent(CLI::App* load, LoadCommand& o) {
  load->add_option("--rate", o.rate, "Requests a second, whatever the answers do")
      ->check(CLI::PositiveNumber);
  load->add_option("--burst", o.burst, "Shape of the gaps' Gamma distribution: below 1 are bursts")
      ->check(CLI::Range(0.01, 100.0));
  load->add_flag("--constant", o.constant, "Evenly spaced arrivals");
  load->add_option("--concurrency", o.concurrency, "Users who wait for their answers in its place")
      ->check(kWhole);
  load->add_option("--trace", o.trace, "Recorded arrivals: Azure, BurstGPT or Mooncake");
  load->add_option("--scale-lengths", o.scale_lengths, "The trace's prompts and answers times this")
      ->check(CLI::Range(1e-4, 100.0));
  load->add_option("--scale-rate", o.scale_rate, "The trace's arrivals a second times this")
      ->check(CLI::Range(1e-6, 1e6));
  load->add_option("--prompt-tokens", o.prompt_tokens, "128, 64-512 or 200~150 (mean, deviation)");
  load->add_option("--answer-tokens", o.answer_tokens, "The same of answers");
  load->add_option("--shared-prefix", o.shared_prefix,
                   "TOKENS:SHARE: that share of the prompts begins with the same tokens");
  load->add_option("--turns", o.turns, "Conversations of so many turns arrive")
      ->check(CLI::Range(1, 100));
  load->add_option("--think", o.think_s, "Mean seconds between an answer and the next turn")
      ->check(CLI::NonNegativeNumber);
  load->add_option("--duration", o.duration_s, "Seconds measured; 30 when nothing else is said")
      ->check(CLI::PositiveNumber);
  load->add_option("--requests", o.requests, "Requests measured, at most")->check(kWhole);
  load->add_option("--warmup", o.warmup_s, "Seconds before them; a tenth of the duration")
      ->check(CLI::NonNegativeNumber);
  load->add_option("--tail", o.tail_s, "Seconds that the load goes on while measured ones wait")
      ->check(CLI::NonNegativeNumber);
  load->add_option("--timeout", o.timeout_s, "Seconds for an answer")->check(CLI::PositiveNumber);
}

void add_judgement(CLI::App* load, LoadCommand& o) {
  load->add_option("--slo", o.slo, "What is good, in seconds: ttft=0.5,tpot=0.1,itl=0.5");
  load->add_flag("--goodput", o.goodput, "Exit 1 unless --good-share of the requests was good");
  load->add_flag("--sweep", o.sweep, "Find the highest rate at which --good-share is good");
  load->add_option("--good-share", o.good_share, "Share of requests that must be good")
      ->check(CLI::Range(0.01, 0.9999));
  load->add_option("--pairs", o.pairs, "Pairs of blocks of a comparison")
      ->check(CLI::Range(1, 1000));
  load->add_option("--margin", o.margin, "Ratios within 1 +- margin are equivalent")
      ->check(CLI::Range(1e-4, 1.0));
  load->add_option("--level", o.level, "Level of the intervals")->check(CLI::Range(0.5, 0.9999));
  load->add_option("--late-limit", o.late_limit_ms,
                   "Milliseconds: the generator's p99 lateness beyond which there is no verdict")
      ->check(CLI::PositiveNumber);
  load->add_option("--seed", o.seed, "Of arrivals, lengths and contents");
  load->add_option("--pin", o.pin, "CPU for the generator's thread")
      ->check(CLI::Range(0, CPU_SETSIZE - 1));
}

void add_how_it_is_said(CLI::App* load, LoadCommand& o) {
  load->add_option("--model", o.model, "Model to ask for; the server's first when absent");
  load->add_option("--api-key-file", o.key_file, "File with the key");
  load->add_option("--header", o.headers, "NAME: VALUE sent with every request");
  load->add_flag("--chat", o.chat, "Chat completions in place of completions");
  load->add_option("--prompts", o.prompts,
                   "Prompts as token ids, as words, or what the server takes")
      ->check(CLI::IsMember({"either", "ids", "words"}));
  load->add_option("--threads", o.engine.threads, "Of --engine; 0: one per core")
      ->check(CLI::Range(0, 1024));
  load->add_option("--kv", o.engine.kv, "Of --engine: type of keys and values")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "i8"}));
  load->add_option("--kv-memory", o.engine.kv_memory_gib, "Of --engine: GiB for them")
      ->check(CLI::NonNegativeNumber);
  load->add_option("--max-running", o.engine.max_running, "Of --engine: computed together")
      ->check(CLI::Range(1, 4096));
  load->add_option("--slots", o.engine.slots, "Of --engine: requests in it, waiting ones included")
      ->check(kWhole);
  load->add_option("--lookup", o.engine.lookup, "Of --engine: drafts by prompt lookup")
      ->check(CLI::Range(0, 16));
}

}  // namespace

void add_load(CLI::App& root, LoadCommand& o, int* code) {
  CLI::App* load = root.add_subcommand(
      "load", "What a server, or the engine here, does to its users under load");
  o.engine.slots = 1024;
  load->add_option("url", o.url, "http://HOST:PORT of an OpenAI-compatible server");
  load->add_option("--engine", o.engine.model, "A model file in its place: no network");
  load->add_option("--compare", o.compare,
                   "Another URL; with --engine settings that differ, such as kv=i8,lookup=2");
  add_what_is_sent(load, o);
  add_judgement(load, o);
  add_how_it_is_said(load, o);
  load->add_option("--json", o.json, "Write the record there; - for standard output");
  load->add_option("--html", o.html, "Write a page there");
  load->callback([&o, code] { *code = cmd_load(o); });
}

}  // namespace aisp::app
