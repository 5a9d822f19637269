// Work on files through the page cache: streaming, many small files, records as text or binary.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <thread>

#include "base/error.h"
#include "doctor/proofs/mapping.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// Files of equal size, read from begin to end by one reader or several.
struct Stream {
  explicit Stream(const Arguments& arguments)
      : count(arguments.size("files", 1)),
        bytes(arguments.size("bytes", 16 * kMiB) / count / 4096 * 4096),
        block(arguments.size("block", 128 * 1024)),
        readers(arguments.size("readers", 1)),
        cold(arguments.flag("cold")),
        ahead(arguments.size("ahead", 0)),
        advice(arguments.word("advice", "normal")) {
    for (std::size_t i = 0; i < count; ++i) {
      paths.push_back(fmt::format("{}/stream-{}", arguments.scratch(), i));
      write_pattern(paths.back(), bytes);
    }
    expected = expected_sum(bytes) * count;
  }
  void cool() const {
    for (const std::string& path : paths) drop_cache(File(path, O_RDONLY).fd());
  }
  // A reader takes every readers-th file; a single file is split into equal parts.
  void read_share(std::size_t reader) {
    std::vector<std::uint8_t> buffer(block);
    std::uint64_t sum = 0;
    if (count == 1) {
      const std::size_t part = bytes / readers / 8 * 8;
      const std::size_t end = reader + 1 == readers ? bytes : (reader + 1) * part;
      sum = read_part(File(paths[0], O_RDONLY).fd(), reader * part, end, buffer);
    } else {
      for (std::size_t i = reader; i < count; i += readers) {
        sum += read_part(File(paths[i], O_RDONLY).fd(), 0, bytes, buffer);
      }
    }
    total += sum;
  }
  std::uint64_t read_part(int fd, std::size_t at, std::size_t end,
                          std::vector<std::uint8_t>& buffer) const {
    if (advice == "random") posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    if (advice == "sequential") posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    std::uint64_t sum = 0;
    for (std::size_t asked = at; at < end;) {
      // The application's own read-ahead: what a larger read_ahead_kb does for everybody.
      for (; ahead > 0 && asked < std::min(end, at + ahead); asked += std::size_t{1} << 20) {
        posix_fadvise(fd, static_cast<off_t>(asked), 1 << 20, POSIX_FADV_WILLNEED);
      }
      const std::size_t part = std::min(buffer.size(), end - at);
      const ssize_t got = pread(fd, buffer.data(), part, static_cast<off_t>(at));
      if (got <= 0) return 0;
      sum += sum_of(buffer.data(), static_cast<std::size_t>(got));
      at += static_cast<std::size_t>(got);
    }
    return sum;
  }
  void pass() {
    total = 0;
    std::vector<std::thread> others;
    for (std::size_t i = 1; i < readers; ++i) others.emplace_back([this, i] { read_share(i); });
    read_share(0);
    for (std::thread& one : others) one.join();
    if (total != expected) right = false;
  }
  std::size_t count, bytes, block, readers;
  bool cold;
  std::size_t ahead;
  std::string advice;
  std::vector<std::string> paths;
  std::uint64_t expected = 0;
  std::atomic<std::uint64_t> total{0};
  bool right = true;
};

Prepared stream(const Arguments& arguments) {
  const auto state = std::make_shared<Stream>(arguments);
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->pass();
  };
  if (state->cold) made.before_each = [=] { state->cool(); };
  made.wrong = [=] { return state->right ? "" : "the bytes read are not those written"; };
  made.work = static_cast<double>(state->bytes * state->count) / kMiB;
  made.unit = "MiB read";
  made.threads = static_cast<int>(state->readers);
  return made;
}

// Samples of a few KiB: a file for each, or all in one shard.
Prepared samples(const Arguments& arguments) {
  struct State {
    std::vector<std::string> paths;
    std::string shard;
    std::size_t bytes = 0;
    bool one_by_one = false, right = true;
    int flags = O_RDONLY;
    std::uint64_t expected = 0;
    std::vector<std::uint8_t> buffer;
  };
  const auto state = std::make_shared<State>();
  const std::size_t count = arguments.size("samples", 64);
  state->bytes = arguments.size("bytes", 4096);
  state->one_by_one = arguments.word("kept", "files") == "files";
  state->flags |= arguments.flag("noatime") ? O_NOATIME : 0;
  for (std::size_t i = 0; i < count && state->one_by_one; ++i) {
    state->paths.push_back(fmt::format("{}/sample-{}", arguments.scratch(), i));
    write_pattern(state->paths.back(), state->bytes);
  }
  if (!state->one_by_one) {
    state->paths.push_back(arguments.scratch() + "/shard");
    write_pattern(state->paths.back(), state->bytes * count);
  }
  state->buffer.resize(state->one_by_one ? state->bytes : state->bytes * count);
  state->expected = expected_sum(state->buffer.size()) * state->paths.size();
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      std::uint64_t sum = 0;
      for (const std::string& path : state->paths) {
        const File file(path, state->flags);
        const ssize_t got = read(file.fd(), state->buffer.data(), state->buffer.size());
        sum += got > 0 ? sum_of(state->buffer.data(), static_cast<std::size_t>(got)) : 0;
      }
      if (sum != state->expected) state->right = false;
    }
  };
  made.wrong = [=] { return state->right ? "" : "the bytes read are not those written"; };
  made.work = static_cast<double>(count);
  made.unit = fmt::format("samples of {} KiB", state->bytes / 1024);
  made.blocks = false;
  return made;
}

// The same numbers as comma-separated text or as 32-bit floats.
Prepared records(const Arguments& arguments) {
  struct State {
    std::string path, text;
    bool binary = false, right = true;
    double expected = 0.0;
  };
  const auto state = std::make_shared<State>();
  const std::size_t count = arguments.size("numbers", 20000);
  state->binary = arguments.word("format", "text") == "binary";
  state->path = arguments.scratch() + "/records";
  std::ofstream file(state->path, std::ios::binary);
  for (std::size_t i = 0; i < count; ++i) {
    const float value = static_cast<float>(i % 1000) + 0.25f;
    state->expected += value;
    if (state->binary) {
      file.write(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      file << value << (i % 8 == 7 ? '\n' : ',');
    }
  }
  file.close();
  if (!file) throw Error("cannot be written", state->path, "free some space");
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      const File source(state->path, O_RDONLY);
      struct stat info {};
      fstat(source.fd(), &info);
      state->text.resize(static_cast<std::size_t>(info.st_size));
      const ssize_t got = read(source.fd(), state->text.data(), state->text.size());
      double sum = 0.0;
      const char* at = state->text.data();
      const char* const end = at + std::max<ssize_t>(got, 0);
      for (float value = 0.0f; at < end;) {
        if (state->binary) {
          std::memcpy(&value, at, sizeof value);
          at += sizeof value;
        } else {
          at = std::from_chars(at, end, value).ptr + 1;
        }
        sum += value;
      }
      if (sum != state->expected) state->right = false;
    }
  };
  made.wrong = [=] { return state->right ? "" : "the numbers read are not those written"; };
  made.work = static_cast<double>(count);
  made.unit = "numbers read";
  made.blocks = false;
  return made;
}

}  // namespace

std::vector<WorkloadRow> file_work() {
  return {{"stream", stream}, {"samples", samples}, {"records", records}};
}

}  // namespace aisp::doctor
