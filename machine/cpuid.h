// What the processor says about itself, apart from the instructions that ask it, so that tests can
// decode answers of processors that are not here. A feature counts only when the operating system
// also saves its registers (XCR0): hypervisors and old kernels switch that off.
// Source: Intel SDM vol. 1 ch. 13-14 and vol. 2 CPUID; AMD64 APM vol. 3 appendix E.
#pragma once

#include <cstdint>
#include <string>

#include "machine/cpu.h"

namespace aisp::machine {

struct CpuidLeaves {
  std::uint32_t leaf1_eax = 0, leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
  std::uint32_t leaf7_1_eax = 0;
  std::uint64_t xcr0 = 0;  // 0 when the system does not use XSAVE
  std::string vendor;      // leaf 0
  std::string brand;       // leaves 0x80000002-4, trimmed
  std::string hypervisor;  // leaf 0x40000000: "KVMKVMKVM", empty on bare metal
};

/// Asks this processor; all zero and empty on other architectures.
CpuidLeaves read_cpuid();

/// Sets vendor, model, family, model number, stepping and the feature flags of `cpu`.
void decode_cpuid(const CpuidLeaves& leaves, Cpu& cpu);

}  // namespace aisp::machine
