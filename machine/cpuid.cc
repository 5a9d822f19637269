// CPUID. See cpuid.h.
#include "machine/cpuid.h"

#include <cstring>
#include <string_view>

#include "machine/text_file.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace aisp::machine {
namespace {

constexpr bool bit(std::uint64_t word, int index) { return (word >> index) & 1u; }

// XCR0: SSE and AVX state; AVX-512 adds opmask, upper halves and upper registers; AMX tiles.
constexpr std::uint64_t kAvxState = 0x6, kAvx512State = kAvxState | 0xe0, kAmxState = 0x60000;

#if defined(__x86_64__)
// Read by the instruction itself: the compiler's intrinsic needs -mxsave.
std::uint64_t read_xcr0() {
  std::uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

std::string text_of(std::initializer_list<std::uint32_t> words) {
  std::string text;
  for (const std::uint32_t word : words) text.append(reinterpret_cast<const char*>(&word), 4);
  return std::string(trim(text.substr(0, text.find('\0'))));
}
#endif

}  // namespace

CpuidLeaves read_cpuid() {
  CpuidLeaves leaves;
#if defined(__x86_64__)
  std::uint32_t a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(0, &a, &b, &c, &d)) return leaves;
  leaves.vendor = text_of({b, d, c});
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    leaves.leaf1_eax = a;
    leaves.leaf1_ecx = c;
    if (bit(c, 27)) leaves.xcr0 = read_xcr0();
    if (bit(c, 31)) {
      __cpuid(0x40000000, a, b, c, d);
      leaves.hypervisor = text_of({b, c, d});
      if (leaves.hypervisor.empty()) leaves.hypervisor = "unnamed";
    }
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    leaves.leaf7_ebx = b;
    leaves.leaf7_ecx = c;
    leaves.leaf7_edx = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) leaves.leaf7_1_eax = a;
  }
  std::string brand;
  for (std::uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    if (!__get_cpuid(leaf, &a, &b, &c, &d)) break;
    for (const std::uint32_t word : {a, b, c, d}) {
      brand.append(reinterpret_cast<const char*>(&word), 4);
    }
  }
  leaves.brand = std::string(trim(std::string_view(brand).substr(0, brand.find('\0'))));
#endif
  return leaves;
}

void decode_cpuid(const CpuidLeaves& leaves, Cpu& cpu) {
  if (!leaves.vendor.empty()) cpu.vendor = leaves.vendor;
  if (!leaves.brand.empty()) cpu.model = leaves.brand;
  // The extended fields count only for the families that overflow the old four bits.
  const std::uint32_t signature = leaves.leaf1_eax;
  const int family = static_cast<int>((signature >> 8) & 15u);
  const int model = static_cast<int>((signature >> 4) & 15u);
  cpu.stepping = static_cast<int>(signature & 15u);
  cpu.family = family == 15 ? family + static_cast<int>((signature >> 20) & 255u) : family;
  cpu.model_number = family == 6 || family == 15
                         ? model + (static_cast<int>((signature >> 16) & 15u) << 4)
                         : model;

  const bool avx = bit(leaves.leaf1_ecx, 28) && (leaves.xcr0 & kAvxState) == kAvxState;
  const bool fma = bit(leaves.leaf1_ecx, 12), f16c = bit(leaves.leaf1_ecx, 29);
  cpu.avx2 = avx && fma && f16c && bit(leaves.leaf7_ebx, 5);
  cpu.avx_vnni = cpu.avx2 && bit(leaves.leaf7_1_eax, 4);
  // F, DQ, BW, VL. Code for AVX-512 uses AVX2 as well, so the wider needs the narrower.
  cpu.avx512 = cpu.avx2 && (leaves.xcr0 & kAvx512State) == kAvx512State &&
               bit(leaves.leaf7_ebx, 16) && bit(leaves.leaf7_ebx, 17) &&
               bit(leaves.leaf7_ebx, 30) && bit(leaves.leaf7_ebx, 31);
  cpu.avx512_vnni = cpu.avx512 && bit(leaves.leaf7_ecx, 11);
  cpu.avx512_bf16 = cpu.avx512 && bit(leaves.leaf7_1_eax, 5);
  cpu.avx512_fp16 = cpu.avx512 && bit(leaves.leaf7_edx, 23);
  const bool tiles = (leaves.xcr0 & kAmxState) == kAmxState && bit(leaves.leaf7_edx, 24);
  cpu.amx_int8 = tiles && bit(leaves.leaf7_edx, 25);
  cpu.amx_bf16 = tiles && bit(leaves.leaf7_edx, 22);
}

}  // namespace aisp::machine
