// The memory of a lab: every input and output lives in a mapping of its own, ends at a guard page,
// has canaries in the slack around it, and is checked after use. Techniques never own it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/lab.h"

namespace aisp::bench {

/// One mapping: [guard page][slack with canaries][data, 64-byte aligned][canary < 64 B][guard
/// page]. A write past the end faults at once; one before the start damages a canary.
class GuardedBuffer {
 public:
  /// Throws Error when the system refuses the memory. Data is zero.
  explicit GuardedBuffer(std::size_t bytes, bool small_pages = false);
  ~GuardedBuffer();
  GuardedBuffer(GuardedBuffer&& other) noexcept;
  GuardedBuffer& operator=(GuardedBuffer&&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  bool canaries_intact() const;
  void mend_canaries();

 private:
  void for_each_canary(const auto& visit) const;
  std::byte* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
  std::byte* first_ = nullptr;  // first byte after the leading guard
  std::byte* data_ = nullptr;
  std::byte* end_ = nullptr;  // trailing guard page
  std::size_t bytes_ = 0;
};

/// Inputs and outputs of one problem with the contents of one seed.
class InputSet {
 public:
  /// `folder`: where file inputs are created (removed on destruction).
  InputSet(const Problem& problem, const std::string& folder);
  ~InputSet();
  InputSet(const InputSet&) = delete;
  InputSet& operator=(const InputSet&) = delete;

  /// Fills the inputs from the seed and syncs file inputs to disk.
  void fill(const Lab& lab, const Params& params, std::uint64_t seed);

  /// Makes the float inputs a near-copy of `other`: equal but for about 8 elements each, which keep
  /// this set's values. Structured and integer inputs become equal. False, and nothing done, when
  /// no input can be mixed. Defeats caches keyed by a sample of the contents.
  bool become_near_copy(const InputSet& other, std::uint64_t seed);

  /// Copies all inputs of `other`, bit for bit.
  void copy_inputs(const InputSet& other);

  /// Fills every output with a pattern that no right result has: a NaN of a seed-dependent payload
  /// for floats, seed-dependent bytes for integers.
  void poison_outputs(std::uint64_t seed);

  /// How many output elements still hold the pattern of poison_outputs(seed), bit for bit.
  std::size_t poisoned_elements(std::uint64_t seed) const;

  /// The buffers of a call; file inputs carry only their path.
  Io io() { return {inputs_, outputs_}; }

  /// Runs `use(io)` with file inputs mapped for reading and writing.
  void with_files_mapped(const std::function<void(const Io&)>& use);

  /// XXH3 over all inputs, files included.
  std::uint64_t input_checksum();

  /// "" or which buffer's canary was damaged.
  std::string damaged_canary() const;
  void mend_canaries();

  const Problem& problem() const { return problem_; }
  const Io::Buffer& output(std::size_t index) const { return outputs_[index]; }
  Io::Buffer& input(std::size_t index) { return inputs_[index]; }
  std::size_t bytes() const;

 private:
  Problem problem_;
  std::vector<GuardedBuffer> memory_;
  std::vector<std::string> paths_;
  std::vector<Io::Buffer> inputs_;
  std::vector<Io::Buffer> outputs_;
};

}  // namespace aisp::bench
