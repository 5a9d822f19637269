// For tests: the driver of all fuzzing. Inputs are mutations of seeds; each ends as a result or as
// an aisp::Error of one line, within seconds and within a gigabyte. An input that is refused for a
// reason not seen before becomes a seed too, so that mutations get deeper than chance would lead.
// Seeds worth keeping are lines of hexadecimal digits in testdata/fuzz/, tried before all else.
//   AISP_FUZZ_RUNS=1000000  runs of each kind      AISP_FUZZ_SEED=7     other mutations
//   AISP_FUZZ_KEEP=FOLDER   new seeds go to FOLDER/NAME.hex; what crashed is in FOLDER/NAME.crash
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::text::fuzz {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
inline constexpr int kMostSeconds = kSanitized ? 60 : 10;  // CPU time of an input
inline constexpr rlim_t kMostMemory = rlim_t{1} << 30;     // beyond what the test has
inline constexpr std::size_t kMostSeeds = 4096, kLargestSeed = 1 << 16, kLargestKept = 1500;

inline std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

// What a signal handler needs of the input under way.
inline char crash_file[512];
inline const std::string* input_now = nullptr;

inline void save_input(int signal_number) {
  const int file = open(crash_file, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0 && input_now != nullptr && write(file, input_now->data(), input_now->size()) >= 0) {
    const char text[] = "\nfuzz: the input that ended this is in ";
    if (write(2, text, sizeof(text) - 1) < 0 || write(2, crash_file, strlen(crash_file)) < 0) {
      _exit(99);
    }
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

/// SIGPROF after so many seconds of this process's CPU time, 0: never. A busy machine costs none.
inline void limit_cpu_seconds(int seconds) {
  const itimerval limit{{0, 0}, {seconds, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
}

/// Signals, memory and time are guarded while this lives.
class Guard {
 public:
  explicit Guard(const std::string& name) {
    const char* folder = std::getenv("AISP_FUZZ_KEEP");
    snprintf(crash_file, sizeof(crash_file), "%s/%s.crash", folder == nullptr ? "/tmp" : folder,
             name.c_str());
    stack_t stack{};
    stack.ss_sp = stack_;
    stack.ss_size = sizeof(stack_);
    sigaltstack(&stack, nullptr);  // a stack that overflowed has no room for a handler
    for (const int number : kSignals) {
      if (kSanitized && number != SIGPROF) continue;  // the sanitizer's own report says more
      struct sigaction action {};
      action.sa_handler = save_input;
      action.sa_flags = SA_ONSTACK;
      sigaction(number, &action, nullptr);
    }
    getrlimit(RLIMIT_AS, &before_);
    if (kSanitized) return;
    std::ifstream pages("/proc/self/statm");
    rlim_t count = 0;
    pages >> count;
    const rlimit limit{count * static_cast<rlim_t>(getpagesize()) + kMostMemory, before_.rlim_max};
    setrlimit(RLIMIT_AS, &limit);
  }
  ~Guard() {
    limit_cpu_seconds(0);
    setrlimit(RLIMIT_AS, &before_);
    for (const int number : kSignals) {
      if (!kSanitized || number == SIGPROF) signal(number, SIG_DFL);
    }
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  static constexpr int kSignals[] = {SIGPROF, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  char stack_[1 << 16];
  rlimit before_{};
};

/// A few random edits: bytes changed, cut, doubled, moved, and words of the language put in.
inline std::string mutated_text(std::string text, const std::vector<std::string>& words, Rng& rng) {
  for (std::uint64_t edits = 1 + rng.below(1 + rng.below(6)); edits > 0; --edits) {
    const std::size_t at = rng.below(text.size() + 1);
    const std::size_t length = rng.below(std::min<std::size_t>(text.size() - at, 40) + 1);
    switch (rng.below(words.empty() ? 4 : 7)) {
      case 0:
        text.insert(at, 1, static_cast<char>(rng.next()));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(rng.below(text.size() + 1), text.substr(at, length));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 1 << rng.below(8));
        break;
      case 4: {  // where most languages begin something
        const std::size_t opening = text.find_first_of("{,([|:", at);
        const std::size_t place = opening == std::string::npos ? at : opening + 1;
        text.insert(place, words[rng.below(words.size())]);
        break;
      }
      default:
        text.insert(at, words[rng.below(words.size())]);
    }
  }
  return text;
}

using Json = nlohmann::ordered_json;

inline Json nested(std::uint64_t depth) {
  Json json = 0;
  for (; depth > 0; --depth) json = depth % 2 == 0 ? Json::array({json}) : Json{{"a", json}};
  return json;
}

inline Json odd_value(const std::vector<std::string>& words, Rng& rng) {
  switch (rng.below(14)) {
    case 0:
      return nullptr;
    case 1:
      return rng.below(2) == 0;
    case 2:
      return -1;
    case 3:
      return std::int64_t{1} << rng.below(63);
    case 4:
      return (std::int64_t{1} << rng.below(63)) - 1;
    case 5:
      return std::numeric_limits<std::int64_t>::min();
    case 6:
      return ~std::uint64_t{0};
    case 7:
      return 1e308;
    case 8:
      return 0;
    case 9:
      return "";
    case 10:
      return std::string(rng.below(300), 'a');
    case 11:
      return rng.below(2) == 0 ? Json::array() : Json::object();
    case 12:
      return nested(1 + rng.below(200));
    default:
      return words.empty() ? Json("x") : Json(words[rng.below(words.size())]);
  }
}

inline void collect(Json& json, std::vector<Json*>& nodes, std::vector<std::string>& keys) {
  nodes.push_back(&json);
  if (!json.is_structured() || nodes.size() > 2000) return;
  if (json.is_object()) {
    for (auto& [key, value] : json.items()) {
      keys.push_back(key);
      collect(value, nodes, keys);
    }
  } else {
    for (Json& value : json) collect(value, nodes, keys);
  }
}

// One change of the tree: a type, a number, a key, a child more or less, or nesting.
inline void change(Json& json, const std::vector<std::string>& words, Rng& rng) {
  std::vector<Json*> nodes;
  std::vector<std::string> keys = {"a"};
  collect(json, nodes, keys);
  Json& node = *nodes[rng.below(nodes.size())];
  const auto child = [&] {
    auto at = node.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(rng.below(node.size())));
    return at;
  };
  switch (rng.below(7)) {
    case 0:
      node = Json(*nodes[rng.below(nodes.size())]);
      break;
    case 1:
      if (node.is_structured() && !node.empty()) node.erase(child());
      break;
    case 2:
      if (node.is_object()) node[keys[rng.below(keys.size())]] = odd_value(words, rng);
      break;
    case 3:
      if (node.is_array() && !node.empty() && node.size() < 200) {
        const Json copy = *child();
        for (std::uint64_t more = 1 + rng.below(20); more > 0; --more) node.push_back(copy);
      }
      break;
    case 4:
      if (node.is_number_integer()) {
        // In unsigned numbers, where overflow is no error.
        node = static_cast<std::int64_t>(node.get<std::uint64_t>() + rng.below(5) - 2);
      }
      break;
    case 5:
      node = rng.below(2) == 0 ? Json::array({Json(node)}) : Json{{keys.back(), Json(node)}};
      break;
    default:
      node = odd_value(words, rng);
  }
}

/// JSON changed as a tree, sometimes its text as well; what is no JSON, as text.
inline std::string mutated_json(const std::string& text, const std::vector<std::string>& words,
                                Rng& rng) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || rng.below(5) == 0) return mutated_text(text, words, rng);
  for (std::uint64_t changes = 1 + rng.below(4); changes > 0; --changes) change(json, words, rng);
  const std::string out = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return rng.below(8) == 0 ? mutated_text(out, words, rng) : out;
}

class Fuzzer {
 public:
  using Mutate = std::function<std::string(const std::string&, Rng&)>;
  using Use = std::function<void(const std::string&, Rng&)>;

  /// `kept`: a file of hexadecimal lines, of which there may be none yet.
  Fuzzer(std::string name, std::vector<std::string> seeds, const std::string& kept)
      : name_(std::move(name)), seeds_(std::move(seeds)), given_(seeds_.size()) {
    std::ifstream in(kept);
    for (std::string line; std::getline(in, line);) {
      std::string bytes;
      for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
      }
      seeds_.push_back(bytes);
    }
  }

  /// Every seed as it is, then `runs` mutations (AISP_FUZZ_RUNS where given). Fails the test for
  /// anything but a result or an Error of one line, and when nothing was taken or nothing refused
  /// (where `refuses`: some inputs cannot be wrong).
  void run(std::uint64_t runs, const Mutate& mutate, const Use& use, bool refuses = true) {
    runs = number_of("AISP_FUZZ_RUNS", runs);
    const std::uint64_t seed = number_of("AISP_FUZZ_SEED", 1);
    const Guard guard(name_);
    const std::size_t known = seeds_.size();
    for (std::size_t i = 0; i < known; ++i) {
      Rng rng(derive_seed(seed, ~i));
      attempt(std::string(seeds_[i]), rng, use);
    }
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < runs; ++i) {
      Rng rng(derive_seed(seed, i));
      // Half of them from what was given, which is mostly right: else few get deep.
      const std::size_t from = rng.below(2) == 0 ? given_ : seeds_.size();
      attempt(mutate(seeds_[rng.below(from)], rng), rng, use);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    GTEST_LOG_(INFO) << "fuzz " << name_ << ": " << runs << " runs, " << taken_ << " taken, "
                     << refused_ << " refused for " << reasons_.size() << " reasons, "
                     << took.count() << " s, slowest " << slowest_s_ << " s, largest memory "
                     << usage.ru_maxrss / 1024 << " MiB";
    EXPECT_GT(taken_, runs / 1000) << "mutations of the wrong size";
    EXPECT_TRUE(!refuses || refused_ > runs / 1000) << "mutations of the wrong size";
  }

 private:
  void attempt(const std::string& input, Rng& rng, const Use& use) {
    input_now = &input;
    limit_cpu_seconds(kMostSeconds);
    const auto begin = std::chrono::steady_clock::now();
    try {
      use(input, rng);
      ++taken_;
    } catch (const Error& problem) {
      ++refused_;
      const std::string line = problem.what();
      if (line.find('\n') != std::string::npos) fail("an error of several lines: " + line, input);
      if (line.size() > 2000) fail("an error of " + std::to_string(line.size()) + " bytes", input);
      note_reason(line, input);
    } catch (const std::exception& problem) {
      fail(problem.what(), input);
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    slowest_s_ = std::max(slowest_s_, took.count());
    input_now = nullptr;
  }

  void fail(const std::string& what, const std::string& input) {
    if (++failures_ > 5) return;  // enough to begin with
    std::ofstream(crash_file, std::ios::binary) << input;
    ADD_FAILURE() << name_ << ": " << what.substr(0, 300) << "; the input is in " << crash_file;
  }

  // The same reason, whatever the numbers and names in it.
  void note_reason(const std::string& line, const std::string& input) {
    std::string reason;
    bool quoted = false;
    for (const char c : line) {
      if (c == '"' || c == '\'') quoted = !quoted;
      if (!quoted && ((c >= 'a' && c <= 'z') || c == ' ')) reason += c;
    }
    reason.resize(std::min<std::size_t>(reason.size(), 80));
    if (!reasons_.insert(reason).second) return;
    if (seeds_.size() >= kMostSeeds || input.size() > kLargestSeed) return;
    seeds_.push_back(input);
    const char* folder = std::getenv("AISP_FUZZ_KEEP");
    if (folder == nullptr || input.size() > kLargestKept) return;
    std::ofstream out(std::string(folder) + "/" + name_ + ".hex", std::ios::app);
    for (const char c : input) {
      char digits[3];
      snprintf(digits, sizeof(digits), "%02x",
               static_cast<unsigned>(static_cast<unsigned char>(c)));
      out << digits;
    }
    out << '\n';
  }

  std::string name_;
  std::vector<std::string> seeds_;
  std::size_t given_;  // of them, in front: as they were written, without those kept
  std::set<std::string> reasons_;
  std::uint64_t taken_ = 0, refused_ = 0;
  double slowest_s_ = 0.0;
  int failures_ = 0;
};

}  // namespace aisp::text::fuzz
