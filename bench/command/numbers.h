// Numbers that a program left behind: a .npy file, raw bytes of one type, or text. All become
// doubles with their shape and type, so that two programs' outputs can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::bench::command {

/// Element types that .npy and raw files may have. Text is f64.
enum class Element { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

const char* name(Element type);
/// Throws UsageError, with the known names, for one that is not known.
Element element_of(std::string_view type, const std::string& where);

struct Numbers {
  Element type = Element::kF64;
  std::vector<std::size_t> shape;   // row-major; one dimension for raw and text
  std::vector<double> values;       // 64-bit integers beyond 2^53 are rounded
  std::vector<std::string> words;   // text only: what is no number, with its place kept by values
  std::vector<std::size_t> places;  // of the words among all tokens
};

/// A .npy file, versions 1 to 3, little- or big-endian, C or Fortran order (turned into C order).
/// Throws Error for a broken header, a type that is not an Element (complex, text, records), and a
/// file that ends early or goes on after its last element.
/// Source: NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays".
Numbers parse_npy(std::string_view bytes, const std::string& where);

/// Little-endian elements one after the other. Throws Error when the size is not a multiple of one.
Numbers parse_raw(std::string_view bytes, Element type, const std::string& where);

/// Tokens between blanks, commas, semicolons and line ends. "nan", "inf" and hexadecimal floats are
/// numbers too; every other token is a word, which must be the same on both sides.
Numbers parse_text(std::string_view text);

}  // namespace aisp::bench::command
