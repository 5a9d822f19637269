// What the data is made of, and who reads it: small files, text formats, shards shared by readers.
//
// Source: WebDataset and TFRecord documents on sharding; proc_pid_fd(5), proc_pid_maps(5).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "doctor/dataset_place.h"
#include "doctor/tables.h"
#include "doctor/tasks.h"
#include "doctor/walk.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kMiB = 1024.0 * 1024;

std::string count_text(const Walk& walk) {
  return fmt::format("{}{} files in {} folders, {} measured", walk.complete ? "" : "more than ",
                     walk.files, walk.folders, walk.sizes.size());
}

Finding small_files_census(const Evidence& evidence) {
  const std::string& data = evidence.subject().data;
  if (data.empty()) return not_applicable(kNoData);
  const auto walk = evidence.walk(data);
  if (!walk) return cannot_see(data + ": cannot be listed");
  if (walk->sizes.empty()) return not_applicable(data + " holds no file");
  const double median = static_cast<double>(walk->sizes[walk->sizes.size() / 2]);
  const double tenth = static_cast<double>(walk->sizes[walk->sizes.size() / 10]);
  const std::vector<Reading> read = {
      {data, fmt::format("{}; median {:.1f} KiB, p10 {:.1f} KiB", count_text(*walk), median / 1024,
                         tenth / 1024)}};
  constexpr double kSmall = 128 * 1024;
  constexpr std::uint64_t kMany = 100'000;
  if (median < kSmall && (walk->files > kMany || !walk->complete)) {
    return warn(fmt::format("{}{} files, half of them below {:.0f} KiB",
                            walk->complete ? "" : "more than ", walk->files, median / 1024),
                read, "an open and a close for each sample; lab ch05:storage_cpu measures reads");
  }
  return ok(fmt::format("{} files, median {:.1f} KiB", walk->files, median / 1024), read);
}

Finding data_format_census(const Evidence& evidence) {
  const std::string& data = evidence.subject().data;
  if (data.empty()) return not_applicable(kNoData);
  const auto walk = evidence.walk(data);
  if (!walk) return cannot_see(data + ": cannot be listed");
  double all = 0, text = 0;
  std::vector<std::string> words;
  for (const auto& [format, share] : walk->formats) {
    all += static_cast<double>(share.bytes);
    if (is_text_format(format)) text += static_cast<double>(share.bytes);
    words.push_back(fmt::format("{} {:.1f} MiB", format, static_cast<double>(share.bytes) / kMiB));
  }
  if (all <= 0) return not_applicable(data + " holds no bytes");
  std::vector<Reading> read = {
      {data, fmt::format("{}: {}", count_text(*walk), fmt::join(words, ", "))}};
  if (text > 0.5 * all) {
    return warn(fmt::format("{:.0f} % of the data is text that must be parsed", text / all * 100),
                read, "parsing text runs at 0.1 to 1 GB/s a core, mapped records at memory speed");
  }
  const auto twice = static_cast<double>(walk->duplicates);
  if (twice > 0.05 * static_cast<double>(walk->sizes.size())) {
    return warn(fmt::format("{} of {} files looked at are there twice", walk->duplicates,
                            walk->sizes.size()),
                read, "storage, page cache, and samples that count twice");
  }
  return ok(fmt::format("{:.0f} % text, {} formats", text / all * 100, walk->formats.size()), read);
}

bool looks_like_data(const std::string& path, const std::string& data) {
  if (!data.empty()) return path.starts_with(data);
  for (const char* const system : {"/dev/", "/proc/", "/sys/", "/usr/", "/lib", "/etc/", "/run/"}) {
    if (path.starts_with(system)) return false;
  }
  const std::string format = format_of(path, "");
  return path.starts_with('/') && format != "other" && format != "text";
}

Finding loader_sharding(const Evidence& evidence) {
  if (evidence.subject().pid == 0) return not_applicable("no --pid given");
  const std::set<int> family = family_of_subject(evidence);
  std::map<std::string, std::set<int>> readers;
  for (const int pid : family) {
    const std::string folder = fmt::format("/proc/{}/fd", pid);
    const std::string maps = evidence.read(fmt::format("/proc/{}/maps", pid)).value;
    for (const std::string& fd : evidence.list(folder)) {
      const Text target = evidence.link(folder + "/" + fd);
      if (!target || !looks_like_data(target.value, evidence.subject().data)) continue;
      // One mapped container for all is how LMDB and memory-mapped arrays are meant to be used.
      if (maps.find(target.value) == std::string::npos) readers[target.value].insert(pid);
    }
  }
  const std::string source = "/proc/PID/fd of the process and its children";
  if (readers.empty()) {
    return cannot_see(fmt::format("none of {} processes has a data file open now", family.size()));
  }
  std::size_t shared = 0;
  std::string example;
  for (const auto& [file, pids] : readers) {
    if (pids.size() < 2) continue;
    ++shared;
    if (example.empty()) example = fmt::format("{} in {} processes", file, pids.size());
  }
  const double share = static_cast<double>(shared) / static_cast<double>(readers.size());
  const std::string says =
      fmt::format("{} of {} open data files are read by several processes", shared, readers.size());
  if (share > 0.1) {
    return warn(says, {{source, example}}, "the same bytes are read and decoded more than once");
  }
  return ok(says, {{source, fmt::format("{} processes", family.size())}});
}

}  // namespace

std::vector<Probe> dataset_probes() {
  return {{"small-files-census", small_files_census},
          {"data-format-census", data_format_census},
          {"loader-sharding", loader_sharding}};
}

}  // namespace aisp::doctor
