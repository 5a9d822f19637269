// See model_rates.h.
#include "app/model_rates.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/rng.h"
#include "machine/ceiling_kernels.h"
#include "machine/ceiling_loops.h"
#include "machine/crew.h"
#include "model/config.h"
#include "serve/loaded_model.h"
#include "serve/model_executor.h"

namespace aisp::app {
namespace {

using Clock = std::chrono::steady_clock;
using serve::BlockId;
using serve::Token;

constexpr int kMaxRows = 512;     // of a step, as the engine's
constexpr int kDecodeSteps = 6;   // of a round
constexpr double kProbeS = 0.02;  // of arithmetic
constexpr int kProbesAround = 5;  // before the first round and after the last
constexpr int kLeastRounds = 6;   // for an interval of 95 %

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The quickest loops for this machine, run by all threads of the pool at once.
class Prober {
 public:
  Prober(machine::ThreadPool& pool, std::int64_t bytes)
      : pool_(pool),
        share_(
            std::min(static_cast<std::size_t>(bytes), machine::memory_limit_bytes(machine::cpu())) /
            static_cast<std::size_t>(pool.size()) / kAlign * kAlign),
        memory_(share_ * static_cast<std::size_t>(pool.size())) {
    pool_.run([&](int worker) {  // real memory, of different content
      auto* words = reinterpret_cast<std::uint64_t*>(part(worker));
      for (std::size_t i = 0; i < share_ / 8; ++i) words[i] = i * 0x9e3779b97f4a7c15ull + 1;
    });
    for (const machine::StreamKernel& kernel : machine::stream_kernels(machine::cpu())) {
      if (std::string(kernel.kind) == "read") read_ = kernel;  // the widest is last
    }
    i8_ = quickest(DType::kI8);
    f32_ = quickest(DType::kF32);
  }

  ModelProbe probe() {
    const auto begin = Clock::now();
    pool_.run([&](int worker) { read_.run(nullptr, part(worker), share_, 1); });
    const double gb = static_cast<double>(memory_.size_bytes()) / 1e9;
    return {gb / seconds_since(begin), rate(i8_, kProbeS), rate(f32_, kProbeS)};
  }

  ModelProbe median_of(int count) {
    std::vector<ModelProbe> probes;
    for (int i = 0; i < count; ++i) probes.push_back(probe());
    return app::median_of(probes);
  }

 private:
  static constexpr std::size_t kAlign = 2 << 20;

  std::byte* part(int worker) const {
    return memory_.data() + static_cast<std::size_t>(worker) * share_;
  }

  // 1e9 operations a second of all threads; 0 where the processor has no such loop.
  double rate(const machine::ComputeKernel& kernel, double seconds) {
    if (kernel.run == nullptr) return 0.0;
    std::int64_t iterations = 1 << 10;
    for (;;) {
      const auto begin = Clock::now();
      pool_.run([&](int) { kernel.run(iterations); });
      const double took = seconds_since(begin);
      if (took >= 0.5 * seconds) {
        return 1e-9 * static_cast<double>(iterations) * kernel.operations_per_iteration *
               pool_.size() / took;
      }
      const double more = std::clamp(seconds / std::max(took, 1e-7), 2.0, 1000.0);
      iterations = static_cast<std::int64_t>(static_cast<double>(iterations) * more);
    }
  }

  machine::ComputeKernel quickest(DType dtype) {
    machine::ComputeKernel best{};
    double most = 0.0;
    for (const machine::ComputeKernel& kernel : machine::compute_kernels(machine::cpu())) {
      if (kernel.dtype != dtype) continue;
      const double found = rate(kernel, 0.005);
      if (found > most) most = found, best = kernel;
    }
    return best;
  }

  machine::ThreadPool& pool_;
  std::size_t share_;
  machine::PageBuffer memory_;
  machine::StreamKernel read_{};
  machine::ComputeKernel i8_{}, f32_{};
};

struct Cost {
  double seconds = 0.0, tokens = 0.0;
  double weight_bytes = 0.0, kv_bytes = 0.0, integer_operations = 0.0, float_operations = 0.0;

  double memory_s(const ModelProbe& probe) const {
    return (weight_bytes + kv_bytes) / (probe.read_gb_per_s * 1e9);
  }
  // Without a loop for 8 bits, they are computed as floats are.
  double compute_s(const ModelProbe& probe) const {
    const double i8 = probe.i8_gop_per_s > 0.0 ? probe.i8_gop_per_s : probe.f32_gflop_per_s;
    return 1e-9 * (integer_operations / i8 + float_operations / probe.f32_gflop_per_s);
  }
};

// Plans as the scheduler would make them, of sequences that stand still between the rounds.
class Steps {
 public:
  Steps(const ModelRatesOptions& options, const model::Weights& weights, machine::ThreadPool& pool)
      : options_(options), config_(weights.config()) {
    for (const int count : options.prompts) longest_ = std::max(longest_, count);
    for (const int count : options.rows) streams_ = std::max(streams_, count);
    const int length = options.context + kDecodeSteps + 1;
    each_ = blocks_of(length);
    // The prompts use the streams' first blocks' neighbours, never theirs.
    const int blocks = streams_ * each_ + blocks_of(longest_ + 1);
    const model::KvType kv = serve::kv_type_of(options.kv);
    kv_bytes_per_token_ = static_cast<double>(model::KvCache::block_bytes(config_, kv)) /
                          static_cast<double>(model::kBlockTokens);
    executor_ = std::make_unique<serve::ModelExecutor>(
        weights, pool,
        serve::ModelExecutor::Options{
            .kv_type = kv, .device_blocks = blocks, .max_rows = std::max(kMaxRows, streams_)});
    for (int i = 0; i < std::max(longest_, length) + 1; ++i) tokens_.push_back(some_token());
    for (BlockId id = 0; id < blocks; ++id) blocks_.push_back(id);
    request_.sampling.temperature = 0.0f;
    if (streams_ > 0) fill_contexts();
  }

  Cost prompt(int count) { return read(count, static_cast<std::size_t>(streams_ * each_)); }

  Cost decode(int rows) {
    Cost cost;
    std::vector<std::vector<Token>> sequences(static_cast<std::size_t>(rows));
    // Each stream's next tokens are its own: equal ones would go to the same experts.
    rng_ = Rng(2);
    for (auto& one : sequences) {
      one.assign(tokens_.begin(), tokens_.begin() + options_.context);
      one.push_back(some_token());
    }
    for (int step = 0; step < kDecodeSteps; ++step) {
      const int at = options_.context + step;
      plan_.work.clear();
      plan_.moves.clear();
      for (int row = 0; row < rows; ++row) {
        serve::Work work;
        work.slot = row;
        work.first = at;
        work.known = 1;
        work.emits = work.decode = true;
        work.tokens = sequences[static_cast<std::size_t>(row)];
        work.blocks = std::span(blocks_).subspan(static_cast<std::size_t>(row * each_),
                                                 static_cast<std::size_t>(each_));
        work.request = &request_;
        plan_.work.push_back(work);
      }
      run(cost);
      cost.tokens += rows;
      for (int row = 0; row < rows; ++row) {
        sequences[static_cast<std::size_t>(row)].push_back(some_token());
        attend(at + 1, cost);
        cost.kv_bytes += kv_bytes_per_token_ * seen(at + 1);
      }
    }
    return cost;
  }

 private:
  Token some_token() {
    return static_cast<Token>(rng_.below(static_cast<std::uint64_t>(config_.vocab)));
  }

  static int blocks_of(int tokens) {
    return static_cast<int>((tokens + model::kBlockTokens - 1) / model::kBlockTokens);
  }

  // `count` tokens in pieces of kMaxRows into the blocks from `first` on.
  Cost read(int count, std::size_t first) {
    Cost cost;
    for (int done = 0; done < count; done += kMaxRows) {
      serve::Work work;
      work.first = done;
      work.known = std::min(kMaxRows, count - done);
      work.emits = done + work.known == count;
      work.tokens = std::span(tokens_).first(static_cast<std::size_t>(count));
      work.blocks = std::span(blocks_).subspan(first);
      work.request = &request_;
      plan_.work.assign(1, work);
      plan_.moves.clear();
      run(cost);
      for (int i = 0; i < work.known; ++i) attend(done + i + 1, cost);
    }
    cost.tokens = count;
    return cost;
  }

  void fill_contexts() {
    read(options_.context, 0);
    plan_.work.clear();
    plan_.moves.clear();
    for (int stream = 1; stream < streams_; ++stream) {
      for (int i = 0; i < each_; ++i) {
        plan_.moves.push_back({serve::Move::Kind::kCopy, i, stream * each_ + i});
      }
    }
    Cost unused;
    run(unused);
  }

  void run(Cost& cost) {
    executor_->run(plan_, result_);
    const model::MatrixWork& work = executor_->matrix_work();
    cost.seconds += result_.seconds;
    cost.weight_bytes += static_cast<double>(work.bytes);
    cost.integer_operations += work.integer_operations;
    cost.float_operations += work.float_operations;
  }

  // Tokens of a context that the layers look at, on average: windows are shorter.
  double seen(int context) const {
    double sum = 0.0;
    for (const std::int64_t window : config_.windows) {
      sum += static_cast<double>(window > 0 ? std::min<std::int64_t>(window, context) : context);
    }
    return sum / static_cast<double>(config_.layers);
  }
  void attend(int context, Cost& cost) const {
    cost.float_operations += 4.0 * static_cast<double>(config_.layers * config_.heads) *
                             static_cast<double>(config_.head_size) * seen(context);
  }

  const ModelRatesOptions& options_;
  const model::ModelConfig& config_;
  int longest_ = 0, streams_ = 0, each_ = 0;
  double kv_bytes_per_token_ = 0.0;
  std::unique_ptr<serve::ModelExecutor> executor_;
  Rng rng_{1};
  std::vector<Token> tokens_;
  std::vector<BlockId> blocks_;
  serve::Request request_;
  serve::Plan plan_;
  serve::Result result_;
};

struct Kind {
  bool prompt;
  int count;
};

std::vector<Kind> kinds_of(const ModelRatesOptions& options) {
  std::vector<Kind> kinds;
  for (const int count : options.prompts) kinds.push_back({true, count});
  for (const int count : options.rows) kinds.push_back({false, count});
  return kinds;
}

struct Samples {
  std::vector<double> rates, shares;
  Cost last;

  void add(const Cost& cost, const ModelProbe& probe) {
    rates.push_back(cost.tokens / cost.seconds);
    shares.push_back(std::max(cost.memory_s(probe), cost.compute_s(probe)) / cost.seconds);
    last = cost;
  }
};

ModelCell cell_of(const Kind& kind, const Samples& samples, const ModelProbe& probe) {
  ModelCell cell;
  cell.prompt = kind.prompt;
  cell.count = kind.count;
  cell.tokens_per_s = median_interval(samples.rates);
  cell.share = median_interval(samples.shares);
  const Cost& cost = samples.last;
  const double steps = kind.prompt ? 1.0 : kDecodeSteps;
  cell.weight_gb = cost.weight_bytes / steps / 1e9;
  cell.kv_gb = cost.kv_bytes / steps / 1e9;
  cell.gb_per_token = (cost.weight_bytes + cost.kv_bytes) / cost.tokens / 1e9;
  cell.gop = (cost.integer_operations + cost.float_operations) / steps / 1e9;
  cell.bound_by_memory = cost.memory_s(probe) > cost.compute_s(probe);
  return cell;
}

void check_lengths(const ModelRatesOptions& options, const model::ModelConfig& config) {
  int longest = options.rows.empty() ? 0 : options.context + kDecodeSteps + 1;
  for (const int count : options.prompts) longest = std::max(longest, count);
  if (longest <= config.context) return;
  throw Error("the model takes " + std::to_string(config.context) + " tokens, " +
                  std::to_string(longest) + " are needed",
              options.model, "lower --prompt or --context");
}

}  // namespace

ModelProbe median_of(const std::vector<ModelProbe>& probes) {
  std::vector<double> read, i8, f32;
  for (const ModelProbe& probe : probes) {
    read.push_back(probe.read_gb_per_s);
    i8.push_back(probe.i8_gop_per_s);
    f32.push_back(probe.f32_gflop_per_s);
  }
  return {median(read), median(i8), median(f32)};
}

double ModelRates::disagreement() const {
  const auto apart = [](double a, double b) {
    return a > 0.0 && b > 0.0 ? std::abs(a - b) / std::max(a, b) : 0.0;
  };
  return std::max({apart(before.read_gb_per_s, after.read_gb_per_s),
                   apart(before.i8_gop_per_s, after.i8_gop_per_s),
                   apart(before.f32_gflop_per_s, after.f32_gflop_per_s)});
}

ModelRates measure_model(const ModelRatesOptions& options, const RoundProgress& progress) {
  const model::TensorFile file = model::open_model(options.model);
  const model::ModelConfig config = model::config_of(file);
  check_lengths(options, config);
  machine::ThreadPool pool(options.threads);
  const model::Weights weights(model::find_tensors(file, config), config, pool,
                               options.packed_cache ? &file : nullptr);
  Steps steps(options, weights, pool);
  Prober prober(pool, options.probe_bytes);
  ModelRates rates;
  rates.architecture = config.architecture;
  rates.parameters = model::parameter_count(config);
  rates.packed_bytes = weights.packed_bytes();
  rates.mapped = weights.is_mapped();
  rates.threads = pool.size();
  rates.note = weights.note();

  const std::vector<Kind> kinds = kinds_of(options);
  const auto measure = [&](const Kind& kind) {
    return kind.prompt ? steps.prompt(kind.count) : steps.decode(kind.count);
  };
  for (const Kind& kind : kinds) measure(kind);  // memory grows to its size, untimed

  rates.before = prober.median_of(kProbesAround);
  std::vector<Samples> samples(kinds.size());
  const auto begin = Clock::now();
  for (double round_s = 0.0;
       rates.rounds < kLeastRounds || seconds_since(begin) + round_s <= options.budget_s;
       ++rates.rounds) {
    if (!progress(rates.rounds, seconds_since(begin))) {
      throw Error("was interrupted", "aisp bench model", "give it a smaller --budget");
    }
    const auto round_begin = Clock::now();
    const ModelProbe probe = prober.probe();
    rates.during.push_back(probe);
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      // There and back: what drifts within a round meets every cell early and late.
      const std::size_t at = rates.rounds % 2 == 0 ? i : kinds.size() - 1 - i;
      samples[at].add(measure(kinds[at]), probe);
    }
    round_s = seconds_since(round_begin);
  }
  rates.after = prober.median_of(kProbesAround);
  const ModelProbe probe = median_of(rates.during);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    rates.cells.push_back(cell_of(kinds[i], samples[i], probe));
  }
  return rates;
}

}  // namespace aisp::app
