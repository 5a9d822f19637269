// The examination as a JSON document and back. See examine.h.
#include "base/error.h"
#include "doctor/decided_on_trees.h"
#include "doctor/examine.h"

namespace aisp::doctor {
namespace {

constexpr const char* kSchema = "aisp.doctor";
constexpr int kVersion = 1;
constexpr const char* kFixKinds[] = {"write", "variable", "command"};

Verdict verdict_of(const std::string& word) {
  for (int i = 0; i <= static_cast<int>(Verdict::kListed); ++i) {
    if (word == name(static_cast<Verdict>(i))) return static_cast<Verdict>(i);
  }
  throw Error("unknown verdict '" + word + "'", "doctor document", "make it with this version");
}

Fix::Kind fix_kind_of(const std::string& word) {
  for (int i = 0; i < 3; ++i) {
    if (word == kFixKinds[i]) return static_cast<Fix::Kind>(i);
  }
  throw Error("unknown fix '" + word + "'", "doctor document", "make it with this version");
}

}  // namespace

Json to_json(const Finding& finding) {
  Json json = {{"verdict", name(finding.verdict)}, {"says", finding.says}};
  json["evidence"] = Json::array();
  for (const Reading& reading : finding.evidence) {
    json["evidence"].push_back({{"source", reading.source}, {"value", reading.value}});
  }
  if (!finding.cost.empty()) json["cost"] = finding.cost;
  for (const Fix& fix : finding.fixes) {
    json["fixes"].push_back({{"kind", kFixKinds[static_cast<int>(fix.kind)]},
                             {"target", fix.target},
                             {"value", fix.value}});
  }
  return json;
}

Finding finding_from_json(const Json& json) {
  Finding finding;
  finding.verdict = verdict_of(json.at("verdict"));
  finding.says = json.at("says");
  for (const Json& reading : json.value("evidence", Json::array())) {
    finding.evidence.push_back({reading.at("source"), reading.at("value")});
  }
  finding.cost = json.value("cost", "");
  for (const Json& fix : json.value("fixes", Json::array())) {
    finding.fixes.push_back({fix_kind_of(fix.at("kind")), fix.at("target"), fix.at("value")});
  }
  return finding;
}

Json to_json(const Examination& examination) {
  Json json = {{"schema", kSchema},
               {"schema_version", kVersion},
               {"program", examination.program},
               {"host", examination.host},
               {"when", examination.when},
               {"tree", examination.tree},
               {"seconds", examination.seconds}};
  const Counts counts = count(examination);
  Json summary = {{"items", counts.all},
                  {"decided", counts.decided},
                  {"decided_only_on_recorded_trees", counts.decided_elsewhere}};
  for (const auto& [verdict, number] : counts.by_verdict) summary[name(verdict)] = number;
  json["summary"] = summary;
  for (const Reading& reading : examination.granted) {
    json["granted"].push_back({{"what", reading.source}, {"value", reading.value}});
  }
  json["rows"] = Json::array();
  for (const Row& row : examination.rows) {
    Json entry = {{"id", row.item.id},
                  {"section", row.item.section},
                  {"title", row.item.title},
                  {"kind", name(row.item.kind)},
                  {"needs", row.item.needs}};
    entry.update(to_json(row.finding));
    if (row.finding.verdict == Verdict::kWarn || row.finding.verdict == Verdict::kFail) {
      entry["remedy"] = row.item.fix;
    }
    entry["seconds"] = row.seconds;
    json["rows"].push_back(std::move(entry));
  }
  json["facts"] = to_json(examination.facts);
  return json;
}

Examination examination_from_json(const Json& json) try {
  if (json.value("schema", "") != kSchema || json.value("schema_version", 0) != kVersion) {
    throw Error("not an aisp.doctor document of version 1", "doctor document",
                "make it with aisp doctor --json");
  }
  Examination examination;
  examination.program = json.at("program");
  examination.host = json.at("host");
  examination.when = json.at("when");
  examination.tree = json.value("tree", "");
  examination.seconds = json.value("seconds", 0.0);
  for (const Json& entry : json.at("rows")) {
    Row row;
    const std::string id = entry.at("id");
    if (const Item* const item = find_item(id)) row.item = *item;
    row.item.id = id;
    row.item.section = entry.at("section");
    row.item.title = entry.at("title");
    row.finding = finding_from_json(entry);
    row.seconds = entry.value("seconds", 0.0);
    examination.rows.push_back(std::move(row));
  }
  examination.facts = machine::facts_from_json(json.value("facts", Json::object()));
  return examination;
} catch (const nlohmann::json::exception& problem) {
  throw Error(problem.what(), "doctor document", "make it again with aisp doctor --json");
}

Counts count(const Examination& examination) {
  Counts counts;
  for (const Row& row : examination.rows) {
    ++counts.all;
    ++counts.by_verdict[row.finding.verdict];
    const Verdict verdict = row.finding.verdict;
    if (verdict == Verdict::kOk || verdict == Verdict::kWarn || verdict == Verdict::kFail) {
      ++counts.decided;
    } else if (decided_on_trees().contains(row.item.id)) {
      ++counts.decided_elsewhere;
    }
  }
  return counts;
}

}  // namespace aisp::doctor
