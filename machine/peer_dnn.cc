// The two dialects of oneDNN's C API; see peer_dnn.h. Descriptors of 2.x are structs that only the
// library reads and writes, so they are buffers here: a memory descriptor has 680 bytes, an
// operation's at most five of them (dnnl_types.h of 2.6).
#include "machine/peer_dnn.h"

#include <dlfcn.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "machine/peer_blas.h"

namespace aisp::machine {
namespace {

using Object = void*;  // dnnl_engine_t, dnnl_primitive_t ...
constexpr int kF32 = 3, kEngineCpu = 1, kForwardInference = 96, kQueryImplementation = 8;
constexpr int kStreamInOrder = 1, kSoftmaxAccurate = 0x30000;
constexpr int kArgSource = 1, kArgTarget = 17, kArgWeights = 33, kArgScale = 51, kArgShift = 52;
constexpr std::size_t kDescriptorBytes = 2048, kOperationBytes = 16384;

struct ExecutionArgument {  // dnnl_exec_arg_t
  int argument;
  Object memory;
};

struct Library {
  void* handle = nullptr;
  int major = 0;
  Object engine = nullptr, stream = nullptr;

  /// Calls the function `name` of the library; all of them return a status, 0 for success.
  template <class... Args>
  int call(const char* name, Args... args) const {
    void* function = dlsym(handle, name);
    if (function == nullptr) {
      throw Error(std::string("libdnnl lacks ") + name, "oneDNN",
                  "install the package of oneDNN 2.6 or 3");
    }
    return reinterpret_cast<int (*)(Args...)>(function)(args...);
  }
  /// The same, where a refusal is the user's to know.
  template <class... Args>
  void must(const char* name, Args... args) const {
    if (const int status = call(name, args...); status != 0) {
      throw Error(std::string(name) + " refused with status " + std::to_string(status), "oneDNN",
                  "leave the peer out, or use another release of the library");
    }
  }
};

const Library& library() {
  static const Library loaded = [] {
    const PeerBlas& blas = peer_blas(PeerLibrary::kOneDnn);  // also sets its environment
    Library l{.handle = blas.handle};
    if (!blas.why_not.empty()) return l;
    l.major = std::atoi(blas.details.c_str());
    if (l.major != 2 && l.major != 3) return l;
    try {
      l.must("dnnl_engine_create", &l.engine, kEngineCpu, std::size_t{0});
      l.must("dnnl_stream_create", &l.stream, l.engine, static_cast<unsigned>(kStreamInOrder));
    } catch (const Error&) {
      l.stream = nullptr;  // dnn_why_not() says it
    }
    return l;
  }();
  return loaded;
}

const Library& usable_library() {
  if (const std::string reason = dnn_why_not(); !reason.empty()) {
    throw Error(reason, "oneDNN", "install the library, or leave the peer out");
  }
  return library();
}

/// dnnl_memory_desc_t: a struct in 2.x, a pointer to one in 3.x.
class Descriptor {
 public:
  explicit Descriptor(const DnnTensor& tensor) {
    const Library& dnn = library();
    std::array<std::int64_t, 12> sizes{}, strides{};
    const auto rank = static_cast<int>(tensor.sizes.size());
    check(rank >= 1 && rank <= 12, "a tensor for oneDNN has 1 to 12 dimensions");
    check(tensor.strides.empty() || tensor.strides.size() == tensor.sizes.size(),
          "a tensor for oneDNN has a stride for each dimension");
    std::int64_t dense = 1;
    for (std::size_t i = tensor.sizes.size(); i-- > 0;) {
      sizes[i] = tensor.sizes[i];
      strides[i] = tensor.strides.empty() ? dense : tensor.strides[i];
      dense *= sizes[i];
    }
    if (dnn.major == 2) {
      dnn.must("dnnl_memory_desc_init_by_strides", static_cast<void*>(bytes_.data()), rank,
               static_cast<const std::int64_t*>(sizes.data()), kF32,
               static_cast<const std::int64_t*>(strides.data()));
    } else {
      dnn.must("dnnl_memory_desc_create_with_strides", &object_, rank,
               static_cast<const std::int64_t*>(sizes.data()), kF32,
               static_cast<const std::int64_t*>(strides.data()));
    }
  }
  ~Descriptor() {
    if (object_ != nullptr) library().call("dnnl_memory_desc_destroy", object_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const void* get() const { return object_ != nullptr ? object_ : bytes_.data(); }

 private:
  alignas(std::max_align_t) std::array<std::byte, kDescriptorBytes> bytes_{};
  Object object_ = nullptr;
};

/// What an operation of 2.x is described by.
struct Operation {
  alignas(std::max_align_t) std::array<std::byte, kOperationBytes> bytes{};
  void* get() { return bytes.data(); }
};

/// dnnl_primitive_attr_t with one factor for all results, or none at all for 1.
class Attributes {
 public:
  explicit Attributes(float factor) {
    if (factor == 1.0f) return;
    const Library& dnn = library();
    dnn.must("dnnl_primitive_attr_create", &object_);
    if (dnn.major == 2) {
      dnn.must("dnnl_primitive_attr_set_output_scales", object_, std::int64_t{1}, 0,
               static_cast<const float*>(&factor));
      return;
    }
    constexpr int kEltwiseLinear = 0x26;
    Object post = nullptr;
    dnn.must("dnnl_post_ops_create", &post);
    dnn.must("dnnl_post_ops_append_eltwise", post, kEltwiseLinear, factor, 0.0f);
    dnn.must("dnnl_primitive_attr_set_post_ops", object_, post);
    dnn.must("dnnl_post_ops_destroy", post);
  }
  ~Attributes() {
    if (object_ != nullptr) library().call("dnnl_primitive_attr_destroy", object_);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  Object get() const { return object_; }

 private:
  Object object_ = nullptr;
};

}  // namespace

struct DnnPrimitive::State {
  Object primitive = nullptr;
  std::string implementation;
  std::vector<ExecutionArgument> arguments;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    for (const ExecutionArgument& one : arguments) {
      library().call("dnnl_memory_destroy", one.memory);
    }
    if (primitive != nullptr) library().call("dnnl_primitive_destroy", primitive);
  }

  /// Makes the primitive; takes over the primitive descriptor.
  void make(Object descriptor) {
    const Library& dnn = library();
    const char* name = nullptr;
    if (dnn.call("dnnl_primitive_desc_query", descriptor, kQueryImplementation, 0,
                 static_cast<void*>(&name)) == 0) {
      implementation = name;
    }
    const int status =
        dnn.call("dnnl_primitive_create", &primitive, static_cast<const void*>(descriptor));
    dnn.call("dnnl_primitive_desc_destroy", descriptor);
    if (status != 0) throw Error("dnnl_primitive_create refused", "oneDNN", "leave the peer out");
  }
  void add(int argument, const Descriptor& descriptor) {
    const Library& dnn = library();
    ExecutionArgument one{argument, nullptr};
    dnn.must("dnnl_memory_create", &one.memory, descriptor.get(), dnn.engine,
             static_cast<void*>(nullptr));
    arguments.push_back(one);
  }
};

DnnPrimitive::DnnPrimitive(std::unique_ptr<State> state) : state_(std::move(state)) {}
DnnPrimitive::DnnPrimitive(DnnPrimitive&&) noexcept = default;
DnnPrimitive& DnnPrimitive::operator=(DnnPrimitive&&) noexcept = default;
DnnPrimitive::~DnnPrimitive() = default;

std::string dnn_why_not() {
  const PeerBlas& blas = peer_blas(PeerLibrary::kOneDnn);
  if (!blas.why_not.empty()) return blas.why_not;
  if (library().stream != nullptr) return "";
  return "needs libdnnl 2.x or 3.x with a CPU engine, found " +
         (blas.details.empty() ? "no version" : blas.details);
}

DnnPrimitive DnnPrimitive::softmax(const DnnTensor& data) {
  const Library& dnn = usable_library();
  const Descriptor rows(data);
  const int axis = static_cast<int>(data.sizes.size()) - 1;
  Object descriptor = nullptr;
  if (dnn.major == 2) {
    Operation operation;
    dnn.must("dnnl_softmax_forward_desc_init", operation.get(), kForwardInference, rows.get(),
             axis);
    dnn.must("dnnl_primitive_desc_create", &descriptor, static_cast<const void*>(operation.get()),
             nullptr, dnn.engine, nullptr);
  } else {
    dnn.must("dnnl_softmax_forward_primitive_desc_create", &descriptor, dnn.engine,
             kForwardInference, kSoftmaxAccurate, rows.get(), rows.get(), axis, nullptr);
  }
  auto state = std::make_unique<State>();
  state->make(descriptor);
  state->add(kArgSource, rows);
  state->add(kArgTarget, rows);
  return DnnPrimitive(std::move(state));
}

DnnPrimitive DnnPrimitive::layer_norm(const DnnTensor& data, float epsilon) {
  const Library& dnn = usable_library();
  const Descriptor rows(data);
  const Descriptor statistics({{data.sizes.begin(), data.sizes.end() - 1}, {}});
  const Descriptor parameters({{data.sizes.back()}, {}});
  Object descriptor = nullptr;
  if (dnn.major == 2) {
    constexpr unsigned kUseScaleAndShift = 0x8 | 0x10;
    Operation operation;
    dnn.must("dnnl_layer_normalization_forward_desc_init", operation.get(), kForwardInference,
             rows.get(), statistics.get(), epsilon, kUseScaleAndShift);
    dnn.must("dnnl_primitive_desc_create", &descriptor, static_cast<const void*>(operation.get()),
             nullptr, dnn.engine, nullptr);
  } else {
    constexpr unsigned kUseScaleAndShift = 0x2 | 0x4;
    dnn.must("dnnl_layer_normalization_forward_primitive_desc_create", &descriptor, dnn.engine,
             kForwardInference, rows.get(), rows.get(), statistics.get(), epsilon,
             kUseScaleAndShift, nullptr);
  }
  auto state = std::make_unique<State>();
  state->make(descriptor);
  state->add(kArgSource, rows);
  state->add(kArgScale, parameters);
  state->add(kArgShift, parameters);
  state->add(kArgTarget, rows);
  return DnnPrimitive(std::move(state));
}

DnnPrimitive DnnPrimitive::matmul(const DnnTensor& a, const DnnTensor& b, const DnnTensor& c,
                                  float alpha) {
  const Library& dnn = usable_library();
  const Descriptor source(a), weights(b), target(c);
  const Attributes attributes(alpha);
  const void* no_bias = nullptr;
  Object descriptor = nullptr;
  if (dnn.major == 2) {
    Operation operation;
    dnn.must("dnnl_matmul_desc_init", operation.get(), source.get(), weights.get(), no_bias,
             target.get());
    dnn.must("dnnl_primitive_desc_create", &descriptor, static_cast<const void*>(operation.get()),
             attributes.get(), dnn.engine, nullptr);
  } else {
    dnn.must("dnnl_matmul_primitive_desc_create", &descriptor, dnn.engine, source.get(),
             weights.get(), no_bias, target.get(), attributes.get());
  }
  auto state = std::make_unique<State>();
  state->make(descriptor);
  state->add(kArgSource, source);
  state->add(kArgWeights, weights);
  state->add(kArgTarget, target);
  return DnnPrimitive(std::move(state));
}

void DnnPrimitive::run(std::initializer_list<const float*> buffers) {
  check(buffers.size() == state_->arguments.size(), "oneDNN: a buffer for each argument");
  const Library& dnn = library();
  static const auto set_handle =
      reinterpret_cast<int (*)(Object, void*)>(dlsym(dnn.handle, "dnnl_memory_set_data_handle"));
  static const auto execute =
      reinterpret_cast<int (*)(Object, Object, int, const ExecutionArgument*)>(
          dlsym(dnn.handle, "dnnl_primitive_execute"));
  static const auto wait = reinterpret_cast<int (*)(Object)>(dlsym(dnn.handle, "dnnl_stream_wait"));
  std::size_t i = 0;
  for (const float* buffer : buffers) {
    set_handle(state_->arguments[i++].memory, const_cast<float*>(buffer));
  }
  const int status = execute(state_->primitive, dnn.stream,
                             static_cast<int>(state_->arguments.size()), state_->arguments.data());
  check(status == 0 && wait(dnn.stream) == 0, "oneDNN: a primitive failed");
}

std::string DnnPrimitive::implementation() const { return state_->implementation; }

void DnnSgemm::run(const float* a, const float* b, float* c) const {
  using Function =
      int (*)(char, char, std::int64_t, std::int64_t, std::int64_t, float, const float*,
              std::int64_t, const float*, std::int64_t, float, float*, std::int64_t);
  const PeerBlas& blas = peer_blas(PeerLibrary::kOneDnn);
  check(blas.why_not.empty(), "a peer library that is absent was called");
  const int status = reinterpret_cast<Function>(blas.sgemm_function)(
      'N', transposed_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, 0.0f, c, ldc);
  check(status == 0, "dnnl_sgemm refused its arguments");
}

}  // namespace aisp::machine
