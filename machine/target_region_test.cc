// Every kernel must contain the instructions that its namespace promises, and no code outside of
// those namespaces may contain wider ones than the processor is sure to have: a wide instruction
// that leaks into a shared function crashes on narrower machines, by link order. Reads this test's
// own binary with objdump.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>

#include "machine/ceiling_kernels.h"

namespace aisp::machine {
namespace {

#if defined(__x86_64__) && defined(__OPTIMIZE__)

// Instructions of each of this binary's functions, by demangled name.
std::map<std::string, std::string> disassemble() {
  std::array<char, 4096> self{};
  if (readlink("/proc/self/exe", self.data(), self.size() - 1) <= 0) return {};
  const std::string command =
      "objdump -d -C --no-show-raw-insn '" + std::string(self.data()) + "' 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::map<std::string, std::string> functions;
  std::string* body = nullptr;
  std::array<char, 4096> line{};
  while (pipe && fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    const std::string text(line.data());
    const std::size_t open = text.find(" <"), close = text.rfind(">:\n");
    if (open != std::string::npos && close != std::string::npos && text[0] != ' ') {
      body = &functions[text.substr(open + 2, close - open - 2)];
    } else if (body != nullptr) {
      *body += text;
    }
  }
  return functions;
}

const std::map<std::string, std::string>& functions() {
  static const auto all = disassemble();
  return all;
}

int count(const std::string& text, const std::string& instruction, const std::string& reg) {
  int found = 0;
  for (std::size_t at = text.find(instruction); at != std::string::npos;
       at = text.find(instruction, at + 1)) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (line.find(reg) != std::string::npos) ++found;
  }
  return found;
}

TEST(TargetRegions, KernelsContainTheirInstructions) {
  if (functions().empty()) GTEST_SKIP() << "objdump is not here";
  const struct {
    const char *name, *instruction, *reg;
    int least;
  } promises[] = {
      {"scalar::muladd_f32(", "mulss", "xmm", 12},
      {"scalar::muladd_f64(", "addsd", "xmm", 12},
      {"sse2::muladd_f32(", "mulps", "xmm", 12},
      {"sse2::muladd_f64(", "addpd", "xmm", 12},
      {"avx2::scalar_fma_f32(", "vfmadd", "xmm", 12},
      {"avx2::scalar_fma_f64(", "vfmadd", "xmm", 12},
      {"avx2::fma_f32(", "vfmadd", "ymm", 12},
      {"avx2::fma_f64(", "vfmadd", "ymm", 12},
      {"avx512::fma_f32(", "vfmadd", "zmm", 16},
      {"avx512::fma_f64(", "vfmadd", "zmm", 16},
      {"avx512_vnni::dot_i8(", "vpdpbusd", "zmm", 16},
      {"avx512_bf16::dot_bf16(", "vdpbf16ps", "zmm", 16},
      {"sse2::read(", "xor", "xmm", 8},
      {"sse2::copy_nt(", "movnt", "xmm", 8},
      {"avx2::read(", "vpxor", "ymm", 8},
      {"avx2::write(", "vmov", "ymm", 8},
      {"avx2::copy(", "vmov", "ymm", 16},
      {"avx2::write_nt(", "vmovnt", "ymm", 8},
      {"avx512::read(", "vpxor", "zmm", 8},
      {"avx512::write(", "vmov", "zmm", 8},
      {"avx512::copy(", "vmov", "zmm", 16},
      {"avx512::copy_nt(", "vmovnt", "zmm", 8},
  };
  for (const auto& promise : promises) {
    int found = -1;
    for (const auto& [name, body] : functions()) {
      if (name.find(std::string("machine::") + promise.name) == std::string::npos) continue;
      found = count(body, promise.instruction, promise.reg);
    }
    EXPECT_GE(found, promise.least) << promise.name << " " << promise.instruction;
  }
}

TEST(TargetRegions, NoWideInstructionOutsideItsNamespace) {
  if (functions().empty()) GTEST_SKIP() << "objdump is not here";
  for (const auto& [name, body] : functions()) {
    const bool avx512 = name.find("avx512") != std::string::npos;
    const bool avx2 = avx512 || name.find("avx2") != std::string::npos;
    EXPECT_TRUE(avx512 || body.find("zmm") == std::string::npos) << name;
    EXPECT_TRUE(avx2 || body.find("ymm") == std::string::npos) << name;
  }
}

#else

TEST(TargetRegions, KernelsContainTheirInstructions) {
  GTEST_SKIP() << "only an optimized build for x86-64 has them";
}

#endif

}  // namespace
}  // namespace aisp::machine
