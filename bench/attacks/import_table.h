// Replaces an imported function in every loaded object, and clocks to put there.
// Source: ELF gABI, "Dynamic Section" (DT_JMPREL, DT_RELA, DT_SYMTAB, DT_STRTAB).
#pragma once

#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <ctime>

namespace aisp::attacks {

using Clock = int (*)(clockid_t, timespec*);

inline int clock_as_it_is(clockid_t clock, timespec* time) {
  return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

inline int clock_at_half_speed(clockid_t clock, timespec* time) {
  static std::int64_t start[16] = {};
  const int failed = clock_as_it_is(clock, time);
  if (failed != 0 || clock < 0 || clock >= 16) return failed;
  const std::int64_t now = time->tv_sec * 1000000000ll + time->tv_nsec;
  if (start[clock] == 0) start[clock] = now;
  const std::int64_t shown = start[clock] + (now - start[clock]) / 2;
  *time = {shown / 1000000000, shown % 1000000000};
  return 0;
}

/// Writes `replacement` to every slot that the loader bound to `name`.
inline void replace_imports(const char* name, Clock replacement) {
  struct Wanted {
    const char* name;
    Clock replacement;
  } wanted{name, replacement};
  timespec now{};
  replacement(CLOCK_MONOTONIC, &now);  // from here on it runs at its own speed
  replacement(CLOCK_PROCESS_CPUTIME_ID, &now);
  const auto visit = [](dl_phdr_info* object, std::size_t, void* data) {
    const auto& want = *static_cast<const Wanted*>(data);
    const ElfW(Dyn)* dynamic = nullptr;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
      const auto& header = object->dlpi_phdr[i];
      if (header.p_type != PT_DYNAMIC) continue;
      dynamic = reinterpret_cast<const ElfW(Dyn)*>(object->dlpi_addr + header.p_vaddr);
    }
    // The loader has relocated these addresses, except in the kernel's own object.
    const auto address = [&](std::uintptr_t value) {
      return value < object->dlpi_addr ? value + object->dlpi_addr : value;
    };
    const ElfW(Sym)* symbols = nullptr;
    const char* strings = nullptr;
    std::uintptr_t tables[2] = {};
    std::size_t bytes[2] = {};
    for (; dynamic != nullptr && dynamic->d_tag != DT_NULL; ++dynamic) {
      const std::uintptr_t value = dynamic->d_un.d_val;
      switch (dynamic->d_tag) {
        case DT_SYMTAB:
          symbols = reinterpret_cast<const ElfW(Sym)*>(address(value));
          break;
        case DT_STRTAB:
          strings = reinterpret_cast<const char*>(address(value));
          break;
        case DT_JMPREL:
          tables[0] = address(value);
          break;
        case DT_PLTRELSZ:
          bytes[0] = value;
          break;
        case DT_RELA:
          tables[1] = address(value);
          break;
        case DT_RELASZ:
          bytes[1] = value;
          break;
        default:
          break;
      }
    }
    if (symbols == nullptr || strings == nullptr) return 0;
    for (int table = 0; table < 2; ++table) {
      const auto* rows = reinterpret_cast<const ElfW(Rela)*>(tables[table]);
      for (std::size_t i = 0; i < bytes[table] / sizeof(ElfW(Rela)); ++i) {
        const std::size_t symbol = ELF64_R_SYM(rows[i].r_info);
        if (symbol == 0 || std::strcmp(strings + symbols[symbol].st_name, want.name) != 0) continue;
        const std::uintptr_t slot = object->dlpi_addr + rows[i].r_offset;
        const std::uintptr_t page = slot & ~std::uintptr_t{4095};
        mprotect(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE);
        std::memcpy(reinterpret_cast<void*>(slot), &want.replacement, sizeof want.replacement);
      }
    }
    return 0;
  };
  dl_iterate_phdr(visit, &wanted);
}

}  // namespace aisp::attacks
