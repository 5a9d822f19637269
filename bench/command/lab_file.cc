// From TOML to labs of commands. See lab_file.h.
#include "bench/command/lab_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/command/printed_time.h"
#include "bench/command/spawn.h"
#include "bench/command/toml_table.h"

namespace aisp::bench::command {
namespace {

namespace fs = std::filesystem;

using Values = std::map<std::string, std::string>;

/// A name that globs, file names and JSON can carry.
std::string name_of(TomlTable& table) {
  const std::string name = table.required_text("name");
  constexpr const char* kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-+";
  if (name.find_first_not_of(kAllowed) != std::string::npos) {
    table.fail("name", "the name \"" + name + "\" has other letters than a-z, 0-9, _ . - +",
               "choose a plain name");
  }
  return name;
}

/// Replaces {key} for every known key; all other braces stay. Used keys are added to `used`.
std::string filled(const std::string& text, const Values& values, std::set<std::string>& used) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find('{', at);
    const std::size_t close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    const std::string key = text.substr(open + 1, close - open - 1);
    const auto found = values.find(key);
    out += text.substr(at, open - at);
    if (found == values.end()) {
      out += '{';
      at = open + 1;
      continue;
    }
    used.insert(key);
    out += found->second;
    at = close + 1;
  }
  return out;
}

Work work_of(TomlTable& table) {
  Work work;
  work.flops = table.amount("flops").value_or(0.0);
  if (const auto dtype = table.text("flops_dtype")) {
    const auto known = dtype_of_name(*dtype);
    if (!known) table.fail("flops_dtype", "unknown type " + *dtype, "write f32, f64, bf16, i8 ...");
    work.flops_dtype = *known;
  }
  work.bytes_read = table.amount("bytes_read").value_or(0.0);
  work.bytes_written = table.amount("bytes_written").value_or(0.0);
  work.items = table.amount("items").value_or(0.0);
  work.item_name = table.text("item_name").value_or("");
  constexpr Work::Medium kMedia[] = {Work::Medium::kMemory, Work::Medium::kDisk,
                                     Work::Medium::kNone};
  // A whole process also starts, reads files and prints: no memory ceiling unless asked for.
  work.medium = kMedia[table.choice("medium", {"memory", "disk", "none"}).value_or(2)];
  table.no_other_keys();
  return work;
}

OutputCheck check_of(TomlTable& table) {
  OutputCheck check;
  check.of = table.choice("of", {"stdout", "file"}).value_or(0) == 0 ? OutputCheck::Of::kStdout
                                                                     : OutputCheck::Of::kFile;
  const auto dtype = table.text("dtype");
  if (dtype) check.element = element_of(*dtype, table.where("dtype"));
  check.relative = table.amount("rtol").value_or(0.0);
  check.absolute = table.amount("atol").value_or(0.0);
  check.ulps = table.amount("ulps").value_or(0.0);
  const bool tolerant = check.relative + check.absolute + check.ulps > 0.0;
  constexpr OutputCheck::As kAll[] = {OutputCheck::As::kBytes, OutputCheck::As::kNpy,
                                      OutputCheck::As::kRaw, OutputCheck::As::kText};
  const auto as = table.choice("as", {"bytes", "npy", "raw", "text"});
  check.as = as ? kAll[*as] : kind_of_file("", dtype.has_value(), tolerant);
  if (check.as == OutputCheck::As::kRaw && !dtype) {
    table.fail("as", "raw numbers have no dtype", "add dtype = \"f32\"");
  }
  if (check.as == OutputCheck::As::kBytes && (tolerant || dtype)) {
    table.fail("as", "bytes have no tolerance and no dtype",
               "write as = \"npy\", \"raw\" or \"text\"");
  }
  table.no_other_keys();
  return check;
}

/// What a technique's table says before its words are filled in for a case.
struct Template {
  std::string name;
  Command command;
};

struct CaseText {
  std::string name, where;
  Values full, smoke;
};

class Reader {
 public:
  Reader(TomlTable table, std::string chapter, const std::string& file)
      : table_(std::move(table)), folder_(fs::absolute(file).parent_path().string()) {
    lab_.chapter = std::move(chapter);
    lab_.file = file;
  }

  CommandLab read() {
    lab_.name = name_of(table_);
    lab_.folder = fs::path(lab_.file).replace_extension().string() + "/" + lab_.name;
    read_rules();
    for (TomlTable& technique : table_.tables("technique")) read_technique(technique);
    if (templates_.size() < 2) {
      table_.fail("technique",
                  fmt::format("lab {} has {} techniques", lab_.name, templates_.size()),
                  "compare at least two: [[lab.technique]]");
    }
    read_baseline();
    for (TomlTable& one : table_.tables("case")) read_case(one);
    if (cases_.empty()) {
      cases_.push_back({"run", table_.where(), {}, {}});
      lab_.lab.cases.push_back({"run", "", {}, {}});
      lab_.full["run"] = lab_.smoke["run"] = {};
    }
    lab_.lab.question = table_.text("question").value_or(default_question());
    lab_.lab.targets = table_.texts("targets");
    if (lab_.lab.targets.empty()) lab_.lab.targets = {lab_.chapter + ":" + lab_.name};
    lab_.lab.tags = table_.texts("tags");
    table_.no_other_keys();
    for (const CaseText& one : cases_) fill_case(one);
    for (Technique& technique : lab_.lab.techniques) add_needs(technique);
    lab_.hash = hash_of(lab_);
    return std::move(lab_);
  }

 private:
  void read_rules() {
    CommandRules& rules = lab_.rules;
    constexpr TimeSource kTimes[] = {TimeSource::kAuto, TimeSource::kWall, TimeSource::kCpu,
                                     TimeSource::kPrinted};
    rules.time = kTimes[table_.choice("time", {"auto", "wall", "cpu", "printed"}).value_or(0)];
    if (const auto key = table_.text("json_key")) {
      unit_of_key(*key, table_.where("json_key"));
      rules.json_key = *key;
    }
    rules.warmup = static_cast<int>(std::clamp(table_.amount("warmup").value_or(1), 1.0, 1000.0));
    rules.time_limit_s = table_.amount("time_limit_s").value_or(0.0);
    rules.ignore_exit = table_.boolean("ignore_exit").value_or(false);
    if (auto check = table_.table("check")) rules.check = check_of(*check);
    common_ = command_of(table_, Command{});
  }

  /// The keys that a lab sets for all its techniques and a technique for itself.
  Command command_of(TomlTable& table, Command base) {
    if (const auto prepare = table.text("prepare")) base.prepare = *prepare;
    if (const auto cwd = table.text("cwd")) base.cwd = *cwd;
    if (const auto shell = table.boolean("shell")) {
      base.shell = *shell ? ShellUse::kAlways : ShellUse::kNever;
    }
    if (auto environment = table.table("env")) {
      for (const auto& [name, value] : environment->values()) base.environment[name] = value;
    }
    return base;
  }

  void read_technique(TomlTable& table) {
    Technique technique;
    technique.name = name_of(table);
    technique.summary = table.text("summary").value_or("");
    technique.threads = static_cast<int>(table.amount("threads").value_or(0));
    if (table.choice("role", {"technique", "peer"}).value_or(0) == 1) technique.role = Role::kPeer;
    Template one{technique.name, command_of(table, common_)};
    one.command.line = table.required_text("command");
    one.command.output = table.text("output").value_or("");
    if (lab_.rules.check.of == OutputCheck::Of::kFile && one.command.output.empty()) {
      table.fail("", fmt::format("technique {} names no output to check", one.name),
                 "add output = \"file\"");
    }
    if (technique.summary.empty()) technique.summary = one.command.line;
    for (const Template& other : templates_) {
      if (other.name == one.name) {
        table.fail("name", "a second technique is called " + one.name, "choose another name");
      }
    }
    table.no_other_keys();
    lab_.lab.techniques.push_back(std::move(technique));
    templates_.push_back(std::move(one));
  }

  void read_baseline() {
    lab_.lab.baseline = table_.text("baseline").value_or(templates_.front().name);
    std::vector<std::string> names;
    for (const Template& one : templates_) names.push_back(one.name);
    if (std::find(names.begin(), names.end(), lab_.lab.baseline) != names.end()) return;
    const std::string close = nearest(lab_.lab.baseline, names);
    table_.fail("baseline", "no technique is called " + lab_.lab.baseline,
                close.empty() ? "name one of this lab" : "did you mean " + close + "?");
  }

  void read_case(TomlTable& table) {
    CaseText text;
    Case one;
    one.name = text.name = name_of(table);
    text.where = table.where();
    one.origin = table.text("origin").value_or("");
    CommandCase full, smoke;
    std::map<std::string, std::int64_t> integers;
    if (auto values = table.table("values")) text.full = values->values(&integers);
    for (const auto& [key, value] : integers) one.full.set(key, value);
    if (auto work = table.table("work")) full.work = work_of(*work);
    text.smoke = text.full;
    one.smoke = one.full;
    smoke.work = full.work;
    if (auto small = table.table("smoke")) read_smoke(*small, text, one, smoke);
    table.no_other_keys();
    if (!lab_.full.emplace(one.name, std::move(full)).second) {
      table.fail("name", "a second case is called " + one.name, "choose another name");
    }
    lab_.smoke[one.name] = std::move(smoke);
    lab_.lab.cases.push_back(std::move(one));
    cases_.push_back(std::move(text));
  }

  static void read_smoke(TomlTable& table, CaseText& text, Case& one, CommandCase& smoke) {
    std::map<std::string, std::int64_t> integers;
    if (auto values = table.table("values")) {
      for (const auto& [key, value] : values->values(&integers)) {
        if (text.full.count(key) == 0) {
          values->fail(key, "value " + key + " is not among those of the full size",
                       "add it to values");
        }
        text.smoke[key] = value;
      }
    }
    for (const auto& [key, value] : integers) one.smoke.set(key, value);
    smoke.work = {};
    if (auto work = table.table("work")) smoke.work = work_of(*work);
    table.no_other_keys();
  }

  std::string default_question() const {
    return fmt::format("Which takes less time: {} or {}?", templates_[0].name, templates_[1].name);
  }

  void fill_case(const CaseText& text) {
    std::set<std::string> used;
    for (const Template& one : templates_) {
      lab_.full[text.name].commands[one.name] = fill(one, text.name, text.full, used);
      lab_.smoke[text.name].commands[one.name] = fill(one, text.name, text.smoke, used);
    }
    for (const auto& [key, value] : text.full) {
      if (used.count(key) != 0) continue;
      throw UsageError(fmt::format("no command of the lab uses the value {}", key), text.where,
                       "write {" + key + "} where it belongs");
    }
  }

  Command fill(const Template& one, const std::string& case_name, Values values,
               std::set<std::string>& used) const {
    values["technique"] = one.name;
    values["case"] = case_name;
    Command command = one.command;
    for (std::string* text : {&command.line, &command.prepare, &command.output, &command.cwd}) {
      *text = filled(*text, values, used);
    }
    for (auto& [name, value] : command.environment) value = filled(value, values, used);
    command.cwd = (fs::path(folder_) / command.cwd).lexically_normal().string();
    return command;
  }

  void add_needs(Technique& technique) const {
    const Command command = lab_.full.begin()->second.commands.at(technique.name);
    technique.needs = [command](const machine::Cpu&) -> WhyNot {
      try {
        make_startable(command.line, command, "");
        return "";
      } catch (const Error& problem) {
        return problem.problem();
      }
    };
  }

  TomlTable table_;
  const std::string folder_;
  CommandLab lab_;
  Command common_;
  std::vector<Template> templates_;
  std::vector<CaseText> cases_;
};

}  // namespace

bool is_lab_file(const std::string& path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".toml") == 0;
}

std::vector<CommandLab> read_lab_file(const std::string& path) {
  TomlTable file = TomlTable::read(path);
  const std::string chapter = file.text("chapter").value_or("mine");
  if (chapter.empty() || chapter.find_first_of(":/* ") != std::string::npos) {
    file.fail("chapter", "\"" + chapter + "\" is no name for a chapter", "choose a plain word");
  }
  std::vector<CommandLab> labs;
  for (TomlTable& table : file.tables("lab")) labs.push_back(Reader(table, chapter, path).read());
  file.no_other_keys();
  if (labs.empty()) throw UsageError("holds no labs", path, "begin one with [[lab]]");
  return labs;
}

}  // namespace aisp::bench::command
