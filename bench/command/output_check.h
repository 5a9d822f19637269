// Is an output right? The first output of the baseline is what all later ones, its own included,
// are compared with: byte by byte (as a hash), or number by number within a tolerance.
#pragma once

#include <string>
#include <string_view>

#include "bench/command/numbers.h"

namespace aisp::bench::command {

struct OutputCheck {
  enum class Of { kNothing, kStdout, kFile };
  enum class As { kBytes, kNpy, kRaw, kText };
  Of of = Of::kNothing;
  As as = As::kBytes;
  Element element = Element::kF32;  // kRaw only
  /// A number is right when |got - want| <= absolute + relative * |want|, or when it is at most
  /// `ulps` steps of its type away. NaN matches NaN, an infinity itself.
  double relative = 0.0, absolute = 0.0, ulps = 0.0;
};

/// An output as it is kept: a hash, or the numbers.
struct Output {
  std::string hash;  // 128 bits, hexadecimal; kBytes
  std::size_t bytes = 0;
  Numbers numbers;  // otherwise
};

/// What is compared, in a few words: "bytes", "numbers within 1e-05 of each value".
std::string describe(const OutputCheck& check);

/// Throws Error (a broken file) with `where` in the message.
Output read_output(std::string_view bytes, const OutputCheck& check, const std::string& where);
/// The same of a file; one beyond 2 GiB is an Error unless bytes are compared.
Output read_output_file(const std::string& path, const OutputCheck& check);

struct Agreement {
  std::string difference;        // "": they agree
  double worst_in_bounds = 0.0;  // largest error in units of its bound; of numbers
};

/// How `got` differs from `want`: type, shape, count, words, values.
Agreement compare_outputs(const Output& got, const Output& want, const OutputCheck& check);

/// The default for `as`: by the file's name and by whether numbers were asked for.
OutputCheck::As kind_of_file(const std::string& path, bool has_element, bool has_tolerance);

/// Bytes as they come, to a 128-bit hash.
class RunningHash {
 public:
  RunningHash();
  ~RunningHash();
  RunningHash(const RunningHash&) = delete;
  RunningHash& operator=(const RunningHash&) = delete;
  void add(std::string_view bytes);
  std::string hex() const;

 private:
  struct State;
  State* state_;
};

}  // namespace aisp::bench::command
