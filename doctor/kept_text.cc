// See kept_text.h.
#include "doctor/kept_text.h"

#include <algorithm>
#include <cctype>

#include "doctor/evidence.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

bool names_secret(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* word : {"token", "secret", "password", "passwd", "credential", "api_key",
                           "api-key", "apikey", "access_key", "private_key"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string kept_environment(const std::string& text) {
  std::string kept;
  for (const auto line : machine::split(text, '\n')) {
    const std::string name(line.substr(0, line.find('=')));
    if (line.find('=') != std::string_view::npos && is_steering_variable(name)) {
      kept += std::string(line) + "\n";
    }
  }
  return kept;
}

std::string kept_arguments(const std::string& text) {
  std::string kept;
  bool hide_next = false;
  for (const auto word : machine::split(text, '\n')) {
    const std::size_t equals = word.find('=');
    const bool secret = names_secret(word.substr(0, equals));
    if (hide_next) {
      kept += "***";
    } else if (secret && equals != std::string_view::npos) {
      kept += std::string(word.substr(0, equals)) + "=***";
    } else {
      kept += word;
    }
    kept += '\n';
    hide_next = secret && !hide_next && equals == std::string_view::npos && word.starts_with('-');
  }
  return kept;
}

}  // namespace

std::string kept_text(const std::string& path, const std::string& text) {
  if (!path.starts_with("/proc/")) return text;
  if (path.ends_with("/environ")) return kept_environment(text);
  if (path.ends_with("/cmdline") && path != "/proc/cmdline") return kept_arguments(text);
  return text;
}

bool is_steering_variable(const std::string& name) {
  static const char* const kPrefixes[] = {
      "OMP_",  "KMP_",    "MKL_",     "OPENBLAS_", "BLIS_",  "CUDA_",  "NCCL_",
      "UCX_",  "NVIDIA_", "TORCH",    "PYTORCH",   "TRITON", "XLA_",   "TF_",
      "HF_",   "SLURM_",  "MALLOC_",  "GLIBC_",    "LD_",    "CUBLAS", "NVSHMEM_",
      "OMPI_", "GOMP_",   "NUMEXPR_", "DNNL_",     "MASTER_"};
  static const char* const kNames[] = {
      "RANK",       "WORLD_SIZE",       "LOCAL_RANK",       "PATH",
      "KUBECONFIG", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "KUBERNETES_SERVICE_HOST"};
  if (names_secret(name)) return false;
  for (const char* prefix : kPrefixes) {
    if (name.starts_with(prefix)) return true;
  }
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace aisp::doctor
