// cuBLASLt behind peer_cublaslt.h. The library is column-major: it computes C^T[N,M] = B^T A^T, for
// which A row-major is a K x M matrix as it lies, and B[N,K] a K x N matrix to be transposed.
#include "machine/peer_cublaslt.h"

#include "base/check.h"
#include "machine/cublaslt_functions.h"
#include "machine/cuda_raii.h"

namespace aisp::machine {
namespace {

struct Library {
  CublasLtFunctions functions;
  std::string why_not = functions.load();
};
const Library& library() {
  static const Library one;
  return one;
}

struct Types {
  cudaDataType_t input, output;
  cublasComputeType_t compute;
};
Types types_of(LtProduct::Type type) {
  switch (type) {
    case LtProduct::Type::kF32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F};
    case LtProduct::Type::kTf32:
      return {CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32};
    case LtProduct::Type::kF16:
      return {CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F};
    case LtProduct::Type::kBF16:
      return {CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F};
    case LtProduct::Type::kE4M3:
      return {CUDA_R_8F_E4M3, CUDA_R_16BF, CUBLAS_COMPUTE_32F};
  }
  check(false, "an unknown type of product");
  return {};
}

cublasLtEpilogue_t epilogue_of(LtProduct::Epilogue epilogue) {
  switch (epilogue) {
    case LtProduct::Epilogue::kNone:
      return CUBLASLT_EPILOGUE_DEFAULT;
    case LtProduct::Epilogue::kBias:
      return CUBLASLT_EPILOGUE_BIAS;
    case LtProduct::Epilogue::kGelu:
      return CUBLASLT_EPILOGUE_GELU;
    case LtProduct::Epilogue::kGeluBias:
      return CUBLASLT_EPILOGUE_GELU_BIAS;
  }
  check(false, "an unknown epilogue");
  return CUBLASLT_EPILOGUE_DEFAULT;
}

}  // namespace

struct CublasLt::State {
  static constexpr std::size_t kWorkspace = std::size_t{32} << 20;
  const CublasLtFunctions& lt = library().functions;
  DeviceBuffer workspace{kWorkspace};
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t what = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t best{};
  bool biased = false;

  ~State() {
    if (preference != nullptr) lt.preference_destroy(preference);
    for (const auto layout : {a, b, c}) {
      if (layout != nullptr) lt.layout_destroy(layout);
    }
    if (what != nullptr) lt.desc_destroy(what);
    if (handle != nullptr) lt.destroy(handle);
  }
};

const std::string& CublasLt::why_not() { return library().why_not; }

CublasLt::CublasLt(const LtProduct& product) {
  if (!why_not().empty()) throw Error(why_not(), "cuBLASLt", "install cuBLAS or leave peers out");
  state_ = std::make_unique<State>();
  State& s = *state_;
  const auto [input, output, compute] = types_of(product.type);
  const auto m = static_cast<std::uint64_t>(product.m), n = static_cast<std::uint64_t>(product.n);
  const auto k = static_cast<std::uint64_t>(product.k);
  AISP_BLAS(s.lt.create(&s.handle));
  AISP_BLAS(s.lt.desc_create(&s.what, compute, CUDA_R_32F));
  const cublasOperation_t of_b = product.b_by_columns ? CUBLAS_OP_T : CUBLAS_OP_N;
  AISP_BLAS(s.lt.desc_set(s.what, CUBLASLT_MATMUL_DESC_TRANSA, &of_b, sizeof of_b));
  const cublasLtEpilogue_t epilogue = epilogue_of(product.epilogue);
  AISP_BLAS(s.lt.desc_set(s.what, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue));
  s.biased = product.epilogue == LtProduct::Epilogue::kBias ||
             product.epilogue == LtProduct::Epilogue::kGeluBias;
  const auto [b_rows, b_columns] = product.b_by_columns ? std::pair{k, n} : std::pair{n, k};
  AISP_BLAS(s.lt.layout_create(&s.b, input, b_rows, b_columns, static_cast<std::int64_t>(b_rows)));
  AISP_BLAS(s.lt.layout_create(&s.a, input, k, m, product.k));
  AISP_BLAS(s.lt.layout_create(&s.c, output, n, m, product.n));
  const auto repeat = [&](cublasLtMatrixLayout_t layout, std::int64_t elements) {
    const auto count = static_cast<std::int32_t>(product.batch);
    AISP_BLAS(s.lt.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
    AISP_BLAS(s.lt.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &elements,
                              sizeof elements));
  };
  repeat(s.a, product.m * product.k);
  repeat(s.b, product.n * product.k);
  repeat(s.c, product.m * product.n);
  AISP_BLAS(s.lt.preference_create(&s.preference));
  AISP_BLAS(s.lt.preference_set(s.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                &State::kWorkspace, sizeof State::kWorkspace));
  int found = 0;
  AISP_BLAS(s.lt.heuristic(s.handle, s.what, s.b, s.a, s.c, s.c, s.preference, 1, &s.best, &found));
  if (found == 0) throw Error("cuBLASLt has no algorithm for this product", "its heuristic", "");
  // Once on memory of its own: the library loads a kernel when it is first called, and waits then.
  constexpr std::uint64_t kWidest = sizeof(float);
  const auto count = static_cast<std::uint64_t>(product.batch) * kWidest;
  const DeviceBuffer some_a(m * k * count), some_b(k * n * count), some_c(m * n * count);
  const DeviceBuffer bias(n * kWidest);
  const Stream stream;
  run(stream, some_a.as(), some_b.as(), some_c.as(), s.biased ? bias.as() : nullptr);
  stream.wait();
}

CublasLt::~CublasLt() = default;

void CublasLt::run(CudaStream stream, const void* a, const void* b, void* c, const void* bias) {
  State& s = *state_;
  check((bias != nullptr) == s.biased, "a bias belongs to a product with such an epilogue");
  if (s.biased) {
    AISP_BLAS(s.lt.desc_set(s.what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias));
  }
  const float one = 1.0F, zero = 0.0F;
  AISP_BLAS(s.lt.matmul(s.handle, s.what, &one, b, s.b, a, s.a, &zero, c, s.c, c, s.c, &s.best.algo,
                        s.workspace.as(), State::kWorkspace, stream));
}

}  // namespace aisp::machine
