// Proofs about storage: read-ahead, cache, queue depth, shards, formats.
//
// Source: posix_fadvise(2), io_uring(7), Linux Documentation/block/queue-sysfs.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "doctor/proofs/process_group.h"
#include "doctor/proofs/process_settings.h"
#include "doctor/proofs/proof.h"
#include "machine/cpu.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// Past the cache: not on tmpfs, and where io_uring is allowed.
std::string no_direct_reads() {
  const char* folder = std::getenv("TMPDIR");
  const std::string path =
      fmt::format("{}/aisp-direct-{}", folder != nullptr ? folder : "/tmp", getpid());
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  unlink(path.c_str());
  if (file < 0) return "the file system of the scratch folder has no direct I/O (TMPDIR chooses)";
  const auto disabled = machine::read_line("/proc/sys/kernel/io_uring_disabled");
  return disabled.value_or("0") == "2" ? "kernel.io_uring_disabled forbids io_uring" : "";
}

std::string no_noatime() {
  const auto mounts = machine::read_text("/proc/self/mounts").value_or("");
  const char* folder = std::getenv("TMPDIR");
  const std::string scratch = folder != nullptr ? folder : "/tmp";
  std::string options, point;
  for (const auto line : machine::split(mounts, '\n')) {
    const auto words = machine::split(line, ' ');
    if (words.size() < 4 || words[1].size() < point.size()) continue;
    const bool holds = words[1] == "/" || (scratch + "/").starts_with(std::string(words[1]) + "/");
    if (!holds) continue;
    point = words[1];
    options = words[3];
  }
  return options.find("noatime") == std::string::npos
             ? ""
             : point + " is mounted noatime: no access time is written";
}

std::string no_nfs() {
  const auto mounts = machine::read_text("/proc/self/mounts").value_or("");
  return mounts.find(" nfs") == std::string::npos
             ? "no NFS is mounted"
             : "mount options are the system's: compare two mounts with TMPDIR on each";
}

std::string only_apply() { return "a device has one scheduler: try --apply nvme-scheduler"; }

std::vector<Proof> reading() {
  const std::string cores = fmt::to_string(std::max(2, machine::cpu().cores));
  return {
      {.id = "block-readahead",
       .question = "Does reading further ahead speed a stream from this disk?",
       .workload = "stream",
       .common = {{"cold", "1"}, {"block", "64K"}},
       .as_it_is = {"the device's read-ahead"},
       .remedy = {"8 MiB ahead", {{"ahead", "8M"}}},
       .under_system = {{"cold", "1"}, {"block", "64K"}}},
      {.id = "page-cache-residency",
       .question = "What does a data set cost that is read from storage again?",
       .workload = "stream",
       .common = {{"bytes", "8M"}},
       .as_it_is = {"read from storage every time", {{"cold", "1"}}},
       .remedy = {"kept in the page cache", {{"cold", "0"}}}},
      {.id = "parallel-shard-reads",
       .question = "Do several readers of several files get more from this storage?",
       .workload = "stream",
       .common = {{"cold", "1"}},
       .as_it_is = {"one file, one reader", {{"files", "1"}, {"readers", "1"}}},
       .remedy = {"4 files, 4 readers", {{"files", "4"}, {"readers", "4"}}}},
      {.id = "restart-time",
       .question = "Is a checkpoint back sooner when its parts are read at once?",
       .workload = "stream",
       .common = {{"cold", "1"}, {"bytes", "32M"}},
       .as_it_is = {"one reader, 64 KiB a call", {{"block", "64K"}}},
       .remedy = {"8 shards, 4 readers, 1 MiB a call",
                  {{"files", "8"}, {"readers", "4"}, {"block", "1M"}}}},
      {.id = "loader-workers",
       .question = "Do more loading workers bring more samples from the cache?",
       .workload = "stream",
       .common = {{"files", "16"}, {"bytes", "32M"}},
       .as_it_is = {"one worker", {{"readers", "1"}}},
       .remedy = {cores + " workers", {{"readers", cores}}}},
      {.id = "storage-bandwidth",
       .question = "Does this storage need several requests in flight?",
       .workload = "direct_reads",
       .as_it_is = {"one request at a time", {{"depth", "1"}}},
       .remedy = {"16 in flight", {{"depth", "16"}}},
       .needs = no_direct_reads},
      {.id = "locked-memory-limit",
       .question = "Do buffers that are pinned once spare a read its pinning?",
       .workload = "direct_reads",
       .common = {{"depth", "4"}, {"block", "128K"}},
       .as_it_is = {"pages pinned for every read", {{"pinned", "0"}}},
       .remedy = {"registered buffers, which locked memory allows",
                  {{"pinned", "1"}},
                  {{"memlock", "hard"}}},
       .needs = no_direct_reads},
      {.id = "nvme-scheduler",
       .question = "Which scheduler of the disk serves reads sooner?",
       .workload = "direct_reads",
       .as_it_is = {"the present scheduler"},
       .remedy = {"none"},
       .needs = only_apply,
       .under_system = {{"depth", "16"}}},
  };
}

std::vector<Proof> formats() {
  return {
      {.id = "small-files-census",
       .question = "What does a file for every sample cost?",
       .workload = "samples",
       .as_it_is = {"64 files", {{"kept", "files"}}},
       .remedy = {"one shard of 64 samples", {{"kept", "shard"}}}},
      {.id = "mount-noatime",
       .question = "What do access times cost a reader of many files?",
       .workload = "samples",
       .as_it_is = {"access times as the mount keeps them", {{"noatime", "0"}}},
       .remedy = {"opened with O_NOATIME", {{"noatime", "1"}}},
       .needs = no_noatime},
      {.id = "binary-formats",
       .question = "What does parsing text cost against reading numbers?",
       .workload = "records",
       .as_it_is = {"comma-separated text", {{"format", "text"}}},
       .remedy = {"32-bit floats", {{"format", "binary"}}}},
      {.id = "container-memory-limit",
       .question = "What does a limit below the data set cost its reader?",
       .workload = "stream",
       .common = {{"bytes", "24M"}},
       .as_it_is = {"a group of 16 MiB around 24 MiB of data", {}, {{"memory_limit", "16777216"}}},
       .remedy = {"without it"},
       .needs = why_no_memory_limit},
      {.id = "client-cache-nfs",
       .question = "Does a client cache spare the server's answer?",
       .workload = "stream",
       .as_it_is = {"as it is mounted"},
       .remedy = {"fsc, nconnect=8, actimeo=600"},
       .needs = no_nfs},
  };
}

}  // namespace

std::vector<Proof> file_proofs() {
  std::vector<Proof> all = reading();
  for (Proof& one : formats()) all.push_back(std::move(one));
  return all;
}

}  // namespace aisp::doctor
