// Questions to libraries in a child process. See library_question.h.
// Source: nccl.h, cudnn_version.h, cublas_api.h, cuda_runtime_api.h, dnnl.h, OpenBLAS cblas.h.
#include "machine/library_question.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

using Number = unsigned long long;

std::string by_pointer(void* function, VersionQuestion question) {
  int version = 0;
  if (reinterpret_cast<int (*)(int*)>(function)(&version) != 0 || version <= 0) return "";
  return version_text(question, static_cast<Number>(version));
}

std::string by_value(void* function, VersionQuestion question) {
  return version_text(question, reinterpret_cast<std::size_t (*)()>(function)());
}

std::string onednn_version(void* function, VersionQuestion) {
  struct Version {
    int major, minor, patch;  // how the structure begins in every release since 1.0
  };
  const auto* v = static_cast<const Version*>(reinterpret_cast<const void* (*)()>(function)());
  return v == nullptr ? "" : fmt::format("{}.{}.{}", v->major, v->minor, v->patch);
}

// "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..." -> "0.3.21".
std::string openblas_version(void* function, VersionQuestion) {
  const char* config = reinterpret_cast<const char* (*)()>(function)();
  const auto words = split(config == nullptr ? "" : config, ' ');
  return words.size() > 1 && words[0] == "OpenBLAS" ? std::string(words[1]) : "";
}

struct Row {
  VersionQuestion question;
  const char* function;
  std::string (*ask)(void*, VersionQuestion);
  const char* detail_function;  // const char* f(); null: none
};

constexpr Row kRows[] = {
    {VersionQuestion::kNccl, "ncclGetVersion", by_pointer, nullptr},
    {VersionQuestion::kCudaRuntime, "cudaRuntimeGetVersion", by_pointer, nullptr},
    {VersionQuestion::kCudnn, "cudnnGetVersion", by_value, nullptr},
    {VersionQuestion::kCublasLt, "cublasLtGetVersion", by_value, nullptr},
    {VersionQuestion::kOneDnn, "dnnl_version", onednn_version, nullptr},
    {VersionQuestion::kOpenBlas, "openblas_get_config", openblas_version, "openblas_get_corename"},
};

// In the child: whatever happens here, happens to it alone.
[[noreturn]] void answer(const std::string& path, VersionQuestion question, int to,
                         double seconds) {
  const int nothing = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) dup2(nothing, standard);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(SIGALRM, SIG_DFL);
  alarm(static_cast<unsigned>(seconds) + 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);  // threads of a pool are not needed for a version
  setenv("OMP_NUM_THREADS", "1", 1);
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) _exit(1);
  std::string text;
  for (const Row& row : kRows) {
    if (row.question != question) continue;
    if (void* function = dlsym(handle, row.function)) text = row.ask(function, question);
    if (row.detail_function == nullptr) continue;
    if (void* function = dlsym(handle, row.detail_function)) {
      const char* detail = reinterpret_cast<const char* (*)()>(function)();
      text += '\n';
      text += detail == nullptr ? "" : detail;
    }
  }
  const ssize_t ignored = write(to, text.data(), std::min<std::size_t>(text.size(), 1024));
  _exit(ignored < 0 ? 1 : 0);
}

// All that comes until the other side closes or the time is over.
std::string read_until(int from, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  std::string text;
  char chunk[1024];
  while (Clock::now() < end) {
    pollfd wait{from, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (poll(&wait, 1, static_cast<int>(std::max<long>(1, left.count()))) <= 0) continue;
    const ssize_t got = read(from, chunk, sizeof chunk);
    if (got <= 0) break;
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

std::string version_text(VersionQuestion question, Number number) {
  // NCCL since 2.9, cuDNN since 9 and cuBLAS write 10000 * major; before, 1000 * major. CUDA writes
  // 1000 * major + 10 * minor.
  if (question == VersionQuestion::kCudaRuntime) {
    return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
  }
  const Number unit = number >= 10000 ? 10000 : 1000;
  return fmt::format("{}.{}.{}", number / unit, number % unit / 100, number % 100);
}

LibraryAnswer ask_library(const std::string& path, VersionQuestion question, double seconds) {
  int ends[2];
  if (question == VersionQuestion::kNone || pipe2(ends, O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) answer(path, question, ends[1], seconds);
  close(ends[1]);
  const std::string text = child < 0 ? "" : read_until(ends[0], seconds);
  close(ends[0]);
  if (child < 0) return {};
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  const std::size_t newline = text.find('\n');
  LibraryAnswer answer;
  answer.version = printable(text.substr(0, newline));
  if (newline != std::string::npos) answer.detail = printable(text.substr(newline + 1));
  return answer;
}

}  // namespace aisp::machine
