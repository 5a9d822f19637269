// Matrix products by cuBLASLt, the vendor's library: the highest rate of arithmetic that a GPU
// shows in practice, by type. The library is loaded at run time; without it the rows are missing.
// Random data: on zeros the chip draws less power and runs faster.
//
// Source: cuBLAS 13.0, cuBLASLt API.
#include <memory>

#include "machine/cublaslt_functions.h"
#include "machine/cuda_raii.h"
#include "machine/gpu_sampler.h"

namespace aisp::machine {
namespace {

struct Type {
  const char* name;
  cudaDataType_t input, output;
  cublasComputeType_t compute;
  cudaDataType_t scale;
  std::size_t input_bytes, output_bytes;
};

constexpr Type kTypes[] = {
    {"f32", CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC, CUDA_R_32F, 4, 4},
    {"tf32", CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F, 4, 4},
    {"f16", CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, CUDA_R_32F, 2, 2},
    {"bf16", CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F, 2, 2},
    {"fp8 e4m3", CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_32F, 1, 2},
    {"int8", CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, CUDA_R_32I, 1, 4},
    {"f64", CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, CUDA_R_64F, 8, 8},
};

// Random values of [-1, 1) of each type, from a hash of the index.
__global__ void fill(void* data, std::size_t count, cudaDataType_t type) {
  const std::size_t stride = std::size_t{gridDim.x} * blockDim.x;
  for (std::size_t i = std::size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    unsigned x = static_cast<unsigned>(i) * 2654435761u;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    const float value = static_cast<float>(x) * (2.0f / 4294967296.0f) - 1.0f;
    const unsigned bits = __float_as_uint(value);
    switch (type) {
      case CUDA_R_32F:
        static_cast<float*>(data)[i] = value;
        break;
      case CUDA_R_64F:
        static_cast<double*>(data)[i] = value;
        break;
      case CUDA_R_16BF:
        static_cast<unsigned short*>(data)[i] = bits >> 16;
        break;
      case CUDA_R_16F: {  // sign, exponent 14 and a random fraction: +-[0.5, 1)
        static_cast<unsigned short*>(data)[i] = (x & 0x8000u) | 0x3800u | (x & 0x3FFu);
        break;
      }
      case CUDA_R_8F_E4M3: {  // sign, exponent 6 and a random fraction
        static_cast<unsigned char*>(data)[i] = (x & 0x80u) | 0x30u | (x & 0x7u);
        break;
      }
      default:
        static_cast<signed char*>(data)[i] = static_cast<signed char>(x >> 24);
        break;
    }
  }
}

// One product of n x n matrices, described, with the algorithm that the library likes best.
// A is transposed: the layout that every type supports (cuBLAS 13.0, 3.4.3).
class Product {
 public:
  Product(const CublasLtFunctions& lt, const Type& type, int n)
      : lt_(lt),
        type_(type),
        n_(static_cast<std::size_t>(n)),
        a_(n_ * n_ * type.input_bytes),
        b_(n_ * n_ * type.input_bytes),
        c_(n_ * n_ * type.output_bytes),
        workspace_(kWorkspace) {
    constexpr int kBlocks = 1024, kThreads = 256;
    fill<<<kBlocks, kThreads, 0, stream_>>>(a_.as(), n_ * n_, type.input);
    fill<<<kBlocks, kThreads, 0, stream_>>>(b_.as(), n_ * n_, type.input);
    AISP_CUDA(cudaGetLastError());
    AISP_BLAS(lt_.create(&handle_));
    AISP_BLAS(lt_.desc_create(&what_, type.compute, type.scale));
    const cublasOperation_t transposed = CUBLAS_OP_T;
    AISP_BLAS(lt_.desc_set(what_, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed));
    AISP_BLAS(lt_.layout_create(&in_, type.input, n_, n_, n));
    AISP_BLAS(lt_.layout_create(&out_, type.output, n_, n_, n));
    AISP_BLAS(lt_.preference_create(&preference_));
    const std::size_t workspace = kWorkspace;
    AISP_BLAS(lt_.preference_set(preference_, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                 sizeof workspace));
    int found = 0;
    AISP_BLAS(lt_.heuristic(handle_, what_, in_, in_, out_, out_, preference_, 1, &best_, &found));
    if (found == 0) throw Error("this GPU has no such product", type.name, "");
    stream_.wait();
  }
  ~Product() {
    if (preference_ != nullptr) lt_.preference_destroy(preference_);
    if (out_ != nullptr) lt_.layout_destroy(out_);
    if (in_ != nullptr) lt_.layout_destroy(in_);
    if (what_ != nullptr) lt_.desc_destroy(what_);
    if (handle_ != nullptr) lt_.destroy(handle_);
  }

  double tera_per_second() {
    const double seconds = device_seconds(stream_, from_, to_, [&] {
      const float one = 1.0f, zero = 0.0f;
      const double one64 = 1.0, zero64 = 0.0;
      const int one32 = 1, zero32 = 0;
      const void* alpha = &one;
      const void* beta = &zero;
      if (type_.scale == CUDA_R_64F) alpha = &one64, beta = &zero64;
      if (type_.scale == CUDA_R_32I) alpha = &one32, beta = &zero32;
      AISP_BLAS(lt_.matmul(handle_, what_, alpha, a_.as(), in_, b_.as(), in_, beta, c_.as(), out_,
                           c_.as(), out_, &best_.algo, workspace_.as(), kWorkspace, stream_));
    });
    const auto n = static_cast<double>(n_);
    return 2e-12 * n * n * n / seconds;
  }

 private:
  static constexpr std::size_t kWorkspace = std::size_t{32} << 20;  // as cuBLAS takes on Hopper
  const CublasLtFunctions& lt_;
  Type type_;
  std::size_t n_;
  DeviceBuffer a_, b_, c_, workspace_;
  Stream stream_;
  Event from_, to_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t what_ = nullptr;
  cublasLtMatrixLayout_t in_ = nullptr, out_ = nullptr;
  cublasLtMatmulPreference_t preference_ = nullptr;
  cublasLtMatmulHeuristicResult_t best_{};
};

}  // namespace

void add_gpu_matrix_rows(GpuRows& rows, const GpuCostOptions& options) {
  CublasLtFunctions lt;
  const std::string why = lt.load();
  for (const Type& type : kTypes) {
    const std::string name = std::string("matrix product, ") + type.name;
    if (!why.empty()) {
      rows.missing(name, why);
      continue;
    }
    // Types without tensor cores are slow: a half of the edge is an eighth of the work.
    const bool slow = type.input == CUDA_R_64F || type.compute == CUBLAS_COMPUTE_32F_PEDANTIC;
    const int n = slow ? options.matrix_size / 2 : options.matrix_size;
    try {
      Product product(lt, type, n);
      rows.add(name, type.input == CUDA_R_8I ? "TOP/s" : "TFLOP/s",
               std::to_string(n) + " cubed, cuBLASLt, random data", true,
               [&] { return product.tera_per_second(); });
    } catch (const Error& problem) {
      rows.missing(name, problem.problem());
      cudaGetLastError();
    }
  }
}

}  // namespace aisp::machine
