// The objects between the kernels. Each holds a stretch of dead bytes of its own odd length and one
// small function, so that every other order of linking moves everything else.
#pragma once

#include <cstdint>

extern "C" {
#define AISP_PADDING [[gnu::visibility("hidden")]]
AISP_PADDING std::uint64_t layout_padding_0(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_1(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_2(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_3(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_4(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_5(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_6(std::uint64_t x, std::uint64_t y);
AISP_PADDING std::uint64_t layout_padding_7(std::uint64_t x, std::uint64_t y);
#undef AISP_PADDING
}
