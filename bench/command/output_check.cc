// Comparison of outputs. See output_check.h.
#include "bench/command/output_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "base/dtype.h"
#include "base/error.h"
#include "base/numeric.h"

namespace aisp::bench::command {
namespace {

constexpr std::size_t kMostNumberBytes = std::size_t{2} << 30;  // 16 GiB of doubles, from int8

// How many representable values lie between two of a type; infinite across a NaN. Integers of
// either sign are their own order.
template <class Bits, class Value>
double steps_between(Value a, Value b) {
  const auto ordered = [](Value value) {
    const auto bits = std::bit_cast<Bits>(value);
    constexpr Bits kSign = Bits{1} << (8 * sizeof(Bits) - 1);
    const auto magnitude = static_cast<__int128>(bits & ~kSign);
    return (bits & kSign) != 0 ? -magnitude : magnitude;
  };
  return std::fabs(static_cast<double>(ordered(a) - ordered(b)));
}

double ulps_between(double got, double want, Element type) {
  if (std::isnan(got) || std::isnan(want)) return std::numeric_limits<double>::infinity();
  switch (type) {
    case Element::kF64:
      return steps_between<std::uint64_t>(got, want);
    case Element::kF32:
      return steps_between<std::uint32_t>(static_cast<float>(got), static_cast<float>(want));
    case Element::kBF16:  // the upper half of a float
      return steps_between<std::uint32_t>(static_cast<float>(got), static_cast<float>(want)) /
             65536.0;
    case Element::kF16: {
      // Subnormals below 2^-14 are 2^-24 apart; else 2^(exponent - 10) at the smaller of the two.
      const double least = std::max(std::min(std::fabs(got), std::fabs(want)), 0x1p-14);
      return std::fabs(got - want) / std::ldexp(1.0, std::ilogb(least) - 10);
    }
    default:
      return std::fabs(got - want);
  }
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

std::string unlike(const Numbers& got, const Numbers& want) {
  if (got.type != want.type) {
    return fmt::format("elements are {}, not {}", name(got.type), name(want.type));
  }
  if (got.shape != want.shape) {
    return fmt::format("its shape is {}, not {}", shape_text(got.shape), shape_text(want.shape));
  }
  if (got.words.size() != want.words.size() || got.places != want.places) {
    return "words stand at other places";
  }
  for (std::size_t i = 0; i < got.words.size(); ++i) {
    if (got.words[i] == want.words[i]) continue;
    return fmt::format("word {} is \"{}\", not \"{}\"", got.places[i] + 1,
                       got.words[i].substr(0, 40), want.words[i].substr(0, 40));
  }
  return "";
}

}  // namespace

std::string describe(const OutputCheck& check) {
  if (check.as == OutputCheck::As::kBytes) return "bytes";
  std::string text = "numbers";
  if (check.absolute > 0.0) text += fmt::format(" within {:g}", check.absolute);
  if (check.relative > 0.0) {
    text += fmt::format("{} {:g} of each value", check.absolute > 0.0 ? " plus" : " within",
                        check.relative);
  }
  if (check.ulps > 0.0) {
    const bool first = check.absolute == 0.0 && check.relative == 0.0;
    text += fmt::format("{} {:g} ULP", first ? " within" : " or", check.ulps);
  }
  return text;
}

Output read_output(std::string_view bytes, const OutputCheck& check, const std::string& where) {
  Output output;
  output.bytes = bytes.size();
  switch (check.as) {
    case OutputCheck::As::kBytes: {
      RunningHash hash;
      hash.add(bytes);
      output.hash = hash.hex();
      break;
    }
    case OutputCheck::As::kNpy:
      output.numbers = parse_npy(bytes, where);
      break;
    case OutputCheck::As::kRaw:
      output.numbers = parse_raw(bytes, check.element, where);
      break;
    case OutputCheck::As::kText:
      output.numbers = parse_text(bytes);
      break;
  }
  return output;
}

Output read_output_file(const std::string& path, const OutputCheck& check) {
  struct Closing {
    int fd;
    ~Closing() {
      if (fd >= 0) close(fd);
    }
  } file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (file.fd < 0 || fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    throw Error(file.fd < 0 ? fmt::format("cannot be read: {}", std::strerror(errno))
                            : "is not a regular file",
                path, "name the file that the command writes");
  }
  const bool hashed = check.as == OutputCheck::As::kBytes;
  if (!hashed && static_cast<std::size_t>(status.st_size) > kMostNumberBytes) {
    throw Error("is beyond 2 GiB", path, "compare its bytes, without a tolerance");
  }
  RunningHash hash;
  std::string bytes, chunk(1 << 20, '\0');
  Output output;
  for (;;) {
    const ssize_t got = read(file.fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw Error(fmt::format("cannot be read: {}", std::strerror(errno)), path, "check the disk");
    }
    if (got == 0) break;
    const std::string_view part(chunk.data(), static_cast<std::size_t>(got));
    output.bytes += part.size();
    if (hashed) {
      hash.add(part);
    } else {
      bytes.append(part);
    }
  }
  if (!hashed) return read_output(bytes, check, path);
  output.hash = hash.hex();
  return output;
}

Agreement compare_outputs(const Output& got, const Output& want, const OutputCheck& check) {
  if (check.as == OutputCheck::As::kBytes) {
    if (got.hash == want.hash && got.bytes == want.bytes) return {};
    if (got.bytes == want.bytes) return {"its bytes differ", 0.0};
    return {fmt::format("{} bytes where {} are right", got.bytes, want.bytes), 0.0};
  }
  Agreement result;
  result.difference = unlike(got.numbers, want.numbers);
  if (!result.difference.empty()) return result;
  // Within `ulps` is right whatever the bound says; what is left is judged by the bound.
  std::vector<double> values = got.numbers.values;
  if (check.ulps > 0.0) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double expected = want.numbers.values[i];
      if (ulps_between(values[i], expected, want.numbers.type) <= check.ulps) values[i] = expected;
    }
  }
  const Comparison comparison =
      compare(values.data(), DType::kF64, values.size(), {want.numbers.values, {}},
              {check.relative, check.absolute});
  result.worst_in_bounds = comparison.worst_in_bounds;
  if (!comparison.ok()) result.difference = describe(comparison);
  return result;
}

OutputCheck::As kind_of_file(const std::string& path, bool has_element, bool has_tolerance) {
  if (has_element) return OutputCheck::As::kRaw;
  if (!has_tolerance) return OutputCheck::As::kBytes;
  const bool npy = path.size() > 4 && path.compare(path.size() - 4, 4, ".npy") == 0;
  return npy ? OutputCheck::As::kNpy : OutputCheck::As::kText;
}

struct RunningHash::State {
  XXH3_state_t* xxh = XXH3_createState();
};

RunningHash::RunningHash() : state_(new State) { XXH3_128bits_reset(state_->xxh); }
RunningHash::~RunningHash() {
  XXH3_freeState(state_->xxh);
  delete state_;
}
void RunningHash::add(std::string_view bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}
std::string RunningHash::hex() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->xxh);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace aisp::bench::command
