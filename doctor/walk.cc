// Three passes under one deadline: names, sizes, first bytes. See walk.h.
//
// Source: signatures from the formats' own specifications (Apache Parquet, Arrow IPC, HDF5, npy,
// POSIX tar, gzip, Zstandard, PNG, JPEG).
#include "doctor/walk.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLarge = std::uint64_t{1} << 30;
constexpr std::size_t kMostLarge = 4;
constexpr std::size_t kHead = 4096;       // enough for every signature, and one page to compare
constexpr std::size_t kMostOpened = 256;  // at 1 ms an open on a network file system: 256 ms

struct Extension {
  const char* extension;
  const char* format;
};
constexpr Extension kExtensions[] = {
    {".tar", "tar"},           {".parquet", "parquet"},
    {".tfrecord", "tfrecord"}, {".tfrecords", "tfrecord"},
    {".rec", "recordio"},      {".npy", "npy"},
    {".npz", "npy"},           {".arrow", "arrow"},
    {".feather", "arrow"},     {".h5", "hdf5"},
    {".hdf5", "hdf5"},         {".mdb", "lmdb"},
    {".bin", "binary"},        {".idx", "binary"},
    {".pt", "binary"},         {".safetensors", "binary"},
    {".mds", "binary"},        {".csv", "csv"},
    {".tsv", "csv"},           {".json", "json"},
    {".jsonl", "json"},        {".txt", "text"},
    {".xml", "xml"},           {".xlsx", "spreadsheet"},
    {".xls", "spreadsheet"},   {".jpg", "image"},
    {".jpeg", "image"},        {".png", "image"},
    {".webp", "image"},        {".wav", "audio"},
    {".flac", "audio"},        {".mp3", "audio"},
    {".mp4", "video"},         {".gz", "compressed"},
    {".zst", "compressed"},    {".xz", "compressed"},
};

struct Signature {
  std::size_t at;
  std::string_view bytes;
  const char* format;
};
constexpr Signature kSignatures[] = {
    {0, "PAR1", "parquet"},
    {0, "ARROW1", "arrow"},
    {0, "\x89HDF", "hdf5"},
    {0, "\x93NUMPY", "npy"},
    {257, "ustar", "tar"},
    {0, "\x1f\x8b", "compressed"},
    {0, "\x28\xb5\x2f\xfd", "compressed"},
    {0, "\x89PNG", "image"},
    {0, "\xff\xd8\xff", "image"},
    {0, "{", "json"},
    {0, "[", "json"},
    {0, "<?xml", "xml"},
};

bool mostly_printable(std::string_view bytes) {
  const auto printable = [](char c) { return c >= 0x20 || c == '\n' || c == '\t' || c == '\r'; };
  return !bytes.empty() && std::all_of(bytes.begin(), bytes.end(), printable);
}

std::string head_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kHead, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

// All regular files below, folder by folder in order of name, until a limit.
std::vector<fs::path> names_below(const fs::path& top, const WalkLimits& limits,
                                  Clock::time_point deadline, Walk& walk) {
  std::vector<fs::path> files;
  std::deque<fs::path> folders = {top};
  while (!folders.empty()) {
    std::error_code error;
    std::vector<fs::path> here;
    ++walk.folders;
    for (fs::directory_iterator it(folders.front(), error), end; !error && it != end;
         it.increment(error)) {
      std::error_code ignored;
      const fs::file_status status = it->symlink_status(ignored);
      if (fs::is_directory(status)) here.push_back(it->path() / "");
      if (fs::is_regular_file(status)) here.push_back(it->path());
      if (files.size() + here.size() >= limits.most_names || Clock::now() > deadline) {
        walk.complete = false;
        break;
      }
    }
    folders.pop_front();
    std::sort(here.begin(), here.end());
    for (fs::path& path : here) {
      if (path.has_filename()) {
        files.push_back(std::move(path));
      } else {
        folders.push_back(path.parent_path());
      }
    }
    if (!walk.complete) break;
  }
  walk.files = files.size();
  return files;
}

struct Sampled {
  fs::path path;
  std::uint64_t bytes = 0;
};

std::vector<Sampled> sizes_of(const std::vector<fs::path>& files, const WalkLimits& limits,
                              Clock::time_point deadline, Walk& walk) {
  std::vector<Sampled> sample;
  const std::size_t count = std::min(files.size(), limits.most_sampled);
  for (std::size_t i = 0; i < count && Clock::now() <= deadline; ++i) {
    const fs::path& path = files[i * files.size() / count];
    std::error_code error;
    const auto bytes = fs::file_size(path, error);
    if (error) continue;
    sample.push_back({path, bytes});
    walk.sizes.push_back(bytes);
    if (bytes >= kLarge && walk.large.size() < kMostLarge) walk.large.push_back(path.string());
  }
  std::sort(walk.sizes.begin(), walk.sizes.end());
  return sample;
}

// Formats, and files that are there twice: equal in size and in their first bytes.
void look_inside(const std::vector<Sampled>& sample, Clock::time_point deadline, Walk& walk) {
  std::map<std::uint64_t, int> of_size;
  for (const Sampled& file : sample) ++of_size[file.bytes];
  std::set<std::pair<std::uint64_t, std::size_t>> heads;
  std::size_t opened = 0;
  for (const Sampled& file : sample) {
    std::string format = format_of(file.path.string(), "");
    const bool twin = of_size[file.bytes] > 1 && file.bytes > 0;
    if ((format == "other" || twin) && opened < kMostOpened && Clock::now() <= deadline) {
      ++opened;
      const std::string head = head_of(file.path);
      if (format == "other") format = format_of("", head);
      const auto key = std::pair(file.bytes, std::hash<std::string>()(head));
      if (twin && !heads.insert(key).second) ++walk.duplicates;
    }
    Walk::Share& share = walk.formats[format];
    ++share.files;
    share.bytes += file.bytes;
  }
}

}  // namespace

std::string format_of(const std::string& name, const std::string& first_bytes) {
  const std::string extension = fs::path(name).extension().string();
  for (const Extension& known : kExtensions) {
    if (extension == known.extension) return known.format;
  }
  for (const Signature& known : kSignatures) {
    if (first_bytes.size() >= known.at + known.bytes.size() &&
        first_bytes.compare(known.at, known.bytes.size(), known.bytes) == 0) {
      return known.format;
    }
  }
  return mostly_printable(first_bytes) ? "text" : "other";
}

bool is_text_format(const std::string& format) {
  return format == "csv" || format == "json" || format == "text" || format == "xml" ||
         format == "spreadsheet";
}

std::optional<Walk> walk_folder(const std::string& path, const WalkLimits& limits) {
  const auto begin = Clock::now();
  const auto after = [&](double share) {
    return begin + std::chrono::duration_cast<Clock::duration>(
                       std::chrono::duration<double>(limits.seconds * share));
  };
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (error || (!fs::is_directory(status) && !fs::is_regular_file(status))) return std::nullopt;
  Walk walk;
  std::vector<fs::path> files;
  if (fs::is_directory(status)) {
    fs::directory_iterator can_be_read(path, error);
    if (error) return std::nullopt;
    files = names_below(path, limits, after(0.5), walk);
  } else {
    files = {path};
    walk.files = 1;
  }
  look_inside(sizes_of(files, limits, after(0.75), walk), after(1.0), walk);
  return walk;
}

nlohmann::ordered_json to_json(const Walk& walk) {
  nlohmann::ordered_json formats = nlohmann::ordered_json::object();
  for (const auto& [format, share] : walk.formats) {
    formats[format] = {{"files", share.files}, {"bytes", share.bytes}};
  }
  return {{"files", walk.files}, {"folders", walk.folders},       {"complete", walk.complete},
          {"formats", formats},  {"duplicates", walk.duplicates}, {"large", walk.large},
          {"sizes", walk.sizes}};
}

Walk walk_from_json(const nlohmann::ordered_json& json) {
  Walk walk;
  walk.files = json.at("files");
  walk.folders = json.value("folders", std::uint64_t{0});
  walk.complete = json.value("complete", true);
  walk.duplicates = json.value("duplicates", std::uint64_t{0});
  walk.large = json.value("large", std::vector<std::string>());
  walk.sizes = json.value("sizes", std::vector<std::uint64_t>());
  std::sort(walk.sizes.begin(), walk.sizes.end());
  const nlohmann::ordered_json formats = json.value("formats", nlohmann::ordered_json::object());
  for (const auto& [format, share] : formats.items()) {
    walk.formats[format] = {share.at("files"), share.at("bytes")};
  }
  return walk;
}

}  // namespace aisp::doctor
