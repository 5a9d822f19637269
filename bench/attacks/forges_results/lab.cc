// Writes a finished measurement of one nanosecond a call to every pipe that the process holds, and
// ends before the instrument can say otherwise.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "bench/attacks/common.h"

namespace aisp::attacks::forges_results {
namespace {

std::string forged_message() {
  const auto series = [](const std::string& name, double ns) {
    std::string samples;
    for (int i = 0; i < 32; ++i) samples += (i == 0 ? "" : ",") + std::to_string(ns);
    return "\"" + name + R"(":{"iterations":1,"wall_ns":[)" + samples + R"(],"cpu_ns":[)" +
           samples + "]}";
  };
  return R"({"type":"done","process":{"seed":1,"seconds":0.1,"series":{)" + series("plain", 100.0) +
         "," + series("cheat", 1.0) + "," + series("honest", 100.0) + R"(}},"findings":{}})" + "\n";
}

void write_to_all_pipes(const std::string& message) {
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    const int file = std::atoi(entry->d_name);
    struct stat what {};
    if (entry->d_name[0] == '.' || fstat(file, &what) != 0 || !S_ISFIFO(what.st_mode)) continue;
    if (!message.empty() && write(file, message.data(), message.size()) < 0) continue;
  }
  closedir(folder);
}

template <bool kCheat>
struct Attack {
  explicit Attack(const Params&) {}
  void operator()(const Io& io) const {
    rotate_all(io);
    write_to_all_pipes(kCheat ? forged_message() : "");
    if (kCheat) _exit(0);
  }
};

}  // namespace

bench::Lab describe() { return map_lab<Attack>("Are forged results caught?"); }

}  // namespace aisp::attacks::forges_results
