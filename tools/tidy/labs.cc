// A lab is complete or it is not there: the files and the README sections that every lab has, and
// one technique for each file.
#include <map>
#include <regex>
#include <set>

#include "tools/tidy/rules.h"

namespace aisp::tidy {
namespace {

constexpr const char* kSkeleton = "docs/skeleton/lab";  // what people copy keeps the rules too

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// "online" for online.cc, online_sm90.cu and online_rdc.cu; "" for files that are no technique.
std::string technique_of(const SourceFile& file) {
  const std::string name = file.name();
  const std::string extension = file.extension();
  if (extension != ".cc" && extension != ".cu") return "";
  if (name == "lab.cc" || name == "problem.cc" || name == "problem.cu" ||
      ends_with(name, "_test.cc"))
    return "";
  const std::string stem = name.substr(0, name.size() - extension.size());
  if (ends_with(stem, "_sm90")) return stem.substr(0, stem.size() - 5);
  return ends_with(stem, "_rdc") ? stem.substr(0, stem.size() - 4) : stem;
}

void check_readme(const SourceFile& readme, Findings& findings) {
  std::map<std::string, int> at;
  for (std::size_t i = 0; i < readme.lines.size(); ++i) {
    if (readme.lines[i].rfind("## ", 0) == 0) {
      at.emplace(trim(std::string_view(readme.lines[i]).substr(3)), static_cast<int>(i + 1));
    }
  }
  for (const std::string section : {"Question", "Prediction", "Result", "Sources"}) {
    if (!at.count(section)) {
      findings.push_back(
          {readme.path, 0, "labs", "the section '## " + section + "' is missing", "## " + section});
    } else {
      std::size_t words = 0;
      for (std::size_t i = at[section]; i < readme.lines.size(); ++i) {
        if (readme.lines[i].rfind("## ", 0) == 0) break;
        words += readme.lines[i].size();
      }
      if (words < 20) {
        findings.push_back({readme.path, at[section], "labs",
                            "the section '" + section + "' is empty", "at least one sentence"});
      }
    }
  }
  if (at.count("Prediction") && at.count("Result") && at["Prediction"] > at["Result"]) {
    findings.push_back({readme.path, at["Prediction"], "labs",
                        "a prediction after the result is no prediction",
                        "## Prediction before ## Result"});
  }
}

void check_folder(const std::string& folder, const std::vector<const SourceFile*>& files,
                  Findings& findings) {
  std::string sources;
  std::vector<const SourceFile*> techniques;
  std::set<std::string> names;
  for (const SourceFile* file : files) {
    names.insert(file->name());
    if (file->is_cpp() && !ends_with(file->name(), "_test.cc")) sources += file->text;
    if (!technique_of(*file).empty()) techniques.push_back(file);
    if (file->name() == "README.md") check_readme(*file, findings);
  }
  for (const std::string needed : {"README.md", "lab.cc", "problem.h", "lab_test.cc"}) {
    if (names.count(needed)) continue;
    findings.push_back(
        {folder + "/" + needed, 0, "labs", "the lab lacks this file", "see docs/ADDING_A_LAB.md"});
  }
  if (techniques.size() < 2) {
    findings.push_back({folder, 0, "labs", "a lab compares at least two techniques",
                        "one .cc file for each, named after what it does"});
  }
  for (const SourceFile* file : techniques) {
    const std::string name = technique_of(*file);
    if (sources.find("\"" + name + "\"") == std::string::npos) {
      findings.push_back({file->path, 0, "labs", "no technique is named \"" + name + "\"",
                          "the technique's name equal to its file's; shared code in a header"});
    }
  }
}

}  // namespace

Findings check_labs(const Tree& tree) {
  Findings findings;
  static const std::regex lab_folder("labs/ch[0-9]{2}_[a-z0-9_]+/[a-z0-9_]+");
  static const std::regex below_lab("(labs/ch[0-9]{2}_[a-z0-9_]+/[a-z0-9_]+)/.+");
  std::map<std::string, std::vector<const SourceFile*>> labs;
  for (const auto& [path, file] : tree.files()) {
    const std::string folder = file.folder();
    if (folder == kSkeleton) labs[folder].push_back(&file);
    if (file.room() != "labs") continue;
    if (std::regex_match(folder, lab_folder)) {
      labs[folder].push_back(&file);
    } else if (!std::regex_match(folder, below_lab) && file.name() != "README.md") {
      findings.push_back({path, 0, "labs", "this file is in no lab's folder",
                          "labs/chNN_topic/<lab>/" + file.name()});
    }
  }
  for (const auto& [folder, files] : labs) check_folder(folder, files, findings);
  return findings;
}

}  // namespace aisp::tidy
