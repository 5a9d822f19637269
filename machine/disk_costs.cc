// Costs of the disk below one folder: sequential and random, direct, buffered and from the page
// cache, at several queue depths, on a temporary file without a name. What lies below (a
// controller's or a hypervisor's cache) is part of the figure: it is what programs here get.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <memory>

#include "base/rng.h"
#include "base/units.h"
#include "machine/cost_sheet.h"
#include "machine/disk_queue.h"
#include "machine/scratch_file.h"

namespace aisp::machine {
namespace {

enum class Way { kDirect, kBuffered, kCached };

struct Row {
  const char* name;
  bool write, random;
  std::size_t block_bytes;
  Way way;
  int depth;
  Pages pages = Pages::kHuge;
};

constexpr std::size_t kLarge = std::size_t{1} << 20, kSmall = std::size_t{4} << 10;
// Of 4 KiB: 1 is a program that waits, 8 one with threads, 64 what a disk's queues are made for.
constexpr Row kRows[] = {
    {"read sequential, direct, depth 1", false, false, kLarge, Way::kDirect, 1},
    {"read sequential, direct, depth 8", false, false, kLarge, Way::kDirect, 8},
    {"read sequential, direct, depth 8, into base pages", false, false, kLarge, Way::kDirect, 8,
     Pages::kBase},
    {"read sequential, buffered, depth 1", false, false, kLarge, Way::kBuffered, 1},
    {"read sequential, buffered, depth 8", false, false, kLarge, Way::kBuffered, 8},
    {"read sequential, page cache", false, false, kLarge, Way::kCached, 1},
    {"read random, direct, depth 1", false, true, kSmall, Way::kDirect, 1},
    {"read random, direct, depth 8", false, true, kSmall, Way::kDirect, 8},
    {"read random, direct, depth 64", false, true, kSmall, Way::kDirect, 64},
    {"read random, buffered, depth 1", false, true, kSmall, Way::kBuffered, 1},
    {"read random, buffered, depth 64", false, true, kSmall, Way::kBuffered, 64},
    {"read random, page cache", false, true, kSmall, Way::kCached, 1},
    {"write sequential, direct, depth 1", true, false, kLarge, Way::kDirect, 1},
    {"write sequential, direct, depth 8", true, false, kLarge, Way::kDirect, 8},
    {"write sequential, buffered and synced", true, false, kLarge, Way::kBuffered, 1},
    {"write 4 KiB and sync", true, true, kSmall, Way::kBuffered, 1},
};

constexpr std::size_t kCachedBytes = std::size_t{64} << 20;  // beyond most last-level caches
constexpr double kEpochSeconds = 10e-3;  // long against filling and draining a queue
constexpr double kFillShare = 0.1;       // of the budget, for writing the file

// Places in the file: the next block, or any.
std::function<std::uint64_t()> places(const Row& row, std::size_t bytes) {
  const std::uint64_t blocks = bytes / row.block_bytes;
  if (row.random) {
    return [rng = Rng(row.block_bytes), blocks, block = row.block_bytes]() mutable {
      return rng.below(blocks) * block;
    };
  }
  return [next = std::uint64_t{0}, blocks, block = row.block_bytes]() mutable {
    return next++ % blocks * block;
  };
}

CountedLoop disk_loop(const CostProbe& probe, const std::shared_ptr<ScratchFile>& file,
                      const Row& row) {
  auto queue = std::make_shared<DiskQueue>(row.depth, row.block_bytes, row.pages);
  const std::size_t bytes =
      row.way == Way::kCached ? std::min(kCachedBytes, file->size_bytes()) : file->size_bytes();
  return [&crew = probe.crew, cores = probe.cpu.core_ids, file, queue, row, bytes,
          next = places(row, bytes)](std::int64_t count) {
    file->set_direct(row.way == Way::kDirect);
    if (row.way == Way::kCached) file->warm(bytes);
    run_on(cores);  // a program that waits for a disk runs on whatever core is free
    std::exception_ptr problem;
    const Crew::Time time = crew.timed(1, [&](int) {
      try {
        if (row.write && row.random) {
          for (std::int64_t i = 0; i < count; ++i) {
            queue->transfer(file->get(), true, 1, next);
            fdatasync(file->get());
          }
          return;
        }
        queue->transfer(file->get(), row.write, count, next);
        if (row.write && row.way == Way::kBuffered) fdatasync(file->get());
      } catch (...) {
        problem = std::current_exception();
      }
    });
    if (!cores.empty()) run_on({cores.data(), 1});
    if (problem) std::rethrow_exception(problem);
    if (row.way == Way::kBuffered) file->drop();
    if (row.write) file->changed();
    return Epoch{time.seconds, static_cast<double>(count), false};
  };
}

void add_row(const CostProbe& probe, const std::shared_ptr<ScratchFile>& file, const Row& row) {
  CostLabel label{
      std::string("disk/") + row.name, "",
      fmt::format("blocks of {}, file of {}, {}",
                  format_bytes(static_cast<double>(row.block_bytes)),
                  format_bytes(static_cast<double>(file->size_bytes())), file->file_system())};
  CountedLoop loop = disk_loop(probe, file, row);
  if (row.write && row.random) {
    label.unit = "us";
    probe.sheet.add_time(std::move(label), 1, std::move(loop), kEpochSeconds);
  } else if (row.random) {
    label.unit = "operations/s";
    probe.sheet.add_operations(std::move(label), 4 * row.depth, std::move(loop), kEpochSeconds);
  } else {
    label.unit = "GB/s";
    probe.sheet.add_blocks(std::move(label), static_cast<double>(row.block_bytes), 2 * row.depth,
                           std::move(loop), kEpochSeconds);
  }
}

}  // namespace

std::string add_disk_costs(const CostProbe& probe) {
  const std::string folder =
      probe.options.disk_folder.empty() ? default_disk_folder() : probe.options.disk_folder;
  std::shared_ptr<ScratchFile> file;
  try {
    file = std::make_shared<ScratchFile>(folder);
    file->fill(probe.options.disk_limit_bytes, kFillShare * probe.options.seconds);
  } catch (const std::exception& problem) {
    probe.sheet.add_missing("disk", problem.what());
    return folder;
  }
  const std::string ring = why_no_ring();
  const bool direct = file->set_direct(true);
  file->set_direct(false);
  file->drop();
  const bool forgets = !file->cached();
  for (const Row& row : kRows) {
    std::string why;
    if (row.way == Way::kDirect && !direct) {
      why = file->file_system() + " refuses direct access (O_DIRECT)";
    } else if (row.way == Way::kBuffered && !row.write && !forgets) {
      why = file->file_system() + " keeps its pages in memory although asked to forget them";
    } else if (row.depth > 1) {
      why = ring;
    }
    if (why.empty()) {
      add_row(probe, file, row);
    } else {
      probe.sheet.add_missing(std::string("disk/") + row.name, why);
    }
  }
  return folder;
}

}  // namespace aisp::machine
