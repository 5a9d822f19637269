// Questions are scored against embeddings in a file that is larger than the memory which the job's
// container may use: score[q][row] = embeddings[row] * questions[q]. What the page cache holds of
// the file counts against the container's limit; the techniques differ in the order of the work,
// and in whether they need the cache.
// Params: rows, width, questions, percent (the limit, of the file's size; at least 16 MiB). Inputs:
// embeddings[rows][width] f32 (a file), questions[questions][width] f32. Output:
// scores[questions][rows] f32. Before each call the file is not in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "bench/lab.h"
#include "machine/child.h"
#include "machine/page_cache.h"

namespace aisp::labs::ch03::docker_memory {

/// Rows of a block that all questions are asked before the next: 512 x 768 x 4 bytes are 1.5 MiB,
/// and each read is long enough for a disk.
inline constexpr std::int64_t kBlockRows = 512;

struct Sizes {
  std::int64_t rows, width, questions;
  explicit Sizes(const bench::Params& p)
      : rows(p["rows"]), width(p["width"]), questions(p["questions"]) {}
  std::size_t file_bytes() const { return static_cast<std::size_t>(rows * width) * sizeof(float); }
};

/// The limit of a case in bytes.
std::size_t limit_of(const bench::Params& params);

/// One call as the child sees it; scores are shared with the parent.
struct Call {
  Sizes sizes;
  const char* path = nullptr;
  const float* questions = nullptr;
  float* scores = nullptr;

  /// scores[question] of rows [begin, end), which lie at `rows`.
  void score(std::int64_t question, std::int64_t begin, std::int64_t end, const float* rows) const;
};

/// The file as read-only memory; unmaps itself.
class MappedFile {
 public:
  MappedFile(const char* path, std::size_t bytes);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const float* data() const { return static_cast<const float*>(memory_); }

 private:
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A technique that runs `job` in a child, with the limit or without one. All need writable control
/// groups with the memory controller.
bench::Technique contained(const char* name, const char* summary, bool limited,
                           void (*job)(const Call& call));

/// The job of mapped_by_question, with the limit or without.
void ask_one_by_one(const Call& call);

bench::Technique mapped_by_question();
bench::Technique mapped_by_block();
bench::Technique read_by_block();
bench::Technique unlimited();

}  // namespace aisp::labs::ch03::docker_memory
