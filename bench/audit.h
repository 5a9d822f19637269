// Checks around calls, and audits after the measurement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/checks.h"
#include "bench/memory.h"
#include "bench/record.h"
#include "bench/verify.h"

namespace aisp::bench {

/// What a check found. Empty detector: nothing.
struct Fault {
  std::string detector, reason;
  Outcome outcome = Outcome::kWrong;
  bool found() const { return !detector.empty(); }
};

/// A reference result in device memory, as doubles.
struct ExpectedThere {
  machine::DeviceArray value, scale;
};

/// An input set with its reference result, and the checks around every checked call on it.
class CheckedSet {
 public:
  /// Computes the reference for the set's current contents, by the lab's reference_on_device where
  /// `on_device`.
  CheckedSet(const Lab& lab, const Params& params, InputSet& set, const Checks& checks,
             std::uint64_t seed, bool on_device = false);

  /// Results of other contents, so that a replayed one is named as such. Must outlive this.
  void also_know(const CheckedSet& near) { near_ = &near.expected_; }
  void formerly(const CheckedSet& old) { former_ = &old.expected_; }

  /// Poisons the outputs and makes sure that inputs and canaries are still what they were (a damage
  /// done by an unchecked call is mended here, or the next technique would be accused of it).
  void before_call(std::uint64_t poison_seed);

  /// Right after the clock stopped: samples the outputs, waits `settle_s`, sees whether they moved,
  /// then compares every element, the inputs' checksum and the canaries.
  Fault after_call(double settle_s, double* worst_in_bounds);

 private:
  std::vector<std::uint64_t> sample_outputs() const;
  std::string compare_outputs(double* worst_in_bounds);
  Fault name_fault(const std::string& wrong) const;

  const Lab& lab_;
  const Params& params_;
  InputSet& set_;
  const Checks& checks_;
  std::uint64_t seed_;
  Expected expected_;
  std::vector<ExpectedThere> there_;  // expected_ in device memory, where the set is there
  const Expected* near_ = nullptr;
  const Expected* former_ = nullptr;
  std::uint64_t checksum_ = 0;
  std::vector<std::vector<std::byte>> pristine_;              // copies of the memory inputs
  std::vector<std::pair<std::size_t, std::size_t>> samples_;  // output index, byte offset
  std::uint64_t poison_seed_ = 0;
  std::size_t output_elements_ = 0;
};

/// "" or which input is (almost) constant: nine tenths of a sample of its elements are equal. (Half
/// would accuse causal masks.) Inputs below 64 elements and file inputs are not judged.
std::string poor_input(InputSet& set);

struct AuditSubject {
  const Lab& lab;
  const Params& params;
  InputSet& set;
  InputSet& other;  // the same shapes, other contents
  Plan& plan;
  double epoch_cpu_ns;       // CPU time per call, as timed in epochs
  std::uint64_t iterations;  // calls per epoch
  int threads;
};

/// Flips a byte of every input after a call and sees whether an output follows.
Fault audit_alias(const AuditSubject& subject);

/// Times single calls on contents never seen before against the same contents again, single calls
/// into changed output memory against the time claimed in epochs, and many single calls against one
/// run of as many. An honest call does the same work each time; the limits are in the source.
Fault audit_repeat(const AuditSubject& subject, std::uint64_t seed);

}  // namespace aisp::bench
