// One padding object. Compiled eight times, with PADDING_NAME and PADDING_BYTES set by CMake.
#include "bench/layout/padding.h"

#define AISP_TEXT(value) AISP_TEXT_OF(value)
#define AISP_TEXT_OF(value) #value
asm(".text\n\t.skip " AISP_TEXT(PADDING_BYTES) ", 0xcc\n");

extern "C" std::uint64_t PADDING_NAME(std::uint64_t x, std::uint64_t y) {
  return x * 0x9e3779b97f4a7c15ull + (y ^ PADDING_BYTES);
}
