// Asks a library for its version in a child process: one that crashes, hangs or prints while it
// loads costs its answer and nothing else.
#pragma once

#include <string>

namespace aisp::machine {

struct LibraryAnswer {
  std::string version, detail;
};

/// How a library tells its version.
enum class VersionQuestion {
  kNone,
  kNccl,         // ncclGetVersion(int*)
  kCudaRuntime,  // cudaRuntimeGetVersion(int*)
  kCudnn,        // size_t cudnnGetVersion()
  kCublasLt,     // size_t cublasLtGetVersion()
  kOneDnn,       // const dnnl_version_t* dnnl_version()
  kOpenBlas,     // openblas_get_config(), openblas_get_corename()
};

/// Empty when there is no answer within `seconds`. Tens of milliseconds for most.
LibraryAnswer ask_library(const std::string& path, VersionQuestion question, double seconds = 3.0);

/// "2.27.3" for NCCL's 22703; a part of ask_library(), for tests.
std::string version_text(VersionQuestion question, unsigned long long number);

}  // namespace aisp::machine
