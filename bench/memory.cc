// Guarded buffers and input sets. See memory.h.
#include "bench/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/rng.h"

namespace aisp::bench {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = 2u << 20;
// Below this a huge page would waste more memory than its one TLB entry saves.
constexpr std::size_t kHugeFrom = 2u << 20;
// Leading slack that is watched; overruns in practice are a vector or a row, not a page.
constexpr std::size_t kCanaryBytes = 1024;
constexpr std::byte kCanary{0xC5};

std::size_t round_up(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

std::string system_error() { return std::strerror(errno); }

}  // namespace

GuardedBuffer::GuardedBuffer(std::size_t bytes, bool small_pages) : bytes_(bytes) {
  const bool huge = !small_pages && bytes >= kHugeFrom;
  const std::size_t payload = round_up(round_up(bytes, 64) + kCanaryBytes, kPage);
  mapping_bytes_ = payload + 2 * kPage + (huge ? kHugePage : 0);
  void* mapped = mmap(nullptr, mapping_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    throw Error(fmt::format("cannot map {} bytes: {}", bytes, system_error()), "memory",
                "raise --memory-limit or choose a smaller size");
  }
  mapping_ = static_cast<std::byte*>(mapped);
  auto start = reinterpret_cast<std::uintptr_t>(mapping_) + kPage;
  if (huge) start = round_up(start, kHugePage);
  first_ = reinterpret_cast<std::byte*>(start);
  end_ = first_ + payload;
  if (mprotect(first_, payload, PROT_READ | PROT_WRITE) != 0) {
    const std::string why = system_error();
    munmap(mapping_, mapping_bytes_);
    throw Error(fmt::format("cannot use {} bytes: {}", bytes, why), "memory",
                "raise --memory-limit or choose a smaller size");
  }
  madvise(first_, payload, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  data_ = end_ - round_up(bytes, 64);
  std::memset(data_, 0, bytes);
  for_each_canary([](std::byte* at, std::size_t n) { std::memset(at, int(kCanary), n); });
}

GuardedBuffer::~GuardedBuffer() {
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

GuardedBuffer::GuardedBuffer(GuardedBuffer&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapping_bytes_(other.mapping_bytes_),
      first_(other.first_),
      data_(other.data_),
      end_(other.end_),
      bytes_(other.bytes_) {}

void GuardedBuffer::for_each_canary(const auto& visit) const {
  const auto before = static_cast<std::size_t>(data_ - first_);
  const std::size_t watched = std::min(before, kCanaryBytes);
  visit(data_ - watched, watched);
  visit(data_ + bytes_, static_cast<std::size_t>(end_ - (data_ + bytes_)));
}

bool GuardedBuffer::canaries_intact() const {
  bool intact = true;
  for_each_canary([&](const std::byte* at, std::size_t n) {
    intact = intact && std::all_of(at, at + n, [](std::byte b) { return b == kCanary; });
  });
  return intact;
}

void GuardedBuffer::mend_canaries() {
  for_each_canary([](std::byte* at, std::size_t n) { std::memset(at, int(kCanary), n); });
}

InputSet::InputSet(const Problem& problem, const std::string& folder, const OnDevice& where)
    : problem_(problem) {
  static std::atomic<int> serial{0};
  memory_.reserve(problem.inputs.size() + problem.outputs.size());
  paths_.reserve(problem.inputs.size());
  for (const TensorSpec& spec : problem.inputs) {
    Io::Buffer buffer{nullptr, spec.bytes(), spec.dtype, nullptr};
    if (spec.place == Place::kFile) {
      paths_.push_back(fmt::format("{}/input-{}-{}.bin", folder, getpid(), serial++));
      const int file = open(paths_.back().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      // posix_fallocate, so that a full disk is an error here and not a SIGBUS later.
      const int failed =
          file < 0 ? errno : posix_fallocate(file, 0, static_cast<off_t>(spec.bytes()));
      if (file >= 0) close(file);
      if (failed != 0) {
        unlink(paths_.back().c_str());
        throw Error(fmt::format("cannot create an input of {} bytes: {}", spec.bytes(),
                                std::strerror(failed)),
                    paths_.back(), "free some space or set TMPDIR to another disk");
      }
      buffer.path = paths_.back().c_str();
    } else {
      memory_.emplace_back(spec.bytes(), spec.small_pages);
      buffer.data = memory_.back().data();
    }
    inputs_.push_back(buffer);
  }
  for (const TensorSpec& spec : problem.outputs) {
    memory_.emplace_back(spec.bytes(), spec.small_pages);
    outputs_.push_back({memory_.back().data(), spec.bytes(), spec.dtype, nullptr});
  }
  if (where.stream != nullptr) {
    mirror_ =
        std::make_unique<DeviceMirror>(problem_, inputs_, outputs_, where.stream, where.replicas);
  }
}

InputSet::~InputSet() {
  mirror_.reset();  // unpins memory that is about to go
  for (const std::string& path : paths_) unlink(path.c_str());
}

void InputSet::with_files_mapped(const std::function<void(const Io&)>& use) {
  std::vector<Io::Buffer> inputs = inputs_;
  for (auto& buffer : inputs) {
    if (buffer.path == nullptr) continue;
    const int file = open(buffer.path, O_RDWR | O_CLOEXEC);
    void* mapped = file < 0
                       ? MAP_FAILED
                       : mmap(nullptr, buffer.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const std::string why = system_error();
    if (file >= 0) close(file);
    if (mapped == MAP_FAILED) throw Error("cannot map a file input: " + why, buffer.path, "");
    buffer.data = mapped;
  }
  const auto unmap = [&] {
    for (auto& buffer : inputs) {
      if (buffer.path != nullptr && buffer.data != nullptr) munmap(buffer.data, buffer.bytes);
    }
  };
  try {
    use(Io(inputs, outputs_));
  } catch (...) {
    unmap();
    throw;
  }
  unmap();
}

void InputSet::fill(const Lab& lab, const Params& params, std::uint64_t seed) {
  with_files_mapped([&](const Io& io) { lab.prepare(params, seed, io); });
  for (const auto& buffer : inputs_) {
    if (buffer.path == nullptr) continue;
    const int file = open(buffer.path, O_RDWR | O_CLOEXEC);
    if (file < 0 || fdatasync(file) != 0) {
      const std::string why = system_error();
      if (file >= 0) close(file);
      throw Error("cannot write a file input: " + why, buffer.path, "check the disk");
    }
    close(file);
  }
  push_inputs();
}

bool InputSet::become_near_copy(const InputSet& other, std::uint64_t seed) {
  Rng rng(seed);
  bool mixed = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const TensorSpec& spec = problem_.inputs[i];
    if (inputs_[i].path != nullptr) return false;
    const bool is_float = unit_roundoff(spec.dtype) > 0.0;
    mixed = mixed || (is_float && !spec.structured && spec.count() >= 64);
  }
  if (!mixed) return false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const TensorSpec& spec = problem_.inputs[i];
    auto* mine = static_cast<std::byte*>(inputs_[i].data);
    const bool mix = unit_roundoff(spec.dtype) > 0.0 && !spec.structured && spec.count() >= 64;
    const std::size_t size = size_bytes(spec.dtype);
    constexpr int kKept = 8;
    std::size_t at[kKept];
    std::byte kept[kKept][8];
    for (int k = 0; mix && k < kKept; ++k) {
      at[k] = rng.below(spec.count()) * size;
      std::memcpy(kept[k], mine + at[k], size);
    }
    std::memcpy(mine, other.inputs_[i].data, inputs_[i].bytes);
    for (int k = 0; mix && k < kKept; ++k) std::memcpy(mine + at[k], kept[k], size);
  }
  push_inputs();
  return true;
}

void InputSet::copy_inputs(const InputSet& other) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    check(inputs_[i].path == nullptr, "file inputs are refilled, never copied");
    std::memcpy(inputs_[i].data, other.inputs_[i].data, inputs_[i].bytes);
  }
  push_inputs();
}

namespace {

// A NaN of random payload for floats, random bytes for integers.
std::uint64_t poison_word(DType dtype, std::uint64_t random) {
  switch (dtype) {
    case DType::kF64:
      return (random >> 13) | 0x7ff8000000000000ull;
    case DType::kF32:
      return (random & 0x003fffff003fffffull) | 0x7fc000007fc00000ull;
    case DType::kF16:
      return (random & 0x00ff00ff00ff00ffull) | 0x7e007e007e007e00ull;
    case DType::kBF16:
      return (random & 0x003f003f003f003full) | 0x7fc07fc07fc07fc0ull;
    default:
      return random;
  }
}

}  // namespace

void InputSet::poison_outputs(std::uint64_t seed) {
  Rng rng(seed);
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Io::Buffer& output = outputs_[i];
    const std::uint64_t word = poison_word(output.dtype, rng.next());
    if (mirror_ && mirror_->poison_output(i, word)) continue;
    auto* bytes = static_cast<std::byte*>(output.data);
    std::size_t at = 0;
    for (; at + 8 <= output.bytes; at += 8) std::memcpy(bytes + at, &word, 8);
    std::memcpy(bytes + at, &word, output.bytes - at);
  }
}

std::size_t InputSet::poisoned_elements(std::uint64_t seed) const {
  Rng rng(seed);
  std::size_t poisoned = 0;
  for (const Io::Buffer& output : outputs_) {
    const std::uint64_t word = poison_word(output.dtype, rng.next());
    const auto* bytes = static_cast<const std::byte*>(output.data);
    const std::size_t size = size_bytes(output.dtype);
    const auto* pattern = reinterpret_cast<const std::byte*>(&word);
    for (std::size_t at = 0; at < output.bytes; at += size) {
      poisoned += std::memcmp(bytes + at, pattern + at % 8, size) == 0 ? 1 : 0;
    }
  }
  return poisoned;
}

std::uint64_t InputSet::input_checksum() {
  std::uint64_t hash = 0;
  with_files_mapped([&](const Io& io) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (input_on_device(i)) continue;
      const auto bytes = io.fill<std::uint8_t>(i);
      hash = XXH3_64bits_withSeed(bytes.data(), bytes.size(), hash + i);
    }
  });
  if (mirror_ && !mirror_->changed_input().empty()) hash = ~hash;
  return hash;
}

std::string InputSet::damaged_canary() {
  if (mirror_) {
    if (const std::string where = mirror_->damaged_canary(); !where.empty()) return where;
  }
  std::size_t memory = 0;
  for (const TensorSpec& spec : problem_.inputs) {
    if (spec.place == Place::kFile) continue;
    if (!memory_[memory++].canaries_intact()) return "input " + spec.name;
  }
  for (const TensorSpec& spec : problem_.outputs) {
    if (!memory_[memory++].canaries_intact()) return "output " + spec.name;
  }
  return "";
}

void InputSet::mend_canaries() {
  if (mirror_) mirror_->mend_canaries();
  for (GuardedBuffer& buffer : memory_) buffer.mend_canaries();
}

std::size_t InputSet::bytes() const {
  std::size_t total = 0;
  for (const auto& buffer : inputs_) total += buffer.bytes;
  for (const auto& buffer : outputs_) total += buffer.bytes;
  return total;
}

}  // namespace aisp::bench
