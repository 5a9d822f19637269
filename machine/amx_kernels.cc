// Tile products (AMX): four sums of 16 x 16, two tiles on each side. A product takes 16 cycles and
// its result some 50, so four independent sums keep the unit busy. Tiles need the system's leave,
// asked for once, and a configuration in each thread. Sources: Intel, "Intel 64 and IA-32
// Architectures Optimization Reference Manual", chapter on AMX; Linux
// Documentation/arch/x86/xstate.rst.
#include "machine/amx_kernels.h"

#include "base/simd_target.h"

#if AISP_X86 && defined(__linux__)
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace aisp::machine {
namespace {

constexpr int kRequestPermission = 0x1023,
              kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA

struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

struct alignas(64) TileBytes {
  std::uint8_t bytes[16][64];
};

}  // namespace

AISP_TARGET_BEGIN("amx-tile,amx-int8,amx-bf16")
namespace amx {

#define AISP_TILE_LOOP(name, product, fill)                                            \
  void name(std::int64_t iterations) {                                                 \
    TileConfig config;                                                                 \
    for (int i = 0; i < 8; ++i) {                                                      \
      config.row_bytes[i] = 64;                                                        \
      config.rows[i] = 16;                                                             \
    }                                                                                  \
    asm volatile("" : : "r"(&config) : "memory"); /* GCC 12 sees 8 bytes of it read */ \
    _tile_loadconfig(&config);                                                         \
    TileBytes values;                                                                  \
    fill(values);                                                                      \
    asm volatile("" : : "r"(&values) : "memory");                                      \
    _tile_zero(0);                                                                     \
    _tile_zero(1);                                                                     \
    _tile_zero(2);                                                                     \
    _tile_zero(3);                                                                     \
    _tile_loadd(4, &values, 64);                                                       \
    _tile_loadd(5, &values, 64);                                                       \
    _tile_loadd(6, &values, 64);                                                       \
    _tile_loadd(7, &values, 64);                                                       \
    for (std::int64_t n = 0; n < iterations; ++n) {                                    \
      product(0, 4, 6);                                                                \
      product(1, 4, 7);                                                                \
      product(2, 5, 6);                                                                \
      product(3, 5, 7);                                                                \
    }                                                                                  \
    _tile_release();                                                                   \
  }

static void fill_bytes(TileBytes& values) { std::memset(&values, 3, sizeof values); }
static void fill_bf16(TileBytes& values) {
  const std::uint16_t half = 0x3f00;  // 0.5
  for (std::size_t i = 0; i < sizeof values; i += 2) {
    std::memcpy(reinterpret_cast<std::uint8_t*>(&values) + i, &half, 2);
  }
}

AISP_TILE_LOOP(dot_i8, _tile_dpbusd, fill_bytes)
AISP_TILE_LOOP(dot_bf16, _tile_dpbf16ps, fill_bf16)

}  // namespace amx
AISP_TARGET_END

namespace {

// Runs both loops in a child: some hypervisors show the unit and then refuse its instructions.
bool survives(const Cpu& cpu) {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    if (cpu.amx_int8) amx::dot_i8(1);
    if (cpu.amx_bf16) amx::dot_bf16(1);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool amx_usable(const Cpu& cpu) {
  if (!cpu.amx_int8 && !cpu.amx_bf16) return false;
  static const bool usable =
      syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0 && survives(cpu);
  return usable;
}

void add_amx_kernels(const Cpu& cpu, std::vector<ComputeKernel>& kernels) {
  if (!amx_usable(cpu)) return;
  // Four products of 16 x 16 x 64 bytes, or 16 x 16 x 32 bf16.
  if (cpu.amx_int8)
    kernels.push_back({"amx_int8", DType::kI8, 2.0 * 4 * 16 * 16 * 64, amx::dot_i8});
  if (cpu.amx_bf16) {
    kernels.push_back({"amx_bf16", DType::kBF16, 2.0 * 4 * 16 * 16 * 32, amx::dot_bf16});
  }
}

}  // namespace aisp::machine

#else

namespace aisp::machine {
bool amx_usable(const Cpu&) { return false; }
void add_amx_kernels(const Cpu&, std::vector<ComputeKernel>&) {}
}  // namespace aisp::machine

#endif
