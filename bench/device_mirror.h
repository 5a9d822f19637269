// The device side of an input set: for every buffer that lives in device memory an array between
// canaries, and page-locked memory where the lab asks for it. The host's buffers stay what the
// instrument fills, poisons and compares; this carries them there and back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/lab.h"
#include "machine/device.h"

namespace aisp::bench {

/// What a call finds in the L2.
enum class CacheMode {
  kWarm,  // what the call before left: inputs that fit are hits
  kCold,  // reads miss: the inputs take turns with copies, together more than twice the L2
  kDirty  // nothing of its own, and foreign lines that must be written back first
};
const char* name(CacheMode mode);  // "warm", "cold", "dirty"

class DeviceMirror {
 public:
  /// `inputs` and `outputs` are the host's buffers and must outlive this. `replicas`: copies of the
  /// inputs to take turns with (cold reads). Throws Error when the device has not the memory.
  DeviceMirror(const Problem& problem, std::vector<Io::Buffer>& inputs,
               std::vector<Io::Buffer>& outputs, machine::CudaStream stream, int replicas);

  Io io(int replica);
  int replicas() const { return static_cast<int>(input_views_.size()); }
  machine::CudaStream stream() const { return stream_; }
  void wait() const;  // for the stream

  void push_inputs();  // every replica
  void push_outputs();
  void pull_outputs();  // waits for the stream, and for nothing else
  /// Fills output `index` with a repeated word where it lives; false: it lives on the host.
  bool poison_output(std::size_t index, std::uint64_t word);
  /// Hash of output `index`, of every byte; 0 where it lives on the host.
  std::uint64_t output_hash(std::size_t index) const;
  /// Where output `index` lives on the device; null: on the host.
  const void* output(std::size_t index) const;
  bool input_on_device(std::size_t index) const { return !inputs_[0][index].in_host(); }
  /// "" or the name of an input on the device that is not what was pushed, in any replica.
  std::string changed_input();
  /// "" or which buffer was written next to. Waits for the stream.
  std::string damaged_canary();
  void mend_canaries();

 private:
  struct Array {
    machine::DeviceArray memory;  // empty: the host's buffer is used itself
    Io::Buffer* host = nullptr;
    std::string name;
    void* data() const;
    bool in_host() const { return memory.bytes() == 0; }
  };
  void add(std::vector<Array>& arrays, const TensorSpec& spec, Io::Buffer& host);
  void view(const std::vector<Array>& arrays, std::vector<Io::Buffer>& views) const;
  void set_canaries(Array& array);
  bool canaries_intact(const Array& array) const;

  machine::CudaStream stream_;
  std::vector<machine::PinnedRange> pinned_;
  std::vector<std::vector<Array>> inputs_;      // by replica
  std::vector<machine::DeviceArray> pristine_;  // of every input on the device: what was pushed
  std::vector<Array> outputs_;
  std::vector<std::vector<Io::Buffer>> input_views_;
  std::vector<Io::Buffer> output_views_;
};

/// Replicas of the inputs that make a rotation through them miss the L2: together more than twice
/// its size, at least 2, at most 64.
int cold_replicas(const Problem& problem, const machine::CudaDevice& device);

/// Device memory that two such sets take, in bytes.
std::size_t device_bytes(const Problem& problem, int replicas);

}  // namespace aisp::bench
