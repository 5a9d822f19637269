// Labs built in and labs from modules. See lab_table.h.
#include "bench/lab_table.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/job.h"

namespace aisp::bench {
namespace {

std::vector<LabEntry>& table() {
  static std::vector<LabEntry> labs;
  return labs;
}

}  // namespace

void provide_labs(const std::vector<LabEntry>& labs) { table() = labs; }
const std::vector<LabEntry>& provided_labs() { return table(); }

std::vector<LabEntry> load_lab_module(const std::string& path) {
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    throw Error(fmt::format("cannot be loaded: {}", dlerror()), path,
                "name a shared object built with aisp_lab_module()");
  }
  using Table = const LabEntry* (*)(int, int*);
  const auto table = reinterpret_cast<Table>(dlsym(module, "aisp_lab_module"));
  int count = 0;
  const LabEntry* rows = table == nullptr ? nullptr : table(kLabAbi, &count);
  if (rows == nullptr) {
    throw Error(table == nullptr ? "holds no labs" : "was built against another version of lab.h",
                path, "build it again with aisp_lab_module()");
  }
  return {rows, rows + count};
}

LabEntry find_lab(const std::vector<std::string>& modules, const std::string& name) {
  std::vector<LabEntry> labs = provided_labs();
  for (const std::string& module : modules) {
    const auto more = load_lab_module(module);
    labs.insert(labs.end(), more.begin(), more.end());
  }
  std::vector<std::string> names;
  for (const LabEntry& lab : labs) {
    names.push_back(std::string(lab.chapter) + ":" + lab.name);
    if (names.back() == name) return lab;
  }
  throw Error("no such lab", name, "did you mean " + nearest(name, names) + "?");
}

}  // namespace aisp::bench
