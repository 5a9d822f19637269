// Reading and appending run folders. See record.h.
#include "bench/record.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace aisp::bench {
namespace {

namespace fs = std::filesystem;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error("cannot be read", path, "name a run folder that aisp bench run wrote");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Writes all of it or says why not.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Output of a dead worker may hold any bytes; JSON may not: they become U+FFFD.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json parse_header(const std::string& path) {
  Json header;
  try {
    header = Json::parse(read_text(path));
    if (!header.is_object() || header.value("schema", "") != kRunSchema) {
      throw Error(fmt::format("not a run header of schema {}", kRunSchema), path,
                  "name a run folder that this version of aisp bench run wrote");
    }
  } catch (const Json::exception& problem) {
    throw Error(fmt::format("not JSON: {}", problem.what()), path, "the file was damaged");
  }
  return header;
}

}  // namespace

void write_file_atomically(const std::string& path, const std::string& text) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  bool good = file >= 0 && write_all(file, text) && fsync(file) == 0;
  int failure = errno;
  if (file >= 0 && close(file) != 0 && good) {
    good = false;
    failure = errno;
  }
  if (good && rename(temporary.c_str(), path.c_str()) != 0) {
    good = false;
    failure = errno;
  }
  if (good) return;
  unlink(temporary.c_str());
  throw Error(fmt::format("cannot be written: {}", std::strerror(failure)), path,
              "free some space or choose another folder with --out");
}

RunRecord read_run(const std::string& path) {
  RunRecord run;
  fs::path folder = path;
  if (folder.filename() == "run.json") folder = folder.parent_path();
  if (!fs::is_directory(folder)) {
    throw Error("no such run folder", path, "aisp bench run prints the folder it wrote");
  }
  run.folder = folder.string();
  run.header = parse_header((folder / "run.json").string());
  const std::string lines_path = (folder / "results.jsonl").string();
  if (!fs::exists(lines_path)) return run;
  const std::string text = read_text(lines_path);
  std::map<std::string, std::size_t> position;
  std::size_t line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    ++line_number;
    if (end == std::string::npos) {
      ++run.torn_lines;
      break;
    }
    const std::string where = fmt::format("{}:{}", lines_path, line_number);
    Json json;
    try {
      json = Json::parse(std::string_view(text).substr(begin, end - begin));
    } catch (const Json::exception& problem) {
      throw Error(fmt::format("not JSON: {}", problem.what()), where, "the file was damaged");
    }
    CaseResult result = case_from_json(json, where);
    const auto [found, first] = position.try_emplace(result.key(), run.results.size());
    if (first) {
      run.results.push_back(std::move(result));
    } else {
      run.results[found->second] = std::move(result);
    }
    begin = end + 1;
  }
  return run;
}

RunWriter::RunWriter(const std::string& folder, const Json& header, bool resume) : folder_(folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  const std::string lock_path = folder + "/lock";
  lock_ = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    throw Error(fmt::format("cannot be written: {}", std::strerror(errno)), folder,
                "choose another folder with --out");
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(lock_);
    throw Error("another run is writing here", folder, "wait for it or choose another --out");
  }
  try {
    const std::string header_path = folder + "/run.json";
    const bool exists = fs::exists(header_path);
    if (exists && !resume) {
      throw Error("already holds a run", folder, "add --resume to go on, or choose another --out");
    }
    if (exists) {
      parse_header(header_path);
    } else {
      write_file_atomically(header_path, dump(header, 1));
    }
    const std::string lines_path = folder + "/results.jsonl";
    file_ = open(lines_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) {
      throw Error(fmt::format("cannot be written: {}", std::strerror(errno)), lines_path,
                  "check its permissions");
    }
    // A killed run may have left half a line: cut it, so that the next one starts clean.
    const std::string text = read_text(lines_path);
    const std::size_t last = text.rfind('\n');
    const off_t keep = last == std::string::npos ? 0 : static_cast<off_t>(last + 1);
    if (keep != static_cast<off_t>(text.size()) && ftruncate(file_, keep) != 0) {
      throw Error("cannot cut its unfinished last line", lines_path, "check its permissions");
    }
    lseek(file_, 0, SEEK_END);
  } catch (...) {
    if (file_ >= 0) close(file_);
    close(lock_);
    throw;
  }
}

RunWriter::~RunWriter() {
  if (file_ >= 0) close(file_);
  if (lock_ >= 0) close(lock_);
}

void RunWriter::rewrite_header(const Json& header) {
  write_file_atomically(folder_ + "/run.json", header.dump(1) + "\n");
}

void RunWriter::append(const CaseResult& result) {
  const off_t before = lseek(file_, 0, SEEK_END);
  if (write_all(file_, dump(to_json(result), -1)) && fdatasync(file_) == 0) return;
  const int failure = errno;
  const bool cut = ftruncate(file_, before) == 0;
  lseek(file_, 0, SEEK_END);
  throw Error(fmt::format("cannot append a result: {}", std::strerror(failure)),
              folder_ + "/results.jsonl",
              cut ? "free some space and go on with --resume; earlier results are intact"
                  : "free some space; its last line may be torn, --resume repairs it");
}

}  // namespace aisp::bench
