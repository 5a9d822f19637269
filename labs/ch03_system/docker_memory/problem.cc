// Scores, the mapped file, and the child under its limit. See problem.h.
#include "labs/ch03_system/docker_memory/problem.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "base/error.h"
#include "kernels/simd/vectors.h"

namespace aisp::labs::ch03::docker_memory {
namespace {

using kernels::simd::portable::V;

// Below this the kernel's own needs for a process of ours, some MiB, would be what is measured.
constexpr std::size_t kLeast = std::size_t{16} << 20;

float dot(const float* a, const float* b, std::int64_t count) {
  V::Reg sums[4] = {};
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int v = 0; v < 4; ++v) {
      sums[v] = V::fma(V::load(a + i + 4 * v), V::load(b + i + 4 * v), sums[v]);
    }
  }
  float sum = V::sum_of_lanes(V::add(V::add(sums[0], sums[1]), V::add(sums[2], sums[3])));
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

std::size_t limit_of(const bench::Params& params) {
  const auto percent = static_cast<std::size_t>(params["percent"]);
  return std::max(kLeast, Sizes(params).file_bytes() / 100 * percent);
}

void Call::score(std::int64_t question, std::int64_t begin, std::int64_t end,
                 const float* rows) const {
  for (std::int64_t row = begin; row < end; ++row) {
    scores[question * sizes.rows + row] =
        dot(rows + (row - begin) * sizes.width, questions + question * sizes.width, sizes.width);
  }
}

MappedFile::MappedFile(const char* path, std::size_t bytes) : bytes_(bytes) {
  const machine::File file(path, O_RDONLY);
  memory_ = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (memory_ == MAP_FAILED) {
    throw Error(std::string("cannot map: ") + std::strerror(errno), path, "check the file");
  }
}

MappedFile::~MappedFile() { munmap(memory_, bytes_); }

void ask_one_by_one(const Call& call) {
  const MappedFile file(call.path, call.sizes.file_bytes());
  for (std::int64_t question = 0; question < call.sizes.questions; ++question) {
    call.score(question, 0, call.sizes.rows, file.data());
  }
}

bench::Technique contained(const char* name, const char* summary, bool limited,
                           void (*job)(const Call& call)) {
  return {.name = name,
          .summary = summary,
          .blocks = true,
          .needs = [](const machine::Cpu&) -> bench::WhyNot {
            static const std::string reason =
                machine::ControlGroup::why_not({.memory_bytes = kLeast});
            return reason;
          },
          .plan =
              [limited, job](const bench::Params& params) {
                const Sizes sizes(params);
                auto scores = std::make_unique<machine::SharedMemory>(
                    static_cast<std::size_t>(sizes.questions * sizes.rows) * sizeof(float));
                std::unique_ptr<machine::ControlGroup> group;
                if (limited) {
                  group = std::make_unique<machine::ControlGroup>(
                      machine::ControlGroup::Limits{.memory_bytes = limit_of(params)});
                }
                return bench::plan_of([sizes, job, scores = std::move(scores),
                                       group = std::move(group)](const bench::Io& io) {
                  const Call call{sizes, io.in_path(0), io.in<float>(1).data(),
                                  static_cast<float*>(scores->data())};
                  machine::run_in_child(group.get(), [&] { job(call); });
                  std::memcpy(io.out<float>(0).data(), scores->data(), scores->size_bytes());
                });
              }};
}

}  // namespace aisp::labs::ch03::docker_memory
