// The memory of a lab: every input and output lives in a mapping of its own, ends at a guard page,
// has canaries in the slack around it, and is checked after use. Techniques never own it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/device_mirror.h"
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

/// Where device techniques find the buffers of a set. Null stream: in host memory.
struct OnDevice {
  machine::CudaStream stream = nullptr;
  int replicas = 1;  // of the inputs, to take turns with
};

/// Inputs and outputs of one problem with the contents of one seed. On a device, the host's copy is
/// the one that is filled, poisoned and compared: the set carries it there and, on collect(), back.
class InputSet {
 public:
  /// `folder`: where file inputs are created (removed on destruction).
  InputSet(const Problem& problem, const std::string& folder, const OnDevice& where = {});
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
  Io io(int replica = 0) { return mirror_ ? mirror_->io(replica) : Io{inputs_, outputs_}; }
  int replicas() const { return mirror_ ? mirror_->replicas() : 1; }
  bool on_device() const { return mirror_ != nullptr; }

  /// Brings the outputs to the host once the stream is done (and waits for nothing else). Without a
  /// device they are there.
  void collect() {
    if (mirror_) mirror_->pull_outputs();
  }
  /// On a device: a hash of every byte of output `index` as it is there now.
  std::uint64_t device_hash(std::size_t index) const { return mirror_->output_hash(index); }
  /// Where output `index` lives on a device; null: on the host.
  const void* device_output(std::size_t index) const {
    return mirror_ ? mirror_->output(index) : nullptr;
  }
  bool input_on_device(std::size_t index) const {
    return mirror_ && mirror_->input_on_device(index);
  }
  machine::CudaStream stream() const { return mirror_ ? mirror_->stream() : nullptr; }
  /// Waits for the stream of a device, if any.
  void wait() {
    if (mirror_) mirror_->wait();
  }
  /// Carries the host's inputs or outputs to the device after somebody changed them by hand.
  void push_inputs() {
    if (mirror_) mirror_->push_inputs();
  }
  void push_outputs() {
    if (mirror_) mirror_->push_outputs();
  }
  /// Carries the inputs to the device again where they are no longer the host's.
  void mend_device_inputs() {
    if (mirror_ && !mirror_->changed_input().empty()) mirror_->push_inputs();
  }

  /// Runs `use(io)` with file inputs mapped for reading and writing.
  void with_files_mapped(const std::function<void(const Io&)>& use);

  /// XXH3 over all inputs, files included. Inputs on a device are compared there with what was
  /// pushed, and make it another number where they differ.
  std::uint64_t input_checksum();

  /// "" or which buffer's canary was damaged.
  std::string damaged_canary();
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
  std::unique_ptr<DeviceMirror> mirror_;
};

}  // namespace aisp::bench
