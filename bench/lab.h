// The contract of a lab: plain data that says what is computed, on which inputs, what is right, and
// which techniques do it. The instrument owns all memory, time and judgement; a technique sees only
// the shapes (when it plans) and the buffers of one call (when it runs).
//
// The path of one lab: describe() -> select -> worker process -> verify.cc -> trial.cc -> record.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/dtype.h"
#include "base/numeric.h"
#include "machine/cpu.h"
#include "machine/device.h"

namespace aisp::bench {

/// The sizes of one case, by name: {"M", 4096}. Reading a name that is not there is our bug.
class Params {
 public:
  Params() = default;
  Params(std::initializer_list<std::pair<const std::string, std::int64_t>> values)
      : values_(values) {}
  std::int64_t operator[](const std::string& name) const {
    const auto found = values_.find(name);
    check(found != values_.end(), "a lab asked for a size that its case does not set");
    return found->second;
  }
  void set(const std::string& name, std::int64_t value) { values_[name] = value; }
  const std::map<std::string, std::int64_t>& values() const { return values_; }
  bool operator==(const Params&) const = default;

 private:
  std::map<std::string, std::int64_t> values_;
};

/// Where an input or output lives while a technique runs.
enum class Place {
  kMemory,  // in the memory of the technique's device
  kFile,    // inputs only: a real file on disk, synced; prepare() and reference() see it mapped,
            // techniques get only its path
  kHost,    // in ordinary host memory, for device techniques too
  kPinned,  // in page-locked host memory, where there is a GPU
};

/// A dense row-major array. Buffers are 64-byte aligned; outputs end at a guard page, so a write
/// past the end faults (in device memory: 256-byte aligned, between canaries). Index arrays and the
/// like set `structured`: their elements cannot be mixed between two seeds (see near-copy in
/// docs/MEASURING.md).
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  Place place = Place::kMemory;
  bool structured = false;
  bool small_pages = false;  // no huge-page advice: for labs about page faults

  std::size_t count() const {
    std::size_t n = 1;
    for (const auto extent : shape) n *= static_cast<std::size_t>(extent);
    return n;
  }
  std::size_t bytes() const { return count() * size_bytes(dtype); }
};

/// The inputs and outputs of one case at one size.
struct Problem {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

/// The buffers of one call. Non-owning; valid during the call only. Index order is Problem's.
class Io {
 public:
  struct Buffer {
    void* data = nullptr;
    std::size_t bytes = 0;
    DType dtype = DType::kF32;
    const char* path = nullptr;  // file inputs only
  };

  Io(std::span<Buffer> inputs, std::span<Buffer> outputs, machine::CudaStream stream = nullptr)
      : inputs_(inputs), outputs_(outputs), stream_(stream) {}

  /// Device techniques: the stream whose time counts. Work put elsewhere must be joined to it.
  machine::CudaStream stream() const { return stream_; }

  template <class T>
  std::span<const T> in(std::size_t index) const {
    const Buffer& buffer = inputs_[index];
    dcheck(buffer.dtype == dtype_of<T>::value, "input read as another dtype");
    return {static_cast<const T*>(buffer.data), buffer.bytes / sizeof(T)};
  }
  template <class T>
  std::span<T> out(std::size_t index) const {
    const Buffer& buffer = outputs_[index];
    dcheck(buffer.dtype == dtype_of<T>::value, "output written as another dtype");
    return {static_cast<T*>(buffer.data), buffer.bytes / sizeof(T)};
  }
  /// Path of a file input.
  const char* in_path(std::size_t index) const { return inputs_[index].path; }
  std::size_t in_bytes(std::size_t index) const { return inputs_[index].bytes; }

  /// For prepare(): inputs as writable memory.
  template <class T>
  std::span<T> fill(std::size_t index) const {
    const Buffer& buffer = inputs_[index];
    return {static_cast<T*>(buffer.data), buffer.bytes / sizeof(T)};
  }

 private:
  std::span<Buffer> inputs_;
  std::span<Buffer> outputs_;
  machine::CudaStream stream_ = nullptr;
};

/// The useful work of one call, the same for every technique: what the problem needs, not what a
/// technique happens to do. Rates and fractions of the ceiling derive from it.
struct Work {
  enum class Medium { kMemory, kDisk, kHostLink, kNone };  // of the device; its link to the host
  double flops = 0.0;                                      // multiply and add count as two
  DType flops_dtype = DType::kF32;
  double bytes_read = 0.0;          // each input byte once
  double bytes_written = 0.0;       // each output byte once
  double items = 0.0;               // tokens, rows, requests ...
  std::string item_name;            // plural: "tokens"
  Medium medium = Medium::kMemory;  // kNone: no bandwidth ceiling applies (latency, scheduling)
  bool operator==(const Work&) const = default;
};

/// What each output should be, in double. scale may stay empty (see numeric.h).
struct Expected {
  struct Output {
    std::vector<double> value;
    std::vector<double> scale;
  };
  std::vector<Output> outputs;
};

/// Where a reference that runs on the GPU leaves what Expected::Output holds: device memory of one
/// double an element, value zeroed, scale zeroed (all zero: none is used).
struct ExpectedOnDevice {
  double* value = nullptr;
  double* scale = nullptr;
};

/// A technique made ready for one problem size: scratch memory, threads, chosen configuration. Made
/// before any input exists, so no work can move into it. run() is timed.
class Plan {
 public:
  virtual ~Plan() = default;
  /// Calls the operation `iterations` times on `io`; the loop is compiled with the body.
  virtual void run(const Io& io, std::uint64_t iterations) = 0;
};

/// The inlined loop around a callable body(const Io&). Four bodies an iteration keep the loop's own
/// cost at or below a quarter of a cycle; the barrier keeps calls from merging.
template <class Body>
class LoopPlan final : public Plan {
 public:
  explicit LoopPlan(Body body) : body_(std::move(body)) {}
  void run(const Io& io, std::uint64_t iterations) override {
    std::uint64_t i = 0;
    for (; i + 4 <= iterations; i += 4) {
      call(io);
      call(io);
      call(io);
      call(io);
    }
    for (; i < iterations; ++i) call(io);
  }

 private:
  void call(const Io& io) {
    body_(io);
    asm volatile("" ::: "memory");
  }
  Body body_;
};

/// The usual way to make a plan: `return plan_of([scratch = ...](const Io& io) mutable {...});`
template <class Body>
std::unique_ptr<Plan> plan_of(Body body) {
  return std::make_unique<LoopPlan<Body>>(std::move(body));
}

enum class Device { kCpu, kCuda };
const char* name(Device device);  // "cpu", "cuda"

/// kPeer: somebody else's library, shown with --peers, never the baseline.
enum class Role { kTechnique, kPeer };

/// Empty: it can run here. Otherwise why not, in a few words: "needs AVX-512".
using WhyNot = std::string;

struct Technique {
  std::string name;     // what it does: "row_walk", "tiled_simd"; the file's name
  std::string summary;  // one line for the list
  Device device = Device::kCpu;
  Role role = Role::kTechnique;
  /// Threads of a plan, for ceilings and the choice of clock: 1, or 0 for one per core.
  int threads = 1;
  /// True when a call waits for the disk, another process or a sleep: the CPU clock says nothing.
  bool blocks = false;
  /// Can it run here? Default: yes.
  std::function<WhyNot(const machine::Cpu&)> needs;
  /// The same for device techniques, asked of a device that can be used at all.
  std::function<WhyNot(const machine::CudaDevice&)> needs_device;
  /// Makes it ready for one size. No input exists yet. Device techniques: AISP_DEVICE(plan_...);
  /// their run() enqueues on io.stream() and need not wait, unless `blocks` is set.
  std::function<std::unique_ptr<Plan>(const Params&)> plan;
  /// Only where a technique must declare its own work; must agree with the lab's in flops and
  /// items.
  std::function<Work(const Params&)> work;
};

/// One case: a problem people have, at a size for tests and at its real size.
struct Case {
  std::string name;    // "llama3_8b_mlp"
  std::string origin;  // the real model or system whose shape this is
  Params smoke;
  Params full;
  Device device = Device::kCpu;  // whose techniques run it: sizes that fill a GPU are not a CPU's
  bool when_named = false;       // minutes long: left out of a run that does not name it (--cases)
};

/// One folder under labs/.
struct Lab {
  std::string question;              // one sentence ending in "?"
  std::vector<std::string> targets;  // "ch07:transpose"
  std::vector<std::string> tags;     // "memory", "simd"
  std::vector<Case> cases;
  std::vector<Params> ragged;  // odd sizes, verified but not timed
  std::function<Problem(const Params&)> problem;
  /// Fills every input from the seed alone.
  std::function<void(const Params&, std::uint64_t seed, const Io&)> prepare;
  std::function<Work(const Params&)> work;
  /// Independent, slow, wider. Reads io's inputs; fills expected.outputs (sized by the instrument,
  /// value zeroed, scale empty). Never one of the techniques.
  std::function<void(const Params&, const Io&, Expected&)> reference;
  /// The same on the GPU, for sizes where reference() takes minutes: io's inputs are in device
  /// memory, outputs[i] as many doubles as output i has elements. Used at full sizes of device
  /// cases, after it agreed with reference() at the smoke size. Optional. AISP_DEVICE(...).
  std::function<void(const Params&, const Io&, std::span<const ExpectedOnDevice> outputs)>
      reference_on_device;
  std::function<Tolerance(const Params&)> tolerance;
  /// Runs before EVERY call outside the clock, e.g. to drop a file from the page cache. Optional;
  /// calls are then timed one by one.
  std::function<void(const Params&, const Io&)> before_each;
  std::vector<Technique> techniques;
  std::string baseline;         // the name of the technique that is the denominator
  std::string device_baseline;  // the same for cases on the GPU

  const std::string& baseline_on(Device device) const {
    return device == Device::kCpu ? baseline : device_baseline;
  }
};

/// A lab as the table of labs knows it. Generated from folder names by CMake.
struct LabEntry {
  const char* chapter;      // "ch07"
  const char* name;         // "transpose"
  const char* folder;       // "labs/ch07_memory_access/transpose"
  const char* source_hash;  // SHA-256 over its sources
  Lab (*describe)();
};

}  // namespace aisp::bench
