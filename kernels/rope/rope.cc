// Angles in double, the rotation for each instruction set (simd.inc), and the choice.
#include "kernels/rope/rope.h"

#include <array>
#include <cmath>
#include <functional>

#include "base/check.h"
#include "base/simd_target.h"

namespace aisp::kernels::rope {

namespace portable {
namespace {
#include "kernels/rope/simd.inc"
}  // namespace
}  // namespace portable

#if AISP_X86
AISP_TARGET_BEGIN_AVX2
namespace avx2 {
namespace {
#include "kernels/rope/simd.inc"
}  // namespace
}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
namespace {
#include "kernels/rope/simd.inc"
}  // namespace
}  // namespace avx512
AISP_TARGET_END
#endif

std::span<const Variant> variants() {
#if AISP_X86
  const auto zmm = &avx512::rotate_rows, ymm = &avx2::rotate_rows;
#else
  const decltype(Variant::rotate) zmm = nullptr, ymm = nullptr;
#endif
  static const std::array<Variant, 3> table = {{
      {"avx512", "needs AVX-512", [](const machine::Cpu& cpu) { return cpu.avx512; }, zmm},
      {"avx2", "needs AVX2", [](const machine::Cpu& cpu) { return cpu.avx2; }, ymm},
      {"portable", "", [](const machine::Cpu&) { return true; }, &portable::rotate_rows},
  }};
  return table;
}

void make_angles(std::span<const double> frequencies, std::span<const std::int32_t> positions,
                 double magnitude, Angles& angles) {
  angles.pairs = static_cast<std::int64_t>(frequencies.size());
  angles.cosine.resize(frequencies.size() * positions.size());
  angles.sine.resize(angles.cosine.size());
  std::size_t at = 0;
  for (const std::int32_t position : positions) {
    for (const double frequency : frequencies) {
      const double angle = position * frequency;
      angles.cosine[at] = static_cast<float>(std::cos(angle) * magnitude);
      angles.sine[at++] = static_cast<float>(std::sin(angle) * magnitude);
    }
  }
}

void rotate(const Rows& given, Pairing pairing, const Angles& angles, machine::ThreadPool* pool) {
  static const Variant& widest = [] {
    for (const Variant& variant : variants()) {
      if (variant.can_run(machine::cpu())) return std::cref(variant);
    }
    return std::cref(variants().back());
  }();
  Rows rows = given;
  if (rows.stride == 0) rows.stride = rows.heads * rows.head_size;
  check(rows.rows >= 0 && rows.heads >= 0 && rows.stride >= rows.heads * rows.head_size,
        "rope: bad sizes");
  check(2 * angles.pairs <= rows.head_size, "rope: more pairs than a head has");
  check(static_cast<std::int64_t>(angles.cosine.size()) >= rows.rows * angles.pairs,
        "rope: fewer angles than rows");
  const auto range = [&](std::int64_t begin, std::int64_t end) {
    Rows part = rows;
    part.x += begin * rows.stride;
    part.rows = end - begin;
    widest.rotate(part, pairing, angles.cosine.data() + begin * angles.pairs,
                  angles.sine.data() + begin * angles.pairs, angles.pairs);
  };
  // 32,768 numbers take some 8 us, several times a fork and join.
  const bool small = rows.rows * rows.heads * rows.head_size < 32768;
  if (pool == nullptr || small) return range(0, rows.rows);
  pool->parallel_for(rows.rows, 1, range);
}

}  // namespace aisp::kernels::rope
