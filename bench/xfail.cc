// The list of known failures, written by hand: who, why, and until when. See gate.h.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/gate.h"

namespace aisp::bench {
namespace {

// YYYY-MM-DD with a month and a day that exist; months are taken as 31 days long at most.
bool is_date(const std::string& text) {
  int year = 0, month = 0, day = 0, used = 0;
  if (text.size() != 10) return false;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3) return false;
  return used == 10 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

Xfail xfail_from(const Json& json) {
  if (!json.is_object()) throw Error("each entry is an object", "", "");
  Xfail xfail;
  const std::map<std::string, std::string*> fields = {{"lab", &xfail.lab},
                                                      {"case", &xfail.case_name},
                                                      {"technique", &xfail.technique},
                                                      {"reason", &xfail.reason},
                                                      {"until", &xfail.until}};
  std::vector<std::string> known;
  for (const auto& [field, ignored] : fields) known.push_back(field);
  for (const auto& [field, value] : json.items()) {
    if (fields.count(field) == 0) {
      const std::string close = nearest(field, known);
      throw Error(fmt::format("unknown field \"{}\"{}", field,
                              close.empty() ? "" : ", did you mean \"" + close + "\"?"),
                  "", "");
    }
    *fields.at(field) = value.get<std::string>();
  }
  for (const auto& [field, value] : fields) {
    if (value->empty()) throw Error(fmt::format("\"{}\" is missing", field), "", "");
  }
  if (!is_date(xfail.until)) throw Error("\"until\" is not a date like 2027-01-31", "", "");
  return xfail;
}

}  // namespace

std::vector<Xfail> read_xfails(const std::string& path) {
  std::vector<Xfail> all;
  if (!std::filesystem::exists(path)) return all;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  try {
    const Json json = Json::parse(text);
    if (!json.is_array()) throw Error("a list of entries is expected", "", "");
    for (const Json& entry : json) all.push_back(xfail_from(entry));
  } catch (const Json::exception& problem) {
    throw Error(fmt::format("damaged list of known failures: {}", problem.what()), path, "");
  } catch (const Error& problem) {
    throw Error(fmt::format("entry {}: {}", all.size() + 1, problem.problem()), path,
                "see docs/GATE.md");
  }
  return all;
}

}  // namespace aisp::bench
