// Measures of the disk under the user's files: its rate past the page cache, what is resident, how
// long a restart reads. Files are only read; nothing is written anywhere.
//
// Source: open(2) (O_DIRECT), posix_fadvise(2), mincore(2).
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/rng.h"
#include "base/units.h"
#include "bench/descriptor.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/window.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct File {
  std::string path;
  std::uint64_t bytes = 0;
};

// Files below a folder (or the file itself), at most 10,000; the largest first.
std::vector<File> files_below(const std::string& path) {
  constexpr std::size_t kMost = 10000;
  std::vector<File> files;
  std::error_code error;
  const auto take = [&](const fs::path& one) {
    const auto size = fs::file_size(one, error);
    if (!error && size > 0) files.push_back({one.string(), size});
  };
  if (fs::is_regular_file(path, error)) take(path);
  auto walk =
      fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error);
  for (; !error && walk != fs::recursive_directory_iterator() && files.size() < kMost;
       walk.increment(error)) {
    std::error_code ignored;
    if (walk->is_regular_file(ignored)) take(walk->path());
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return files;
}

struct Freed {
  void operator()(void* memory) const { std::free(memory); }
};

struct Rate {
  double mb_per_s = 0.0, p99_us = 0.0;
  std::size_t reads = 0;
  bool direct = true;
};

// `depth` threads read blocks of the files for `seconds`, past the page cache where the file system
// can; else the file's pages are dropped before.
Rate read_rate(const std::vector<File>& files, std::size_t block, int depth, bool random,
               double seconds) {
  struct Result {
    std::vector<double> times;
    bool direct = true;
  };
  std::vector<Result> results(static_cast<std::size_t>(depth));
  std::vector<std::thread> threads;
  const auto begin = Clock::now();
  std::atomic<std::uint64_t> next{0};
  for (int t = 0; t < depth; ++t) {
    threads.emplace_back([&, t] {
      Result& mine = results[static_cast<std::size_t>(t)];
      const std::unique_ptr<void, Freed> buffer(std::aligned_alloc(4096, block));
      Rng rng(static_cast<std::uint64_t>(t) + 1);
      std::size_t at = 0;
      while (buffer && since(begin) < seconds && at < files.size()) {
        const File& file = files[at];
        bench::Descriptor fd;
        fd.fd = open(file.path.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
        if (fd.fd < 0) {
          mine.direct = false;
          fd.fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
          if (fd.fd >= 0) posix_fadvise(fd.fd, 0, 0, POSIX_FADV_DONTNEED);
        }
        const std::uint64_t blocks = std::max<std::uint64_t>(1, file.bytes / block);
        std::uint64_t done = 0;
        for (; fd.fd >= 0 && since(begin) < seconds && done < blocks; ++done) {
          const std::uint64_t which = random ? rng.below(blocks) : next.fetch_add(1) % blocks;
          const auto start = Clock::now();
          const ssize_t got = pread(fd.fd, buffer.get(), block, static_cast<off_t>(which * block));
          if (got <= 0) break;
          mine.times.push_back(since(start) * 1e6 * static_cast<double>(block) /
                               static_cast<double>(got));
        }
        ++at;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const double took = since(begin);
  Rate rate;
  std::vector<double> all;
  for (const Result& one : results) {
    all.insert(all.end(), one.times.begin(), one.times.end());
    rate.direct = rate.direct && one.direct;
  }
  rate.reads = all.size();
  if (all.empty()) return rate;
  rate.mb_per_s = static_cast<double>(all.size() * block) / 1e6 / took;
  rate.p99_us = quantile(all, 0.99);
  return rate;
}

Json to_figures(const Rate& rate) {
  return {{"mb_per_s", rate.mb_per_s},
          {"p99_us", rate.p99_us},
          {"reads", rate.reads},
          {"direct", rate.direct}};
}

constexpr std::size_t kMiB = std::size_t{1} << 20;

Json measure_bandwidth(const Evidence& evidence, double seconds) {
  const auto files = files_below(evidence.subject().data);
  Json found = {{"files", files.size()}, {"rows", Json::array()}};
  if (files.empty()) return found;
  for (const bool random : {false, true}) {
    for (const int depth : {1, 4, 16}) {
      Json row =
          to_figures(read_rate(files, random ? 128 * 1024 : kMiB, depth, random, seconds / 6));
      row["pattern"] = random ? "random 128 KiB" : "sequential 1 MiB";
      row["depth"] = depth;
      found["rows"].push_back(std::move(row));
    }
  }
  return found;
}

Finding decide_bandwidth(const Evidence&, const Json& found) {
  if (found.at("files").get<int>() == 0) return cannot_see("--data holds no file that can be read");
  double best = 0.0, alone = 0.0, random = 0.0;
  bool direct = true;
  std::vector<Reading> read;
  for (const Json& row : found.at("rows")) {
    const double rate = row.at("mb_per_s").get<double>();
    const int depth = row.at("depth").get<int>();
    const std::string pattern = row.at("pattern").get<std::string>();
    direct = direct && row.at("direct").get<bool>();
    best = std::max(best, rate);
    if (depth == 1 && pattern.starts_with("seq")) alone = rate;
    if (pattern.starts_with("random")) random = std::max(random, rate);
    read.push_back({fmt::format("{}, depth {}", pattern, depth),
                    fmt::format("{}, p99 {}", format_rate(rate * 1e6, "B/s"),
                                format_time(row.at("p99_us").get<double>() * 1e3))});
  }
  if (!(best > 0)) return cannot_see("no block of --data could be read");
  const std::string words =
      fmt::format("the disk gives {} alone and {} at depth", format_rate(alone * 1e6, "B/s"),
                  format_rate(best * 1e6, "B/s"));
  if (!direct) read.push_back({"direct I/O", "not possible on this file system"});
  if (alone < 0.5 * best) {
    return warn(words + ": one reader leaves half of it unused", read,
                fmt::format("{} more with several requests in flight; lab ch05:storage_cpu",
                            format_ratio(best / alone)));
  }
  if (random < 0.25 * best) {
    return warn(fmt::format("random blocks of 128 KiB come at {}, a quarter of {} or less",
                            format_rate(random * 1e6, "B/s"), format_rate(best * 1e6, "B/s")),
                read, "shuffle by shards, read a shard in one piece");
  }
  return ok(words, read);
}

std::string needs_checkpoints(const Evidence& evidence) {
  return evidence.subject().checkpoints.empty() ? "no --checkpoints given" : "";
}

// The newest folder or file of checkpoints, read as a restart reads it: cold, front to back.
Json measure_restart(const Evidence& evidence, double seconds) {
  std::error_code error;
  fs::path newest = evidence.subject().checkpoints;
  fs::file_time_type when{};
  for (const auto& entry : fs::directory_iterator(newest, error)) {
    const auto written = fs::last_write_time(entry, error);
    if (!error && written > when) {
      when = written;
      newest = entry.path();
    }
  }
  const auto files = files_below(newest.string());
  double total = 0.0, done = 0.0;
  for (const File& file : files) total += static_cast<double>(file.bytes);
  const std::unique_ptr<void, Freed> buffer(std::aligned_alloc(4096, 8 * kMiB));
  double spent = 0.0;
  for (const File& file : files) {
    bench::Descriptor fd;
    fd.fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd.fd < 0 || spent >= seconds) continue;
    posix_fadvise(fd.fd, 0, 0, POSIX_FADV_DONTNEED);
    const auto start = Clock::now();
    for (ssize_t got = 1; got > 0 && spent + since(start) < seconds;) {
      got = read(fd.fd, buffer.get(), 8 * kMiB);
      done += got > 0 ? static_cast<double>(got) : 0.0;
    }
    spent += since(start);
  }
  const Rate disk = read_rate(files, kMiB, 8, false, seconds / 2);
  return {{"checkpoint", newest.string()},
          {"bytes", total},
          {"read_bytes", done},
          {"seconds", spent},
          {"disk_mb_per_s", disk.mb_per_s}};
}

Finding decide_restart(const Evidence&, const Json& found) {
  const double bytes = found.at("bytes").get<double>(), done = found.at("read_bytes").get<double>();
  const double spent = found.at("seconds").get<double>();
  const double disk = found.at("disk_mb_per_s").get<double>();
  if (!(done > 0 && spent > 0)) return cannot_see("no checkpoint could be read");
  const double rate = done / 1e6 / spent, whole = bytes / 1e6 / rate;
  const std::vector<Reading> read = {
      {found.at("checkpoint").get<std::string>(), format_bytes(bytes)},
      {"read as a restart does", format_rate(rate * 1e6, "B/s")},
      {"the disk at depth 8", format_rate(disk * 1e6, "B/s")}};
  const std::string words = fmt::format("loading the newest checkpoint takes {} at {}",
                                        format_time(whole * 1e9), format_rate(rate * 1e6, "B/s"));
  if (whole > 60) {
    return warn(words, read, fmt::format("{} after every fault", format_time(whole * 1e9)));
  }
  if (whole > 5 && rate < 0.5 * disk) {
    return warn(words + fmt::format(", the disk can do {}", format_rate(disk * 1e6, "B/s")), read,
                "load shards in parallel");
  }
  return ok(words, read);
}

// Resident bytes of one file by mincore over a mapping.
std::uint64_t resident_bytes(const File& file) {
  bench::Descriptor fd;
  fd.fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd.fd < 0) return 0;
  void* const map = mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, fd.fd, 0);
  if (map == MAP_FAILED) return 0;
  constexpr std::size_t kPage = 4096;
  std::vector<unsigned char> pages((file.bytes + kPage - 1) / kPage);
  std::uint64_t resident = 0;
  if (mincore(map, file.bytes, pages.data()) == 0) {
    for (const unsigned char page : pages) resident += (page & 1) != 0 ? kPage : 0;
  }
  munmap(map, file.bytes);
  return std::min(resident, file.bytes);
}

Json measure_residency(const Evidence& evidence, double seconds) {
  const auto begin = Clock::now();
  const auto files = files_below(evidence.subject().data);
  std::uint64_t all = 0, looked = 0, resident = 0;
  for (const File& file : files) {
    all += file.bytes;
    if (since(begin) > seconds) continue;
    looked += file.bytes;
    resident += resident_bytes(file);
  }
  const auto kib = machine::find_value(evidence.read("/proc/meminfo").value, "MemAvailable");
  const double available =
      machine::parse_number(kib ? kib->substr(0, kib->find(' ')) : "").value_or(0.0) * 1024;
  return {{"bytes", all}, {"looked_at", looked}, {"resident", resident}, {"available", available}};
}

Finding decide_residency(const Evidence&, const Json& found) {
  const double bytes = found.at("bytes").get<double>(),
               looked = found.at("looked_at").get<double>();
  const double available = found.at("available").get<double>();
  if (!(looked > 0)) return cannot_see("--data holds no file that can be read");
  const double share = found.at("resident").get<double>() / looked;
  const std::vector<Reading> read = {
      {"--data",
       fmt::format("{}, {} of it in the page cache", format_bytes(bytes), format_percent(share))},
      {"/proc/meminfo MemAvailable", format_bytes(available)}};
  const std::string words = fmt::format("{} of the data is in memory", format_percent(share));
  if (share >= 0.9) return ok(words, read);
  if (bytes * (1 - share) < 0.8 * available) {
    return warn(words + ", though all of it would fit", read,
                "every epoch reads it from disk; lab ch05:storage_cpu shows the difference");
  }
  return ok(words + "; all of it does not fit", read);
}

// Readers on 1, 2, 4 ... processors over the user's files, warm: the loader without its decoding.
Json measure_loaders(const Evidence& evidence, double seconds) {
  const auto files = files_below(evidence.subject().data);
  Json rows = Json::array();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::vector<int> counts;
  for (int n = 1; n < cores; n *= 2) counts.push_back(n);
  counts.push_back(cores);
  for (const int n : counts) {
    const Rate rate = read_rate(files, kMiB, n, true, seconds / static_cast<double>(counts.size()));
    rows.push_back({{"workers", n}, {"mb_per_s", rate.mb_per_s}});
  }
  int running = 0;
  if (evidence.subject().pid != 0) {
    for (const int pid : family(evidence, evidence.subject().pid)) {
      const Text name = evidence.read(fmt::format("/proc/{}/comm", pid));
      running += name.value.starts_with("pt_data_worker") ? 1 : 0;
    }
  }
  Json found = {{"rows", rows}};
  if (evidence.subject().pid != 0) found["running"] = running;
  return found;
}

Finding decide_loaders(const Evidence&, const Json& found) {
  double best = 0.0;
  for (const Json& row : found.at("rows")) best = std::max(best, row.at("mb_per_s").get<double>());
  if (!(best > 0)) return cannot_see("--data holds no file that can be read");
  int knee = 0;
  double knee_rate = 0.0, at_running = 0.0;
  const int running = found.value("running", -1);
  std::vector<Reading> read;
  for (const Json& row : found.at("rows")) {
    const int workers = row.at("workers").get<int>();
    const double rate = row.at("mb_per_s").get<double>();
    if (knee == 0 && rate >= 0.9 * best) {
      knee = workers;
      knee_rate = rate;
    }
    if (workers <= std::max(1, running)) at_running = rate;
    read.push_back({fmt::format("{} readers", workers), format_rate(rate * 1e6, "B/s")});
  }
  const std::string words = fmt::format("{} readers reach {}; more bring less than a tenth", knee,
                                        format_rate(knee_rate * 1e6, "B/s"));
  if (running < 0) return ok(words, read);
  read.push_back({"pt_data_worker below --pid", fmt::format("{}", running)});
  if (at_running < 0.8 * best) {
    return warn(fmt::format("the job has {} loader workers; {} would read {}", running, knee,
                            format_ratio(best / at_running)),
                read, fmt::format("{} lost", format_rate((best - at_running) * 1e6, "B/s")));
  }
  return ok(fmt::format("the job's {} loader workers are enough; {}", running, words), read);
}

// Each hop from disk to memory, and what the job draws.
Json measure_ladder(const Evidence& evidence, double seconds) {
  const auto files = files_below(evidence.subject().data);
  Json hops = Json::array();
  const auto hop = [&](const char* name, double rate) {
    if (rate > 0) hops.push_back({{"hop", name}, {"mb_per_s", rate}});
  };
  hop("disk", read_rate(files, kMiB, 8, false, seconds / 4).mb_per_s);
  constexpr std::size_t kBytes = 64 * kMiB;
  std::vector<char> from(kBytes, 1), to(kBytes, 0);
  std::vector<double> rates;
  for (const auto begin = Clock::now(); since(begin) < seconds / 4;) {
    const auto start = Clock::now();
    std::memcpy(to.data(), from.data(), kBytes);
    rates.push_back(static_cast<double>(kBytes) / 1e6 / since(start));
    from[0] = to[kBytes / 2];
  }
  hop("copy in memory, one thread", rates.empty() ? 0.0 : median(rates));
  for (const auto& gpu : evidence.facts().gpus) {
    // PCIe generations 1 to 6 carry these GB/s a lane after coding (PCI-SIG).
    constexpr double kLane[] = {0, 0.25, 0.5, 0.985, 1.969, 3.938, 7.563};
    const int generation = gpu.pcie_generation_max.value_or(0);
    if (generation < 1 || generation > 6 || !gpu.pcie_width_max) continue;
    hop("PCIe of the GPU (rated)", 1e3 * kLane[generation] * *gpu.pcie_width_max);
    break;
  }
  Json found = {{"hops", hops}};
  if (evidence.subject().pid != 0) {
    const std::string io = evidence.of_subject("io");
    const Window window = watch(evidence, {io}, seconds / 2);
    found["demand_mb_per_s"] = window.growth(io, "rchar") / 1e6 / window.seconds;
  }
  return found;
}

Finding decide_ladder(const Evidence&, const Json& found) {
  std::string slowest;
  double least = 0.0;
  std::vector<Reading> read;
  for (const Json& row : found.at("hops")) {
    const double rate = row.at("mb_per_s").get<double>();
    const std::string name = row.at("hop").get<std::string>();
    read.push_back({name, format_rate(rate * 1e6, "B/s")});
    if (slowest.empty() || rate < least) {
      least = rate;
      slowest = name;
    }
  }
  if (read.size() < 2) return cannot_see("fewer than two hops could be measured");
  const std::string words =
      fmt::format("the slowest hop is {} with {}", slowest, format_rate(least * 1e6, "B/s"));
  if (!found.contains("demand_mb_per_s")) return ok(words, read);
  const double demand = found.at("demand_mb_per_s").get<double>();
  read.push_back({"the job reads", format_rate(demand * 1e6, "B/s")});
  if (demand > 0.7 * least) {
    return warn(fmt::format("{}; the job draws {} of it", words, format_percent(demand / least)),
                read, "a wider hop elsewhere changes nothing");
  }
  return ok(words, read);
}

}  // namespace

std::vector<Measure> storage_measures() {
  return {
      {"storage-bandwidth", needs_data, measure_bandwidth, guarded<decide_bandwidth>, 3.0},
      {"restart-time", needs_checkpoints, measure_restart, guarded<decide_restart>, 2.0},
      {"page-cache-residency", needs_data, measure_residency, guarded<decide_residency>, 2.0},
      {"loader-workers", needs_data, measure_loaders, guarded<decide_loaders>, 2.0},
      {"weakest-link-ladder", needs_data, measure_ladder, guarded<decide_ladder>, 2.0},
  };
}

}  // namespace aisp::doctor
