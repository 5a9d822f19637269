// Ceilings as JSON, and their cache: one file per hardware key, replaced as a whole by a rename.
// Costs are a section of the same file, measured apart; each keeps the other when it is stored.
// Whoever measures holds a lock, because two measurements at once would each find half a machine.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "machine/ceilings.h"
#include "machine/costs.h"
#include "machine/environment.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "aisp.ceilings";
constexpr int kSchemaVersion = 3;  // 2: kind "update"; 3: section "costs"

// A slow build's ceilings would call every honest result impossible.
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr bool kStorable = true;
#else
constexpr bool kStorable = false;
#endif

[[noreturn]] void malformed(const std::string& what) {
  throw Error(what, "ceilings", "measure them again with aisp machine --refresh");
}

Json interval_json(const Interval& interval) {
  return {{"estimate", interval.estimate}, {"low", interval.low}, {"high", interval.high}};
}

double positive(const Json& object, const char* field) {
  const Json& value = object.at(field);
  if (!value.is_number()) malformed(fmt::format("\"{}\" is not a number", field));
  const double number = value.get<double>();
  if (!std::isfinite(number) || number <= 0)
    malformed(fmt::format("\"{}\" is not positive", field));
  return number;
}

Interval interval_from(const Json& object) {
  const Interval interval{positive(object, "estimate"), positive(object, "low"),
                          positive(object, "high")};
  if (!interval.contains(interval.estimate)) malformed("an estimate lies outside its interval");
  return interval;
}

DType dtype_from(const std::string& text) {
  for (const DType type : {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kI64,
                           DType::kI32, DType::kI8, DType::kU8, DType::kU16, DType::kU32}) {
    if (name(type) == text) return type;
  }
  malformed("unknown element type \"" + text + "\"");
}

int count_from(const Json& object, const char* field, int least) {
  const Json& value = object.at(field);
  if (!value.is_number_integer()) malformed(fmt::format("\"{}\" is not an integer", field));
  const auto number = value.get<std::int64_t>();
  if (number < least || number > 1 << 20) malformed(fmt::format("\"{}\" is out of range", field));
  return static_cast<int>(number);
}

Ceilings parse(const std::string& text) {
  const Json root = Json::parse(text);
  if (root.at("schema") != kSchema) malformed("this is another kind of file");
  if (root.at("schema_version") != kSchemaVersion) malformed("this is another version");
  Ceilings ceilings;
  ceilings.hardware_key = root.at("hardware_key").get<std::string>();
  ceilings.load1 = root.at("load1").get<double>();
  ceilings.interrupted_share = root.at("interrupted_share").get<double>();
  if (root.at("clock_ghz").at("estimate") != 0.0) {  // 0: unknown there
    ceilings.clock_ghz = interval_from(root.at("clock_ghz"));
  }
  for (const Json& entry : root.at("compute")) {
    ComputeCeiling ceiling;
    ceiling.isa = entry.at("isa").get<std::string>();
    ceiling.dtype = dtype_from(entry.at("dtype").get<std::string>());
    ceiling.threads = count_from(entry, "threads", 1);
    ceiling.gflop_per_s = interval_from(entry.at("gflop_per_s"));
    ceiling.best = positive(entry, "best");
    ceilings.compute.push_back(ceiling);
  }
  for (const Json& entry : root.at("bandwidth")) {
    BandwidthCeiling ceiling;
    ceiling.level = count_from(entry, "level", 0);
    ceiling.kind = entry.at("kind").get<std::string>();
    ceiling.threads = count_from(entry, "threads", 1);
    ceiling.working_set_bytes = static_cast<std::size_t>(positive(entry, "working_set_bytes"));
    ceiling.gb_per_s = interval_from(entry.at("gb_per_s"));
    ceiling.best = positive(entry, "best");
    ceilings.bandwidth.push_back(ceiling);
  }
  return ceilings;
}

// What the cache holds for this processor as this process may use it.
std::optional<Ceilings> read_cache(const std::string& path, const Cpu& cpu) {
  const auto text = path.empty() ? std::nullopt : read_text(path);
  if (!text) return std::nullopt;
  try {
    Ceilings ceilings = ceilings_from_json(*text);
    if (ceilings.hardware_key != hardware_key(cpu) || ceilings.empty()) return std::nullopt;
    int most_threads = 0;
    for (const auto& entry : ceilings.compute) most_threads = std::max(most_threads, entry.threads);
    if (most_threads != cpu.cores) return std::nullopt;
    return ceilings;
  } catch (const Error&) {
    return std::nullopt;  // measured again, and replaced
  }
}

// The whole file, where it is one of this version and this machine; else null.
Json read_file(const std::string& path, const std::string& hardware_key) {
  const auto text = path.empty() ? std::nullopt : read_text(path);
  Json root = text ? Json::parse(*text, nullptr, false) : Json();
  const bool ours = root.is_object() && root.value("schema", Json()) == kSchema &&
                    root.value("schema_version", Json()) == kSchemaVersion &&
                    root.value("hardware_key", Json()) == hardware_key;
  return ours ? root : Json();
}

void write_file(const std::string& path, const Json& root) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  std::error_code ignored;
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << root.dump(1) << '\n';
    file.close();
    if (!file) {
      fs::remove(temporary, ignored);
      return;
    }
  }
  fs::rename(temporary, path, ignored);
  if (ignored) fs::remove(temporary, ignored);
}

void write_cache(const std::string& path, const Ceilings& ceilings) {
  Json root = Json::parse(to_json(ceilings));
  const Json before = read_file(path, ceilings.hardware_key);
  if (before.contains("costs")) root["costs"] = before["costs"];
  write_file(path, root);
}

// What the cache holds, if it was measured on as many cores and where `options` asks for it.
std::optional<Costs> read_costs(const std::string& path, const Cpu& cpu,
                                const CostOptions& options) {
  const Json root = read_file(path, hardware_key(cpu));
  if (!root.contains("costs")) return std::nullopt;
  try {
    Costs costs = costs_from_json(root["costs"]);
    const bool same_disk = options.disk_folder.empty() || options.disk_folder == costs.disk_folder;
    if (costs.empty() || costs.cores != cpu.cores || !same_disk) return std::nullopt;
    return costs;
  } catch (const Error&) {
    return std::nullopt;  // measured again, and replaced
  }
}

void write_costs(const std::string& path, const Cpu& cpu, const Costs& costs) {
  Json root = read_file(path, hardware_key(cpu));
  if (root.is_null()) {
    root = {{"schema", kSchema},
            {"schema_version", kSchemaVersion},
            {"hardware_key", hardware_key(cpu)}};
  }
  root["costs"] = to_json(costs);
  write_file(path, root);
}

// Held while measuring; without a writable folder there is none.
class Lock {
 public:
  explicit Lock(const std::string& path) {
    if (path.empty()) return;
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ >= 0 && flock(file_, LOCK_EX) != 0) {
      close(file_);
      file_ = -1;
    }
  }
  ~Lock() {
    if (file_ >= 0) close(file_);
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int file_ = -1;
};

void make_folder(const std::string& path) {
  std::error_code ignored;
  if (!path.empty()) fs::create_directories(fs::path(path).parent_path(), ignored);
}

}  // namespace

std::string ceilings_cache_path(const Cpu& cpu) {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  fs::path folder = variable("AISP_CACHE_DIR");
  if (folder.empty() && !variable("XDG_CACHE_HOME").empty()) {
    folder = fs::path(variable("XDG_CACHE_HOME")) / "aisp";
  }
  if (folder.empty() && !variable("HOME").empty()) {
    folder = fs::path(variable("HOME")) / ".cache" / "aisp";
  }
  if (folder.empty()) return "";
  return (folder / ("ceilings-" + hardware_key(cpu) + ".json")).string();
}

void store_ceilings(const Cpu& cpu, const Ceilings& ceilings) {
  const std::string path = ceilings_cache_path(cpu);
  if (!kStorable || path.empty()) return;
  const Lock lock(path + ".lock");
  write_cache(path, ceilings);
}

Costs load_or_measure_costs(const Cpu& cpu, const CostOptions& options, bool refresh) {
  const std::string path = ceilings_cache_path(cpu);
  const auto cached = [&] { return refresh ? std::nullopt : read_costs(path, cpu, options); };
  if (auto costs = cached()) return *costs;
  make_folder(path);
  const Lock lock(path.empty() ? "" : path + ".lock");
  if (auto costs = cached()) return *costs;  // another process was quicker
  const Costs costs = measure_costs(cpu, options);
  if (kStorable && !path.empty()) write_costs(path, cpu, costs);
  return costs;
}

Ceilings load_or_measure_ceilings(const Cpu& cpu, const CeilingOptions& options, bool refresh) {
  const std::string path = ceilings_cache_path(cpu);
  if (!refresh) {
    if (auto cached = read_cache(path, cpu)) return *cached;
    if (options.only_cached) return {};
  }
  make_folder(path);
  const Lock lock(path.empty() ? "" : path + ".lock");
  if (!refresh) {
    if (auto cached = read_cache(path, cpu)) return *cached;  // another process was quicker
  }
  const Ceilings ceilings = measure_ceilings(cpu, options);
  if (kStorable && !path.empty()) write_cache(path, ceilings);
  return ceilings;
}

std::string to_json(const Ceilings& ceilings) {
  Json root = {{"schema", kSchema},
               {"schema_version", kSchemaVersion},
               {"hardware_key", ceilings.hardware_key},
               {"load1", ceilings.load1},
               {"interrupted_share", ceilings.interrupted_share},
               {"clock_ghz", interval_json(ceilings.clock_ghz)},
               {"compute", Json::array()},
               {"bandwidth", Json::array()}};
  for (const ComputeCeiling& entry : ceilings.compute) {
    root["compute"].push_back({{"isa", entry.isa},
                               {"dtype", std::string(name(entry.dtype))},
                               {"threads", entry.threads},
                               {"gflop_per_s", interval_json(entry.gflop_per_s)},
                               {"best", entry.best}});
  }
  for (const BandwidthCeiling& entry : ceilings.bandwidth) {
    root["bandwidth"].push_back({{"level", entry.level},
                                 {"kind", entry.kind},
                                 {"threads", entry.threads},
                                 {"working_set_bytes", entry.working_set_bytes},
                                 {"gb_per_s", interval_json(entry.gb_per_s)},
                                 {"best", entry.best}});
  }
  return root.dump(1);
}

Ceilings ceilings_from_json(const std::string& text) {
  try {
    return parse(text);
  } catch (const Json::exception& error) {
    malformed(fmt::format("not readable ({})", error.what()));
  }
}

}  // namespace aisp::machine
