// Lengths of files, lines and functions. An exception is a line of tools/tidy_exceptions.txt with a
// reason and a maximum close to what is needed, so that exceptions can only shrink.
#include <algorithm>
#include <charconv>
#include <map>

#include "tools/tidy/rules.h"

namespace aisp::tidy {
namespace {

constexpr const char* kExceptions = "tools/tidy_exceptions.txt";
constexpr int kFileTarget = 300;    // a screenful of outline; what a reader holds in mind
constexpr int kFileReview = 500;    // beyond it somebody must say why
constexpr int kFileHard = 800;      // beyond it nobody may
constexpr int kLineColumns = 100;   // two files side by side on one screen
constexpr int kFunctionLines = 70;  // one screen
constexpr int kKernelLines = 150;   // unrolled bodies read straight down
constexpr double kSlack = 1.10;     // an exception may be 10 % larger than needed, for small edits

struct Place {
  int value = 0;
  int line = 0;  // 0: the file as a whole
  std::string subject;
};

/// What a file measures against one budget: its largest, and every place that is over.
struct Measured {
  int limit = 0;
  Place largest;
  std::vector<Place> over;

  void add(const Place& place) {
    if (place.value > largest.value) largest = place;
    if (place.value > limit) over.push_back(place);
  }
};

struct Exception {
  int line = 0;
  int maximum = 0;
  bool used = false;
};

int columns(const std::string& line) {  // UTF-8 code points
  return static_cast<int>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::map<std::string, Measured> measure(const SourceFile& file) {
  Measured whole{kFileReview, {}, {}}, widths{kLineColumns, {}, {}};
  whole.add({static_cast<int>(file.lines.size()), 0, "the file"});
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (file.lines[i].find("://") != std::string::npos) continue;  // an address cannot be broken
    widths.add({columns(file.lines[i]), static_cast<int>(i + 1), "the line"});
  }
  const bool kernels = file.room() == "kernels" || file.room() == "labs";
  Measured functions{kernels ? kKernelLines : kFunctionLines, {}, {}};
  if (file.is_cpp()) {
    for (const auto& one : functions_of(file)) {
      functions.add({one.lines, one.line, one.name + "()"});
    }
  }
  return {{"file_lines", whole}, {"line_columns", widths}, {"function_lines", functions}};
}

std::string remedy(const std::string& budget) {
  if (budget == "file_lines") return "two files, split where the reader would stop to breathe";
  if (budget == "line_columns") return "shorter lines (clang-format does it)";
  return "named steps, each a function";
}

std::map<std::string, Exception> read_exceptions(const Tree& tree, Findings& findings) {
  std::map<std::string, Exception> exceptions;
  const SourceFile* file = tree.find(kExceptions);
  if (file == nullptr) return exceptions;
  for (std::size_t i = 0; i < file->lines.size(); ++i) {
    const int line = static_cast<int>(i + 1);
    if (trim(file->lines[i]).empty() || file->lines[i].front() == '#') continue;
    const auto parts = split(file->lines[i], '|');
    int maximum = 0;
    if (parts.size() == 4) {
      std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), maximum);
    }
    if (parts.size() != 4 || maximum <= 0 || parts[3].size() < 10) {
      findings.push_back({kExceptions, line, "budgets", "an exception needs all four fields",
                          "path | budget | maximum | a reason that convinces a reviewer"});
    } else if (parts[1] == "file_lines" && maximum > kFileHard) {
      findings.push_back(
          {kExceptions, line, "budgets", "no file may have more than 800 lines", "two files"});
    } else {
      exceptions[parts[0] + " | " + parts[1]] = {line, maximum};
    }
  }
  return exceptions;
}

std::string says(const Place& place, const std::string& budget) {
  return place.subject + " has " + std::to_string(place.value) +
         (budget == "line_columns" ? " columns" : " lines");
}

void judge_excepted(const std::string& path, const std::string& budget, const Measured& measured,
                    Exception& exception, Findings& findings) {
  const Place& largest = measured.largest;
  exception.used = true;
  if (measured.over.empty()) {
    findings.push_back({kExceptions, exception.line, "budgets",
                        path + " no longer needs this exception", "nothing: remove the line"});
  } else if (largest.value > exception.maximum) {
    findings.push_back(
        {path, largest.line, "budgets",
         says(largest, budget) + ", its exception allows " + std::to_string(exception.maximum),
         remedy(budget) + "; exceptions only shrink"});
  } else if (exception.maximum > largest.value * kSlack) {
    findings.push_back({kExceptions, exception.line, "budgets",
                        path + " needs " + std::to_string(largest.value) + ": shrink it",
                        std::to_string(largest.value)});
  }
}

void judge(const std::string& path, const std::string& budget, const Measured& measured,
           std::map<std::string, Exception>& exceptions, Findings& findings) {
  const auto found = exceptions.find(path + " | " + budget);
  if (found != exceptions.end()) {
    judge_excepted(path, budget, measured, found->second, findings);
    return;
  }
  for (const Place& place : measured.over) {
    findings.push_back({path, place.line, "budgets",
                        says(place, budget) + ", the budget is " + std::to_string(measured.limit),
                        remedy(budget) + ", or an exception with a reason in " + kExceptions});
  }
  if (budget == "file_lines" && measured.over.empty() && measured.largest.value > kFileTarget) {
    findings.push_back({path, 0, "budgets", says(measured.largest, budget) + ", the target is 300",
                        remedy(budget), true});
  }
}

}  // namespace

Findings check_budgets(const Tree& tree) {
  Findings findings;
  auto exceptions = read_exceptions(tree, findings);
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() && !file.is_script()) continue;
    for (const auto& [budget, measured] : measure(file)) {
      const int value = measured.largest.value;
      if (budget == "file_lines" && value > kFileHard) {
        findings.push_back({path, 0, "budgets",
                            "the file has " + std::to_string(value) +
                                " lines; 800 is the end, with or without exception",
                            remedy(budget)});
        continue;
      }
      judge(path, budget, measured, exceptions, findings);
    }
  }
  for (const auto& [key, exception] : exceptions) {
    if (exception.used) continue;
    findings.push_back({kExceptions, exception.line, "budgets",
                        "'" + key + "' names no file and budget that exist",
                        "the path from the root and file_lines, line_columns or function_lines"});
  }
  return findings;
}

std::string room_statistics(const Tree& tree) {
  std::map<std::string, std::vector<int>> rooms;
  for (const auto& [path, file] : tree.files()) {
    if (!file.is_cpp() && !file.is_script()) continue;
    rooms[file.room().empty() ? "(root)" : file.room()].push_back(
        static_cast<int>(file.lines.size()));
    rooms["all"].push_back(static_cast<int>(file.lines.size()));
  }
  std::string table = "room       files   lines  median file  largest file\n";
  const auto row = [&](const std::string& name, std::vector<int> lines) {
    std::sort(lines.begin(), lines.end());
    int sum = 0;
    for (const int n : lines) sum += n;
    char text[96];
    std::snprintf(text, sizeof(text), "%-9s %6zu %7d %12d %13d\n", name.c_str(), lines.size(), sum,
                  lines[lines.size() / 2], lines.back());
    table += text;
  };
  for (const auto& [name, lines] : rooms) {
    if (name != "all") row(name, lines);
  }
  if (!rooms.empty()) row("all", rooms["all"]);
  return table;
}

}  // namespace aisp::tidy
