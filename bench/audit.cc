// Checks around calls and audits after the measurement. See audit.h.
#include "bench/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>
#include <unordered_map>

#include "base/rng.h"
#include "bench/clock.h"
#include "bench/device_compare.h"

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
double cpu_time_of(const std::function<void()>& body) {
  const std::int64_t begin = kernel_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  body();
  return static_cast<double>(kernel_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin);
}

void call_once(const AuditSubject& subject, InputSet& set) {
  if (subject.lab.before_each) subject.lab.before_each(subject.params, set.io());
  subject.plan.run(set.io(), 1);
}

}  // namespace

CheckedSet::CheckedSet(const Lab& lab, const Params& params, InputSet& set, const Checks& checks,
                       std::uint64_t seed, bool on_device)
    : lab_(lab),
      params_(params),
      set_(set),
      checks_(checks),
      seed_(seed),
      expected_(compute_expected(lab, params, set, on_device)) {
  checksum_ = set.input_checksum();
  for (const TensorSpec& spec : set.problem().outputs) output_elements_ += spec.count();
  for (std::size_t i = 0; i < set.problem().inputs.size(); ++i) {
    const Io::Buffer& input = set.input(i);
    pristine_.emplace_back();
    if (input.data == nullptr || set.input_on_device(i)) continue;
    const auto* bytes = static_cast<const std::byte*>(input.data);
    pristine_.back().assign(bytes, bytes + input.bytes);
  }
  for (std::size_t i = 0; set.on_device() && i < expected_.outputs.size(); ++i) {
    const auto& output = expected_.outputs[i];
    there_.emplace_back();
    if (set.device_output(i) == nullptr) continue;
    there_.back().value = machine::DeviceArray(std::span<const double>(output.value));
    if (output.scale.empty()) continue;
    there_.back().scale = machine::DeviceArray(std::span<const double>(output.scale));
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
  set_.wait();
  for (std::size_t i = 0; set_.on_device() && i < expected_.outputs.size(); ++i) {
    if (set_.device_output(i) != nullptr) words.push_back(set_.device_hash(i));
  }
  words.reserve(samples_.size());
  for (const auto& [output, offset] : samples_) {
    if (set_.device_output(output) == nullptr) words.push_back(word_at(set_, output, offset));
  }
  return words;
}

void CheckedSet::before_call(std::uint64_t poison_seed) {
  for (std::size_t i = 0; i < pristine_.size(); ++i) {
    Io::Buffer& input = set_.input(i);
    if (input.data == nullptr || set_.input_on_device(i)) continue;
    if (std::memcmp(input.data, pristine_[i].data(), input.bytes) != 0) {
      std::memcpy(input.data, pristine_[i].data(), input.bytes);
    }
  }
  set_.mend_device_inputs();
  set_.mend_canaries();
  poison_seed_ = poison_seed;
  if (checks_.on("poison")) set_.poison_outputs(poison_seed);
}

// Which protection it was that a wrong output ran into.
Fault CheckedSet::name_fault(const std::string& wrong) const {
  const std::size_t unwritten = checks_.on("poison") ? set_.poisoned_elements(poison_seed_) : 0;
  if (unwritten > 0 && unwritten == output_elements_) {
    return {"poison", "the call wrote nothing: " + wrong};
  }
  if (former_ != nullptr && wrong_output(lab_, params_, set_, *former_).empty()) {
    return {"fresh-contents", "replayed the output of earlier contents: " + wrong};
  }
  if (near_ != nullptr && wrong_output(lab_, params_, set_, *near_).empty()) {
    return {"near-copy", "replayed the output of similar contents: " + wrong};
  }
  if (wrong.find("lower precision") != std::string::npos) return {"precision", wrong};
  // Poison is NaN: elements that were never written are missing, not a NaN in hiding.
  if (unwritten > 0)
    return {"output", fmt::format("{} elements never written: {}", unwritten, wrong)};
  for (const char* word : {"got nan", "got -nan", "got inf", "got -inf"}) {
    if (wrong.find(word) != std::string::npos) return {"nonfinite", wrong};
  }
  return {"output", wrong};
}

// On a device first; the host is asked where something is wrong, and says what.
std::string CheckedSet::compare_outputs(double* worst_in_bounds) {
  const bool skip_nonfinite = !checks_.on("nonfinite");
  const bool skip_rms = !checks_.on("precision");
  bool right = set_.on_device();
  Tolerance tolerance = lab_.tolerance(params_);
  if (skip_rms) tolerance.rms = 1.0;
  for (std::size_t i = 0; right && i < there_.size(); ++i) {
    const void* got = set_.device_output(i);
    const TensorSpec& spec = set_.problem().outputs[i];
    right = got != nullptr;
    if (!right) break;
    const auto* scale = there_[i].scale.bytes() == 0 ? nullptr : there_[i].scale.as<double>();
    const Comparison result =
        compare_on_device(got, spec.dtype, spec.count(), there_[i].value.as<double>(), scale,
                          tolerance, skip_nonfinite, set_.stream());
    right = result.ok();
    if (right && worst_in_bounds != nullptr) {
      *worst_in_bounds = std::max(*worst_in_bounds, result.worst_in_bounds);
    }
  }
  if (right) return "";
  set_.collect();
  return wrong_output(lab_, params_, set_, expected_, skip_nonfinite, skip_rms, worst_in_bounds);
}

Fault CheckedSet::after_call(double settle_s, double* worst_in_bounds) {
  const Fault late{"late-write", "outputs still changed after the call had returned"};
  const auto at_once = sample_outputs();
  if (settle_s > 0.0) {
    std::this_thread::sleep_for(std::chrono::duration<double>(settle_s));
    if (checks_.on("late-write") && sample_outputs() != at_once) return late;
  }
  std::string wrong;
  if (checks_.on("output")) wrong = compare_outputs(worst_in_bounds);
  if (!wrong.empty()) {
    // A busy machine may not have let the other thread run yet.
    if (settle_s > 0.0 && checks_.on("late-write")) {
      std::this_thread::sleep_for(std::chrono::duration<double>(10 * settle_s));
      if (sample_outputs() != at_once) return late;
    }
    return name_fault(wrong);
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
      return fmt::format("input {} is constant in {} of {} sampled elements", spec.name, most,
                         sampled);
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

namespace {

// Interrupts, branch predictors, and for pools the price of waking sleeping workers (about 50 us a
// thread seen, in CPU time). A replay saves more than this or is not worth the accusation.
constexpr double kNoiseNs = 20e3, kPoolNoiseNs = 150e3, kLonePoolNs = 1e6;

// Calls shorter than this are preceded by one on other contents, so that a pool's threads are
// awake.
constexpr double kWakeUpBelowNs = 1e6;

// Times calls on the set's contents, each after the same pass over all memory, so that caches and
// output memory are alike.
double time_after_poison(const AuditSubject& subject, std::uint64_t seed) {
  if (subject.epoch_cpu_ns < kWakeUpBelowNs) call_once(subject, subject.other);
  subject.set.poison_outputs(seed);
  subject.set.input_checksum();
  if (subject.lab.before_each) subject.lab.before_each(subject.params, subject.set.io());
  return cpu_time_of([&] { subject.plan.run(subject.set.io(), 1); });
}

// The same, but what the output memory held before is put back into it.
double time_with_outputs_kept(const AuditSubject& subject, std::uint64_t seed) {
  if (subject.epoch_cpu_ns < kWakeUpBelowNs) call_once(subject, subject.other);
  std::vector<std::vector<std::byte>> kept;
  for (std::size_t i = 0; i < subject.set.problem().outputs.size(); ++i) {
    const auto& output = subject.set.output(i);
    const auto* bytes = static_cast<const std::byte*>(output.data);
    kept.emplace_back(bytes, bytes + output.bytes);
  }
  subject.set.poison_outputs(seed);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    std::memcpy(subject.set.output(i).data, kept[i].data(), kept[i].size());
  }
  subject.set.input_checksum();
  if (subject.lab.before_each) subject.lab.before_each(subject.params, subject.set.io());
  return cpu_time_of([&] { subject.plan.run(subject.set.io(), 1); });
}

// A plan that skips some of the calls it is asked for: as many calls one by one must cost the same.
// Handing a batch to threads at once may honestly cost less: they have wide limits.
Fault audit_batch(const AuditSubject& subject) {
  const std::uint64_t calls = std::min<std::uint64_t>(subject.iterations, 32);
  if (subject.lab.before_each || calls < 2) return {};
  const Io io = subject.set.io();
  double together = 1e300, one_by_one = 1e300;
  // A quarter of the time for the order of loops and predictors; 30 ns for making a call (5 seen).
  const bool pool = subject.threads != 1;
  const double factor = pool ? 5.0 : 1.25;
  const double edges = 1e3 + (pool ? kPoolNoiseNs : 30.0) * static_cast<double>(calls);
  const auto skips = [&] { return one_by_one > factor * together + edges; };
  for (int i = 0; i < 20 && (i < 4 || skips()); ++i) {
    together = std::min(together, cpu_time_of([&] { subject.plan.run(io, calls); }));
    one_by_one = std::min(one_by_one, cpu_time_of([&] {
                            for (std::uint64_t k = 0; k < calls; ++k) subject.plan.run(io, 1);
                          }));
  }
  if (!skips()) return {};
  return {"repeat", fmt::format("{} calls take {:.3g} us one by one and {:.3g} us in one run",
                                calls, one_by_one / 1e3, together / 1e3)};
}

// Pools of other techniques (OpenMP's above all) go on spinning for milliseconds after their last
// call, and would count as undeclared threads. Waits until the process is idle while this thread
// sleeps; one that never rests is looked at as it is.
void let_others_rest() {
  constexpr double kNapNs = 1e6, kIdleShare = 0.05;
  constexpr int kMostNaps = 200;
  for (int nap = 0; nap < kMostNaps; ++nap) {
    const double used = cpu_time_of(
        [&] { std::this_thread::sleep_for(std::chrono::duration<double, std::nano>(kNapNs)); });
    if (used < kIdleShare * kNapNs) return;
  }
}

// A call into changed output memory that comes alone costs more than one in an epoch. It is accused
// only where a reason shows: undeclared threads that work in epochs too, or a call into unchanged
// output memory, otherwise alike, that is cheaper. (Work done once an epoch is audit_batch's to
// find.) What is left is the price of a lone call: allocators return memory to the system between
// such calls (23 us against 7 us seen), and a call of many fork-joins waits for sleeping threads at
// each (11 ms against 0.8 ms seen on a crowded machine). Calls timed one by one have no such
// control.
Fault explain_undercut(const AuditSubject& subject, double lone_ns, std::uint64_t seed) {
  const auto accuse = [&](double claimed_ns, const char* of) {
    return Fault{"repeat", fmt::format("a call into changed output memory takes {:.3g} us of all "
                                       "threads' CPU time, {} {:.3g} us",
                                       lone_ns / 1e3, of, claimed_ns / 1e3)};
  };
  if (subject.lab.before_each) return accuse(subject.epoch_cpu_ns, "in timed epochs");
  let_others_rest();
  double all_threads = 1e300, unchanged = 1e300;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const double epoch =
        cpu_time_of([&] { subject.plan.run(subject.set.io(), subject.iterations); });
    all_threads = std::min(all_threads, epoch / static_cast<double>(subject.iterations));
    unchanged = std::min(unchanged, time_with_outputs_kept(subject, derive_seed(seed, 200 + i)));
  }
  const bool pool = subject.threads != 1;
  if (!pool && all_threads > 2.0 * subject.epoch_cpu_ns + 5e3) {
    return accuse(subject.epoch_cpu_ns, "in timed epochs the one declared thread takes");
  }
  if (lone_ns > (pool ? 3.0 * unchanged + kPoolNoiseNs : 2.0 * unchanged + 5e3))
    return accuse(unchanged, "one into unchanged memory");
  return {};
}

}  // namespace

Fault audit_repeat(const AuditSubject& subject, std::uint64_t seed) {
  std::vector<double> first, again;
  double first_least = 0.0, again_median = 0.0, again_least = 0.0;
  const double noise_ns = subject.threads == 1 ? kNoiseNs : kPoolNoiseNs;
  const auto discounted = [&] { return first_least > 3.0 * again_median + noise_ns; };
  // A call that comes alone cost 0.6 us more than one in an epoch and up to 1.4 times as much, over
  // all labs on a busy machine. A pool's call spins until its workers were scheduled: 5.5 times the
  // CPU time was seen with neighbours on both cores.
  const auto undercut = [&] {
    return subject.threads == 1 ? again_least > 2.0 * subject.epoch_cpu_ns + 5e3
                                : again_least > 10.0 * subject.epoch_cpu_ns + kLonePoolNs;
  };
  // Two pairs clear an honest call; a suspect gets twelve before it is accused.
  for (std::uint64_t i = 0; i < 12; ++i) {
    if (i >= 2 && !discounted() && !undercut()) break;
    subject.set.fill(subject.lab, subject.params, derive_seed(seed, i));
    for (std::vector<double>* times : {&first, &again}) {
      times->push_back(time_after_poison(subject, derive_seed(seed, 100 + i)));
    }
    first_least = *std::min_element(first.begin(), first.end());
    again_least = *std::min_element(again.begin(), again.end());
    again_median = median(again);
  }
  if (discounted()) {
    return {"repeat",
            fmt::format("fresh contents take {:.3g} us, the same contents again {:.3g} us",
                        first_least / 1e3, again_median / 1e3)};
  }
  if (undercut()) {
    if (const Fault fault = explain_undercut(subject, again_least, seed); fault.found()) {
      return fault;
    }
  }
  return audit_batch(subject);
}

}  // namespace aisp::bench
