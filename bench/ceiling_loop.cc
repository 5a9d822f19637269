// Walking a case's buffers with a stream loop. See ceiling_loop.h.
#include "bench/ceiling_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "bench/clock.h"
#include "machine/ceilings.h"

namespace aisp::bench {
namespace {

// Beyond this the arithmetic is no longer hidden behind the bytes: a Zen 4 core does 118 GFLOP/s
// and loads 25 GB/s from memory, 4.7 flops a byte.
constexpr double kMostFlopsPerByte = 4.0;

// Below 4 KiB it is calls and loop ends that are measured, not streams.
constexpr double kFewestBlocks = 8.0;

// Each candidate's turn in the choice.
constexpr double kTurnNs = 1e6;
constexpr int kTurns = 3;

using Buffers = std::vector<std::pair<std::byte*, std::size_t>>;

std::size_t whole_blocks(std::size_t bytes) {
  return bytes / machine::kStreamBlockBytes * machine::kStreamBlockBytes;
}

// Buffers one after the other, in whole blocks so that every place is aligned; begins again at the
// end. Buffers shorter than a block are left out.
class Stream {
 public:
  explicit Stream(const Buffers& buffers) {
    for (const auto& [data, bytes] : buffers) {
      if (whole_blocks(bytes) > 0) buffers_.emplace_back(data, whole_blocks(bytes));
      total_ += whole_blocks(bytes);
    }
  }
  std::size_t total() const { return total_; }
  std::size_t at_hand() const { return buffers_[index_].second - offset_; }
  std::byte* take(std::size_t bytes) {
    std::byte* const at = buffers_[index_].first + offset_;
    offset_ += bytes;
    if (at_hand() == 0) {
      index_ = (index_ + 1) % buffers_.size();
      offset_ = 0;
    }
    return at;
  }

 private:
  Buffers buffers_;
  std::size_t total_ = 0, index_ = 0, offset_ = 0;
};

double read_share(const Work& work) {
  return work.bytes_read / (work.bytes_read + work.bytes_written);
}

}  // namespace

bool moves_its_buffers(const Work& work, const Problem& problem) {
  const double declared = work.bytes_read + work.bytes_written;
  double held = 0.0;
  for (const auto* specs : {&problem.inputs, &problem.outputs}) {
    for (const TensorSpec& spec : *specs) {
      if (spec.place != Place::kMemory) return false;
      held += static_cast<double>(spec.bytes());
    }
  }
  return work.medium == Work::Medium::kMemory && declared > 0.0 &&
         work.flops <= kMostFlopsPerByte * declared && declared >= 0.8 * held &&
         declared <= 1.25 * held && held >= kFewestBlocks * machine::kStreamBlockBytes;
}

std::string ceiling_name(int threads) {
  return threads == 1 ? "ceiling" : fmt::format("ceiling_{}_threads", threads);
}

CeilingLoop::CeilingLoop(const Work& work, std::span<const std::unique_ptr<InputSet>> sets,
                         int threads)
    : threads_(threads) {
  if (threads > 1) pool_ = std::make_unique<machine::ThreadPool>(threads);
  const std::string kind = machine::kind_of_mix(read_share(work));
  for (const auto& set : sets) walks_.push_back(walk(*set, kind));
  choose(kind);
  double moved = 0.0;
  for (const Segment& segment : walks_.front()) {
    moved += static_cast<double>(segment.bytes) * kernel_.moved();
  }
  check(moved > 0.0, "a ceiling's loop found no buffer of a block");
  scale_ = (work.bytes_read + work.bytes_written) / moved;
}

// Inputs beside outputs, each whole; the shorter side begins again.
std::vector<CeilingLoop::Segment> CeilingLoop::walk(InputSet& set, const std::string& kind) const {
  Buffers inputs, outputs;
  for (std::size_t i = 0; i < set.problem().inputs.size(); ++i) {
    inputs.emplace_back(static_cast<std::byte*>(set.input(i).data), set.input(i).bytes);
  }
  for (std::size_t i = 0; i < set.problem().outputs.size(); ++i) {
    outputs.emplace_back(static_cast<std::byte*>(set.output(i).data), set.output(i).bytes);
  }
  Stream in(inputs), out(outputs);
  // A side without a block to its name takes no part: rows summed into a scalar.
  const bool reads = kind != "write" && in.total() > 0;
  const bool writes = kind != "read" && out.total() > 0;
  std::vector<Segment> segments;
  std::size_t left = std::max(reads ? in.total() : 0, writes ? out.total() : 0);
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  while (left > 0) {
    const std::size_t bytes =
        std::min({left, reads ? in.at_hand() : kAll, writes ? out.at_hand() : kAll});
    std::byte* const to = writes ? out.take(bytes) : in.take(bytes);
    segments.push_back({to, reads && writes ? in.take(bytes) : to, bytes});
    left -= bytes;
  }
  return segments;
}

void CeilingLoop::choose(const std::string& kind) {
  struct Candidate {
    machine::StreamKernel kernel;
    std::uint64_t passes = 1;
    double best_ns = std::numeric_limits<double>::infinity();
  };
  std::vector<Candidate> candidates;
  for (const auto& kernel : machine::stream_kernels(machine::cpu())) {
    if (kernel.kind == kind || kernel.kind == kind + "_nt") candidates.push_back({kernel});
  }
  check(!candidates.empty(), "there is no stream loop of this kind");
  const auto timed = [&](Candidate& one) {
    kernel_ = one.kernel;
    const std::int64_t begin = kernel_clock_ns(CLOCK_MONOTONIC);
    run(0, one.passes);
    return static_cast<double>(kernel_clock_ns(CLOCK_MONOTONIC) - begin) /
           static_cast<double>(one.passes);
  };
  for (Candidate& one : candidates) {
    timed(one);  // pays page faults and cold caches
    one.passes = static_cast<std::uint64_t>(std::max(1.0, kTurnNs / std::max(timed(one), 1.0)));
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    for (Candidate& one : candidates) one.best_ns = std::min(one.best_ns, timed(one));
  }
  kernel_ =
      std::min_element(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
        return a.best_ns < b.best_ns;
      })->kernel;
}

Contender CeilingLoop::companion(const std::size_t& set) {
  Contender contender;
  contender.name = ceiling_name(threads_);
  contender.run = [this, &set](std::uint64_t passes) { run(set, passes); };
  contender.threads = threads_;
  contender.companion = true;
  return contender;
}

void CeilingLoop::run(std::size_t set, std::uint64_t passes) {
  const auto share = [&](int worker) {
    for (const Segment& whole : walks_[set]) {
      const auto threads = static_cast<std::size_t>(threads_),
                 mine = static_cast<std::size_t>(worker);
      const std::size_t begin = whole_blocks(whole.bytes / threads * mine);
      const std::size_t end =
          mine + 1 == threads ? whole.bytes : whole_blocks(whole.bytes / threads * (mine + 1));
      kernel_.run(whole.to + begin, whole.from + begin, end - begin, 1);
    }
  };
  for (std::uint64_t pass = 0; pass < passes; ++pass) {
    if (pool_ == nullptr) {
      share(0);
    } else {
      pool_->run(share);
    }
  }
}

}  // namespace aisp::bench
