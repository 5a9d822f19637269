// Checks around calls and audits after the measurement. See audit.h.
#include "bench/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <unordered_map>

#include "base/rng.h"
#include "bench/clock.h"

namespace aisp::bench {
namespace {

// Words sampled right after the clock stops: enough that a writer with a tenth of its work left is
// missed with probability 0.9^256 < 1e-11, few enough to read in a microsecond or two.
constexpr int kSamples = 256;

std::uint64_t word_at(const InputSet& set, std::size_t output, std::size_t offset) {
  std::uint64_t word = 0;
  const auto& buffer = set.output(output);
  std::memcpy(&word, static_cast<const std::byte*>(buffer.data) + offset,
              std::min<std::size_t>(8, buffer.bytes - offset));
  return word;
}

// CPU time of the process: preemption, which falls systematically on the call after a long fill,
// does not count, and work moved to another thread does.
double cpu_time_once(const AuditSubject& subject) {
  if (subject.lab.before_each) subject.lab.before_each(subject.params, subject.set.io());
  const std::int64_t begin = kernel_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  subject.plan.run(subject.set.io(), 1);
  return static_cast<double>(kernel_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin);
}

}  // namespace

CheckedSet::CheckedSet(const Lab& lab, const Params& params, InputSet& set, const Checks& checks,
                       std::uint64_t seed)
    : lab_(lab),
      params_(params),
      set_(set),
      checks_(checks),
      seed_(seed),
      expected_(compute_expected(lab, params, set)) {
  checksum_ = set.input_checksum();
  for (std::size_t i = 0; i < set.problem().inputs.size(); ++i) {
    const Io::Buffer& input = set.input(i);
    pristine_.emplace_back();
    if (input.data == nullptr) continue;
    const auto* bytes = static_cast<const std::byte*>(input.data);
    pristine_.back().assign(bytes, bytes + input.bytes);
  }
  Rng rng(derive_seed(seed, 9));
  for (int i = 0; i < kSamples; ++i) {
    const std::size_t output = rng.below(set.problem().outputs.size());
    const std::size_t bytes = set.output(output).bytes;
    samples_.emplace_back(output, bytes < 8 ? 0 : rng.below(bytes / 8) * 8);
  }
}

std::vector<std::uint64_t> CheckedSet::sample_outputs() const {
  std::vector<std::uint64_t> words;
  words.reserve(samples_.size());
  for (const auto& [output, offset] : samples_) words.push_back(word_at(set_, output, offset));
  return words;
}

bool CheckedSet::still_poisoned() const {
  return checks_.on("poison") && sample_outputs() == poison_words_;
}

void CheckedSet::before_call(std::uint64_t poison_seed) {
  for (std::size_t i = 0; i < pristine_.size(); ++i) {
    Io::Buffer& input = set_.input(i);
    if (input.data == nullptr) continue;
    if (std::memcmp(input.data, pristine_[i].data(), input.bytes) != 0) {
      std::memcpy(input.data, pristine_[i].data(), input.bytes);
    }
  }
  if (checks_.on("poison")) set_.poison_outputs(poison_seed);
  poison_words_ = sample_outputs();
}

Fault CheckedSet::after_call(double settle_s, double* worst_in_bounds) {
  const auto at_once = sample_outputs();
  if (settle_s > 0.0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(settle_s));
    if (checks_.on("late-write") && sample_outputs() != at_once) {
      return {"late-write", "outputs still changed after the call had returned"};
    }
  }
  const bool skip_nonfinite = !checks_.on("nonfinite");
  const bool skip_rms = !checks_.on("precision");
  std::string wrong;
  if (checks_.on("output")) {
    wrong = wrong_output(lab_, params_, set_, expected_, skip_nonfinite, skip_rms, worst_in_bounds);
  }
  if (!wrong.empty()) {
    if (still_poisoned()) return {"poison", "the call wrote nothing: " + wrong};
    if (former_ != nullptr && wrong_output(lab_, params_, set_, *former_).empty()) {
      return {"fresh-contents", "replayed the output of earlier contents: " + wrong};
    }
    if (near_ != nullptr && wrong_output(lab_, params_, set_, *near_).empty()) {
      return {"near-copy", "replayed the output of similar contents: " + wrong};
    }
    if (wrong.find("lower precision") != std::string::npos) return {"precision", wrong};
    if (wrong.find("got nan") != std::string::npos || wrong.find("got -nan") != std::string::npos ||
        wrong.find("got inf") != std::string::npos || wrong.find("got -inf") != std::string::npos) {
      return {"nonfinite", wrong};
    }
    return {"output", wrong};
  }
  if (checks_.on("inputs") && set_.input_checksum() != checksum_) {
    return {"inputs", "an input was modified"};
  }
  if (const auto where = set_.damaged_canary(); checks_.on("canary") && !where.empty()) {
    return {"canary", "wrote outside of " + where};
  }
  return {};
}

std::string poor_input(InputSet& set) {
  for (std::size_t i = 0; i < set.problem().inputs.size(); ++i) {
    const TensorSpec& spec = set.problem().inputs[i];
    const Io::Buffer& buffer = set.input(i);
    if (buffer.data == nullptr || spec.count() < 64) continue;
    const std::size_t size = size_bytes(spec.dtype);
    const std::size_t sampled = std::min<std::size_t>(spec.count(), 4096);
    const std::size_t step = spec.count() / sampled;
    std::unordered_map<std::uint64_t, std::size_t> seen;
    std::size_t most = 0;
    for (std::size_t k = 0; k < sampled; ++k) {
      std::uint64_t word = 0;
      std::memcpy(&word, static_cast<const std::byte*>(buffer.data) + k * step * size, size);
      most = std::max(most, ++seen[word]);
    }
    if (10 * most > 9 * sampled) {
      return fmt::format("input {} is constant in {} of {} sampled elements", spec.name, most, sampled);
    }
  }
  return "";
}

Fault audit_alias(const AuditSubject& subject) {
  if (subject.lab.before_each) subject.lab.before_each(subject.params, subject.set.io());
  subject.plan.run(subject.set.io(), 1);
  const auto outputs_hash = [&] {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < subject.set.problem().outputs.size(); ++i) {
      const auto& buffer = subject.set.output(i);
      for (std::size_t at = 0; at < buffer.bytes; at += 8) {
        std::uint64_t state = hash ^ word_at(subject.set, i, at);
        hash = splitmix64(state);
      }
    }
    return hash;
  };
  const std::uint64_t before = outputs_hash();
  std::vector<std::byte*> flipped;
  for (std::size_t i = 0; i < subject.set.problem().inputs.size(); ++i) {
    Io::Buffer& input = subject.set.input(i);
    if (input.data == nullptr || input.bytes == 0) continue;
    flipped.push_back(static_cast<std::byte*>(input.data) + input.bytes / 2);
    *flipped.back() ^= std::byte{0x40};
  }
  const bool follows = outputs_hash() != before;
  for (std::byte* byte : flipped) *byte ^= std::byte{0x40};
  if (follows) return {"alias", "an output is the memory of an input"};
  return {};
}

Fault audit_repeat(const AuditSubject& subject, std::uint64_t seed) {
  // Interrupts, branch predictors, and for pools the price of waking sleeping workers (about 50 us a
  // thread seen, in CPU time). A replay saves more than this or is not worth the accusation.
  const double noise_ns = subject.threads == 1 ? 20e3 : 150e3;
  // 20 us + bytes at 2 GB/s: code, page-table and data misses
  // of a call that comes alone, on the slowest memory we met (5 GB/s on one thread) with room.
  const double cold_ns = 20e3 + static_cast<double>(subject.set.bytes()) * 0.5;
  std::vector<double> first, again;
  double first_least = 0.0, again_median = 0.0;
  const auto discounted = [&] { return first_least > 3.0 * again_median + noise_ns; };
  const auto undercut = [&] { return first_least > 3.0 * subject.epoch_cpu_ns + cold_ns + noise_ns; };
  // Three pairs clear an honest call; a suspect gets twelve before it is accused.
  for (std::uint64_t i = 0; i < 12; ++i) {
    if (i >= 3 && !discounted() && !undercut()) break;
    subject.set.fill(subject.lab, subject.params, derive_seed(seed, i));
    // Before each of the two calls the same pass over all memory, so that caches are alike.
    for (std::vector<double>* times : {&first, &again}) {
      subject.set.poison_outputs(derive_seed(seed, 100 + i));
      subject.set.input_checksum();
      times->push_back(cpu_time_once(subject));
    }
    first_least = *std::min_element(first.begin(), first.end());
    again_median = median(again);
  }
  if (discounted()) {
    return {"repeat", fmt::format("fresh contents take {:.3g} us, the same contents again {:.3g} us",
                                  first_least / 1e3, again_median / 1e3)};
  }
  if (undercut()) {
    return {"repeat", fmt::format("a call on fresh contents takes {:.3g} us, in timed epochs {:.3g} us",
                                  first_least / 1e3, subject.epoch_cpu_ns / 1e3)};
  }
  return {};
}

}  // namespace aisp::bench
