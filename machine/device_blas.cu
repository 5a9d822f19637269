// cuBLAS by dlopen. Its matrices are column-major, so that a row-major product is the product of
// the exchanged operands: c^T = b^T a^T.
#include "machine/device_blas.h"

#include <cublas_v2.h>
#include <dlfcn.h>

#include "base/check.h"
#include "machine/cuda_raii.h"

namespace aisp::machine {
namespace {

struct Library {
  decltype(&cublasCreate) create = nullptr;
  decltype(&cublasDestroy) destroy = nullptr;
  decltype(&cublasSetStream) set_stream = nullptr;
  decltype(&cublasSetMathMode) set_math = nullptr;
  decltype(&cublasSgemm) gemm = nullptr;
  decltype(&cublasSgemmStridedBatched) gemm_strided = nullptr;
  decltype(&cublasSgemmBatched) gemm_pointers = nullptr;
  std::string why_not;

  Library() {
    const std::string file = "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR);
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      library = dlopen(("/usr/local/cuda/lib64/" + file).c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    if (library == nullptr) {
      why_not = file + " is not installed";
      return;
    }
    const auto find = [&](auto& function, const char* name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (function == nullptr) why_not = file + " lacks " + name;
    };
    find(create, "cublasCreate_v2");
    find(destroy, "cublasDestroy_v2");
    find(set_stream, "cublasSetStream_v2");
    find(set_math, "cublasSetMathMode");
    find(gemm, "cublasSgemm_v2");
    find(gemm_strided, "cublasSgemmStridedBatched");
    find(gemm_pointers, "cublasSgemmBatched");
  }
};

// Stays loaded: unloading it while the device is in use is not safe.
const Library& library() {
  static const Library* const one = new Library;
  return *one;
}

void blas_check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error("cuBLAS: status " + std::to_string(static_cast<int>(status)), call,
              "see aisp machine for the state of the GPU");
}
#define AISP_BLAS(call) blas_check((call), #call)

constexpr float kOne = 1.0F, kZero = 0.0F;

}  // namespace

struct DeviceBlas::Handle {
  cublasHandle_t handle = nullptr;
};

std::string DeviceBlas::why_not() { return library().why_not; }

DeviceBlas::DeviceBlas(BlasMath math) : handle_(std::make_unique<Handle>()) {
  check(why_not().empty(), "who uses cuBLAS has asked why_not()");
  AISP_BLAS(library().create(&handle_->handle));
  AISP_BLAS(library().set_math(handle_->handle, math == BlasMath::kTf32 ? CUBLAS_TF32_TENSOR_OP_MATH
                                                                        : CUBLAS_PEDANTIC_MATH));
}

DeviceBlas::~DeviceBlas() { library().destroy(handle_->handle); }

void DeviceBlas::gemm(CudaStream stream, const BlasShape& shape, const float* a, const float* b,
                      float* c, float keep) const {
  const int m = static_cast<int>(shape.m), n = static_cast<int>(shape.n);
  const int k = static_cast<int>(shape.k);
  AISP_BLAS(library().set_stream(handle_->handle, stream));
  AISP_BLAS(library().gemm(handle_->handle, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &kOne, b, n, a, k,
                           &keep, c, n));
}

void DeviceBlas::gemm_strided(CudaStream stream, const BlasShape& shape, const float* a,
                              std::int64_t a_step, const float* b, std::int64_t b_step, float* c,
                              std::int64_t c_step, std::int64_t count) const {
  const int m = static_cast<int>(shape.m), n = static_cast<int>(shape.n);
  const int k = static_cast<int>(shape.k);
  AISP_BLAS(library().set_stream(handle_->handle, stream));
  AISP_BLAS(library().gemm_strided(handle_->handle, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &kOne, b, n,
                                   b_step, a, k, a_step, &kZero, c, n, c_step,
                                   static_cast<int>(count)));
}

void DeviceBlas::gemm_pointers(CudaStream stream, const BlasShape& shape, const float* const* a,
                               const float* const* b, float* const* c, std::int64_t count) const {
  const int m = static_cast<int>(shape.m), n = static_cast<int>(shape.n);
  const int k = static_cast<int>(shape.k);
  AISP_BLAS(library().set_stream(handle_->handle, stream));
  AISP_BLAS(library().gemm_pointers(handle_->handle, CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &kOne, b, n,
                                    a, k, &kZero, c, n, static_cast<int>(count)));
}

}  // namespace aisp::machine
