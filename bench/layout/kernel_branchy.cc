// A state machine over bytes: a table in read-only data and branches that mostly repeat.
#include <array>

#include "bench/layout/kernels.h"

namespace {

enum Class : std::uint8_t { kBlank, kLetter, kDigit, kOther };

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    classes[static_cast<std::size_t>(c)] = c == ' '               ? kBlank
                                           : letter               ? kLetter
                                           : c >= '0' && c <= '9' ? kDigit
                                                                  : kOther;
  }
  return classes;
}();

}  // namespace

extern "C" std::uint64_t layout_branchy(const aisp::layout::Data& data) {
  std::uint64_t words = 0, numbers = 0, value = 0, others = 0;
  std::uint8_t before = kBlank;
  for (std::size_t i = 0; i < aisp::layout::Data::kBytes; ++i) {
    const std::uint8_t now = kClasses[data.bytes[i]];
    switch (now) {
      case kLetter:
        if (before != kLetter) ++words;
        break;
      case kDigit:
        if (before != kDigit) ++numbers;
        value = value * 10 + data.bytes[i];
        break;
      case kOther:
        others ^= value + i;
        value = 0;
        break;
      default:
        value += others;
    }
    before = now;
  }
  return words + numbers * 3 + value + others;
}
