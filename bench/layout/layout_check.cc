// Layout honesty: runs the paired trial on one kernel from two shared objects that hold the same
// objects linked in different orders. The source is the same, so every "faster" or "slower" beyond
// the margin is an alarm about where the linker put the code.
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/interval.h"
#include "base/rng.h"
#include "bench/clock.h"
#include "bench/layout/kernels.h"
#include "bench/selftest_workloads.h"
#include "bench/trial.h"

namespace aisp::layout {
namespace {

constexpr const char* kKernels[] = {"tight", "branchy", "stream", "gemm", "calls"};
constexpr const char* kSets[] = {"project", "plain", "extra"};
constexpr std::size_t kMaxShiftPages = 4096;  // 16 MiB: other bits of every address, 12 and up

struct Options {
  int pairs = 40;       // a kernel and set
  double seconds = 60;  // of all
  int load = 0;
  int processes = 1;  // a pair; more are combined as `bench run` does
  double margin = 0.01;
  std::uint64_t seed = 1;
  bool verbose = false;
};

/// What a child process sends back: plain bytes through a pipe.
struct Reply {
  bench::PairResult result;
  std::size_t offset[2] = {};  // of the two kernels within their pages
  double seconds = 0.0;
  char error[200] = {};
};
static_assert(std::is_trivially_copyable_v<Reply>);

struct Row {
  std::string set, kernel;
  std::size_t places = 0;
  std::int64_t pairs = 0, alarms = 0, inconclusive = 0;
  std::vector<double> distances, seconds;
};

/// Bytes that look like text, and floats; the same for every trial.
class Memory {
 public:
  Memory()
      : bytes_(Data::kBytes), left_(Data::kFloats), right_(Data::kFloats), out_(Data::kFloats) {
    constexpr char kText[] = "the epoch of 100 rounds, each 36 us; 3 % more steps: 2700 -> 2781 ";
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<std::uint8_t>(kText[i % (sizeof kText - 1)]);
    }
    fill_uniform(left_, 1);
    fill_uniform(right_, 2);
  }
  Data data() { return {bytes_.data(), left_.data(), right_.data(), out_.data()}; }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<float> left_, right_, out_;
};

struct Loaded {
  void* handle = nullptr;
  Kernel kernel = nullptr;
  std::size_t offset() const { return reinterpret_cast<std::uintptr_t>(kernel) % 4096; }
};

Loaded load(const std::string& set, int layout, const std::string& kernel) {
  const std::string path = fmt::format("{}/{}_{}.so", AISP_LAYOUT_FOLDER, set, layout);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw Error("cannot load a layout", path, "run ninja layout_check");
  void* symbol = dlsym(handle, ("layout_" + kernel).c_str());
  if (symbol == nullptr)
    throw Error("kernel is missing: " + kernel, path, "run ninja layout_check");
  return {handle, reinterpret_cast<Kernel>(symbol)};
}

/// At how many different places in their pages the layouts of a set have this kernel.
std::size_t places_of(const std::string& set, const std::string& kernel) {
  std::set<std::size_t> places;
  for (int layout = 0; layout < AISP_LAYOUT_COUNT; ++layout) {
    const Loaded loaded = load(set, layout, kernel);
    places.insert(loaded.offset());
    dlclose(loaded.handle);  // or every trial would find it at this process's address
  }
  if (places.size() < 2) {
    throw Error(kernel + " is at the same place in all layouts", AISP_LAYOUT_FOLDER,
                "these layouts compare nothing: look at bench/layout/CMakeLists.txt");
  }
  return places.size();
}

bench::Contender contender_of(Kernel kernel, const Data& data) {
  bench::Contender contender;
  contender.run = [kernel, data](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) sum += kernel(data);
    bench::selftest_sink = sum;
  };
  return contender;
}

/// One pair in this process. What is loaded lands at addresses of this process's own: a random
/// number of pages is mapped first, as address randomisation does between processes.
Reply run_pair(const Options& options, const std::string& set, const std::string& kernel,
               const int (&layouts)[2], std::uint64_t seed) {
  Reply reply;
  Rng rng(seed);
  const std::size_t pages = 1 + rng.below(kMaxShiftPages);
  mmap(nullptr, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Memory memory;
  std::vector<bench::Contender> pair;
  for (int side = 0; side < 2; ++side) {
    const Loaded loaded = load(set, layouts[side], kernel);
    reply.offset[side] = loaded.offset();
    pair.push_back(contender_of(loaded.kernel, memory.data()));
  }
  bench::TrialOptions trial;
  trial.rules.margin = options.margin;
  trial.seed = seed;
  const bench::TrialRecord record = bench::run_trial(pair, trial);
  reply.result = record.contenders[1].result;
  reply.seconds = record.seconds;
  return reply;
}

Reply run_in_child(const Options& options, const std::string& set, const std::string& kernel,
                   const int (&layouts)[2], std::uint64_t seed) {
  int ends[2];
  if (pipe(ends) != 0) throw Error("cannot create a pipe", "layout_check", "close some programs");
  const pid_t child = fork();
  if (child < 0) throw Error("cannot start a process", "layout_check", "close some programs");
  if (child == 0) {
    Reply reply;
    try {
      reply = run_pair(options, set, kernel, layouts, seed);
    } catch (const std::exception& error) {
      std::strncpy(reply.error, error.what(), sizeof reply.error - 1);
    }
    const bool sent = write(ends[1], &reply, sizeof reply) == sizeof reply;  // below PIPE_BUF
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  Reply reply;
  const bool received = read(ends[0], &reply, sizeof reply) == sizeof reply;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!received) throw Error("a trial's process died", set + " " + kernel, "run it again");
  if (reply.error[0] != 0) throw Error(reply.error, set + " " + kernel, "run ninja layout_check");
  return reply;
}

void one_pair(const Options& options, Row& row, std::uint64_t seed) {
  Rng rng(seed);
  int layouts[2];
  layouts[0] = static_cast<int>(rng.below(AISP_LAYOUT_COUNT));
  layouts[1] = static_cast<int>(rng.below(AISP_LAYOUT_COUNT - 1));
  layouts[1] += layouts[1] >= layouts[0];  // another one
  std::vector<bench::PairResult> results;
  Reply last;
  double seconds = 0.0;
  for (int process = 0; process < options.processes; ++process) {
    last = run_in_child(options, row.set, row.kernel, layouts, derive_seed(seed, process));
    results.push_back(last.result);
    seconds += last.seconds;
  }
  const bench::PairResult result = bench::combine_processes(results, options.margin);
  const bool alarm =
      result.verdict == bench::Verdict::kFaster || result.verdict == bench::Verdict::kSlower;
  ++row.pairs;
  row.alarms += alarm;
  row.inconclusive += result.verdict == bench::Verdict::kInconclusive;
  row.distances.push_back(std::fabs(std::log(result.ratio.estimate)));
  row.seconds.push_back(seconds);
  if (alarm && options.verbose) {
    fmt::print(
        "  {} {}: layouts {} and {}, at {:#x} and {:#x} of their pages: {:.4f} "
        "[{:.4f}, {:.4f}]\n",
        row.set, row.kernel, layouts[0], layouts[1], last.offset[0], last.offset[1],
        result.ratio.estimate, result.ratio.low, result.ratio.high);
  }
}

std::vector<Row> rows_of_built_sets() {
  std::vector<Row> rows;
  for (const char* set : kSets) {
    if (access(fmt::format("{}/{}_0.so", AISP_LAYOUT_FOLDER, set).c_str(), R_OK) != 0) continue;
    for (const char* kernel : kKernels) {
      rows.push_back({set, kernel, places_of(set, kernel), 0, 0, 0, {}, {}});
    }
  }
  if (rows.empty()) throw Error("no layouts", AISP_LAYOUT_FOLDER, "run ninja layout_check");
  return rows;
}

std::string rate(std::int64_t count, std::int64_t trials) {
  const Interval bounds = clopper_pearson(count, trials);
  return fmt::format("{:.1f} % [{:.1f}, {:.1f}]", 100 * bounds.estimate, 100 * bounds.low,
                     100 * bounds.high);
}

void print_row(const Row& row) {
  const auto percent = [&](double q) { return 100 * std::expm1(quantile(row.distances, q)); };
  fmt::print(
      "{:8} {:8} {:>6} {:>6} {:>7} {:>22} {:>13} {:>9.2f} % {:>6.2f} % {:>6.2f} % {:>8.0f} ms\n",
      row.set, row.kernel, row.places == 0 ? "" : std::to_string(row.places), row.pairs, row.alarms,
      rate(row.alarms, row.pairs), row.inconclusive, percent(0.5), percent(0.95), percent(1.0),
      1e3 * median(row.seconds));
}

void print_rows(const std::vector<Row>& rows, const Options& options, double seconds) {
  fmt::print(
      "layouts of the same source, {} processes a pair, margin {:.1f} %, background load {}, "
      "{:.0f} s; rates with exact 95 % bounds\n\n",
      options.processes, 100 * options.margin, options.load, seconds);
  fmt::print("{:8} {:8} {:>6} {:>6} {:>7} {:>22} {:>13} {:>11} {:>8} {:>8} {:>11}\n", "flags",
             "kernel", "places", "pairs", "alarms", "rate", "inconclusive", "median off", "95 %",
             "worst", "to verdict");
  std::vector<Row> totals;
  for (const Row& row : rows) {
    print_row(row);
    if (totals.empty() || totals.back().set != row.set)
      totals.push_back({row.set, "all", 0, 0, 0, 0, {}, {}});
    Row& total = totals.back();
    total.pairs += row.pairs;
    total.alarms += row.alarms;
    total.inconclusive += row.inconclusive;
    total.distances.insert(total.distances.end(), row.distances.begin(), row.distances.end());
    total.seconds.insert(total.seconds.end(), row.seconds.begin(), row.seconds.end());
  }
  fmt::print("\n");
  for (const Row& total : totals) print_row(total);
}

void run(const Options& options) {
  std::vector<Row> rows = rows_of_built_sets();
  const bench::BackgroundLoad load(options.load);
  const std::int64_t begin = bench::kernel_clock_ns(CLOCK_MONOTONIC);
  const auto elapsed_s = [&] {
    return static_cast<double>(bench::kernel_clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9;
  };
  // Passes over all rows, so that drift in the machine meets every row alike; the same pairs of
  // layouts for every row.
  for (int pair = 0; pair < options.pairs && elapsed_s() < options.seconds; ++pair) {
    for (Row& row : rows) {
      one_pair(options, row, derive_seed(options.seed, static_cast<std::uint64_t>(pair)));
    }
  }
  print_rows(rows, options, elapsed_s());
}

[[noreturn]] void usage() {
  fmt::print(stderr,
             "use: layout_check [--pairs N] [--seconds S] [--load L] [--processes P] "
             "[--margin M] [--seed X] [--verbose]\n");
  std::exit(4);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      options.verbose = true;
      continue;
    }
    if (i + 1 >= argc) usage();
    char* end = nullptr;
    const double value = std::strtod(argv[++i], &end);
    if (end == argv[i] || *end != 0 || !(value >= 0.0 && value <= 1e6)) usage();
    if (name == "--pairs" && value >= 1)
      options.pairs = static_cast<int>(value);
    else if (name == "--seconds" && value > 0)
      options.seconds = value;
    else if (name == "--load" && value <= 64)
      options.load = static_cast<int>(value);
    else if (name == "--processes" && value >= 1)
      options.processes = static_cast<int>(value);
    else if (name == "--margin" && value > 0)
      options.margin = value;
    else if (name == "--seed")
      options.seed = static_cast<std::uint64_t>(value);
    else
      usage();
  }
  return options;
}

}  // namespace
}  // namespace aisp::layout

int main(int argc, char** argv) {
  try {
    aisp::layout::run(aisp::layout::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "layout_check: {}\n", error.what());
    return 4;
  }
  return 0;
}
