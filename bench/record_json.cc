// CaseResult to JSON and back. Field names here are the documented ones (docs/record.schema.json).
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "bench/json_interval.h"
#include "bench/lab.h"
#include "bench/record.h"

namespace aisp::bench {
namespace {

// The enumerator that `json` names; a name of another version is an error, never a default.
template <class Enum>
Enum named(const Json& json, std::initializer_list<Enum> all) {
  const auto text = json.get<std::string>();
  for (const Enum one : all) {
    if (text == name(one)) return one;
  }
  throw Error(fmt::format("unknown word \"{}\"", text), "", "read it with the aisp that wrote it");
}

Json to_json(const PairResult& pair) {
  return {{"ratio", interval_to_json(pair.ratio)},
          {"ratio_wall", interval_to_json(pair.ratio_wall)},
          {"ratio_cpu", interval_to_json(pair.ratio_cpu)},
          {"clock", name(pair.clock)},
          {"verdict", name(pair.verdict)},
          {"rounds", pair.rounds},
          {"rounds_needed", pair.rounds_needed},
          {"disturbed_share", pair.disturbed_share},
          {"contended", pair.contended}};
}

PairResult pair_from(const Json& json) {
  PairResult pair;
  pair.ratio = interval_from_json(json.at("ratio"));
  pair.ratio_wall = interval_from_json(json.at("ratio_wall"));
  pair.ratio_cpu = interval_from_json(json.at("ratio_cpu"));
  pair.clock = named(json.at("clock"), {Clock::kWall, Clock::kCpu, Clock::kDevice});
  pair.verdict = named(json.at("verdict"), {Verdict::kFaster, Verdict::kSlower,
                                            Verdict::kEquivalent, Verdict::kInconclusive});
  json.at("rounds").get_to(pair.rounds);
  json.at("rounds_needed").get_to(pair.rounds_needed);
  json.at("disturbed_share").get_to(pair.disturbed_share);
  json.at("contended").get_to(pair.contended);
  return pair;
}

Json to_json(const CommandUsage& usage) {
  return {{"wall_ns", number_to_json(usage.wall_ns)},
          {"user_ns", number_to_json(usage.user_ns)},
          {"system_ns", number_to_json(usage.system_ns)},
          {"peak_memory_bytes", number_to_json(usage.peak_memory_bytes)},
          {"peak_memory_is_bound", usage.peak_memory_is_bound},
          {"waits", number_to_json(usage.waits)},
          {"preemptions", number_to_json(usage.preemptions)},
          {"shell", usage.shell},
          {"start_ns", number_to_json(usage.start_ns)}};
}

CommandUsage usage_from(const Json& json) {
  CommandUsage usage;
  usage.wall_ns = number_from_json(json.at("wall_ns"), std::nan(""));
  usage.user_ns = number_from_json(json.at("user_ns"), std::nan(""));
  usage.system_ns = number_from_json(json.at("system_ns"), std::nan(""));
  usage.peak_memory_bytes = number_from_json(json.at("peak_memory_bytes"), std::nan(""));
  json.at("peak_memory_is_bound").get_to(usage.peak_memory_is_bound);
  usage.waits = number_from_json(json.at("waits"), std::nan(""));
  usage.preemptions = number_from_json(json.at("preemptions"), std::nan(""));
  json.at("shell").get_to(usage.shell);
  usage.start_ns = number_from_json(json.at("start_ns"), std::nan(""));
  return usage;
}

Json to_json(const TechniqueResult& t) {
  Json json = {{"name", t.name},     {"summary", t.summary},   {"role", t.role},
               {"device", t.device}, {"threads", t.threads},   {"outcome", name(t.outcome)},
               {"reason", t.reason}, {"detector", t.detector}, {"last_output", t.last_output}};
  json["outputs_checked"] = t.outputs_checked;
  json["worst_in_bounds"] = number_to_json(t.worst_in_bounds);
  json["labels"] = t.labels;
  if (t.outcome != Outcome::kOk && t.outcome != Outcome::kNoisy) return json;
  json["pair"] = to_json(t.pair);
  json["margin"] = t.margin;
  json["level"] = t.level;
  json["time_ns"] = interval_to_json(t.time_ns);
  json["p10_ns"] = number_to_json(t.p10_ns);
  json["p90_ns"] = number_to_json(t.p90_ns);
  json["p99_ns"] = number_to_json(t.p99_ns);
  json["gflop_per_s"] = number_to_json(t.gflop_per_s);
  json["gb_per_s"] = number_to_json(t.gb_per_s);
  json["items_per_s"] = number_to_json(t.items_per_s);
  json["floor_ns"] = number_to_json(t.floor_ns);
  json["bound"] = t.bound;
  json["ceiling_fraction"] = number_to_json(t.ceiling_fraction);
  if (!t.beside.empty()) {
    json["beside"] = {{"ceiling", t.beside}, {"fraction", interval_to_json(t.beside_fraction)}};
  }
  json["isolated"] = t.has_isolated ? to_json(t.isolated) : Json(nullptr);
  if (t.usage) json["usage"] = to_json(*t.usage);
  if (t.sm_mhz > 0.0) json["sm_mhz"] = t.sm_mhz;
  if (t.joule > 0.0) json["joule"] = t.joule;
  if (t.profile) json["profile"] = to_json(*t.profile);
  return json;
}

TechniqueResult technique_from(const Json& json) {
  TechniqueResult t;
  json.at("name").get_to(t.name);
  json.at("summary").get_to(t.summary);
  json.at("role").get_to(t.role);
  json.at("device").get_to(t.device);
  json.at("threads").get_to(t.threads);
  json.at("reason").get_to(t.reason);
  json.at("detector").get_to(t.detector);
  json.at("last_output").get_to(t.last_output);
  json.at("outputs_checked").get_to(t.outputs_checked);
  t.worst_in_bounds = number_from_json(json.at("worst_in_bounds"), std::nan(""));
  json.at("labels").get_to(t.labels);
  t.outcome = named(json.at("outcome"), {Outcome::kOk, Outcome::kSkipped, Outcome::kWrong,
                                         Outcome::kImpossible, Outcome::kFailed, Outcome::kNoisy});
  if (t.outcome != Outcome::kOk && t.outcome != Outcome::kNoisy) return t;
  t.pair = pair_from(json.at("pair"));
  json.at("margin").get_to(t.margin);
  json.at("level").get_to(t.level);
  t.time_ns = interval_from_json(json.at("time_ns"));
  t.p10_ns = number_from_json(json.at("p10_ns"), std::nan(""));
  t.p90_ns = number_from_json(json.at("p90_ns"), std::nan(""));
  t.p99_ns = number_from_json(json.at("p99_ns"), std::nan(""));
  t.gflop_per_s = number_from_json(json.at("gflop_per_s"), std::nan(""));
  t.gb_per_s = number_from_json(json.at("gb_per_s"), std::nan(""));
  t.items_per_s = number_from_json(json.at("items_per_s"), std::nan(""));
  t.floor_ns = number_from_json(json.at("floor_ns"), std::nan(""));
  json.at("bound").get_to(t.bound);
  t.ceiling_fraction = number_from_json(json.at("ceiling_fraction"), std::nan(""));
  if (json.contains("beside")) {
    json.at("beside").at("ceiling").get_to(t.beside);
    t.beside_fraction = interval_from_json(json.at("beside").at("fraction"));
  }
  t.has_isolated = !json.at("isolated").is_null();
  if (t.has_isolated) t.isolated = pair_from(json.at("isolated"));
  if (json.contains("usage")) t.usage = usage_from(json.at("usage"));
  t.sm_mhz = json.value("sm_mhz", 0.0);
  t.joule = json.value("joule", 0.0);
  if (json.contains("profile")) t.profile = profile_from_json(json.at("profile"));
  return t;
}

}  // namespace

const char* name(Device device) { return device == Device::kCuda ? "cuda" : "cpu"; }

const char* name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kSkipped:
      return "skipped";
    case Outcome::kWrong:
      return "wrong";
    case Outcome::kImpossible:
      return "impossible";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kNoisy:
      return "noisy";
  }
  return "?";
}

Json to_json(const Series& series) {
  Json json = {
      {"iterations", series.iterations}, {"wall_ns", series.wall_ns}, {"cpu_ns", series.cpu_ns}};
  if (!series.sm_mhz.empty()) json["sm_mhz"] = series.sm_mhz;
  return json;
}

Series series_from_json(const Json& json) {
  Series series;
  json.at("iterations").get_to(series.iterations);
  json.at("wall_ns").get_to(series.wall_ns);
  json.at("cpu_ns").get_to(series.cpu_ns);
  if (json.contains("sm_mhz")) json.at("sm_mhz").get_to(series.sm_mhz);
  return series;
}

Json to_json(const DeviceVitals& device) {
  return {
      {"power_w", {number_to_json(device.power_w_before), number_to_json(device.power_w_after)}},
      {"temperature_c",
       {number_to_json(device.temperature_c_before), number_to_json(device.temperature_c_after)}},
      {"throttle_reasons", device.throttle_reasons},
      {"other_processes", device.other_processes},
      {"joule", device.joule}};
}

DeviceVitals vitals_from_json(const Json& json) {
  DeviceVitals device;
  const double none = std::nan("");
  device.power_w_before = number_from_json(json.at("power_w").at(0), none);
  device.power_w_after = number_from_json(json.at("power_w").at(1), none);
  device.temperature_c_before = number_from_json(json.at("temperature_c").at(0), none);
  device.temperature_c_after = number_from_json(json.at("temperature_c").at(1), none);
  json.at("throttle_reasons").get_to(device.throttle_reasons);
  json.at("other_processes").get_to(device.other_processes);
  json.at("joule").get_to(device.joule);
  return device;
}

Json to_json(const CaseResult& r) {
  Json json = {{"schema", kResultSchema},      {"lab", r.lab},           {"folder", r.folder},
               {"source_hash", r.source_hash}, {"question", r.question}, {"targets", r.targets},
               {"case", r.case_name},          {"origin", r.origin},     {"size", r.size},
               {"params", r.params},           {"baseline", r.baseline}};
  json["work"] = {{"flops", r.flops},           {"flops_dtype", r.flops_dtype},
                  {"bytes_read", r.bytes_read}, {"bytes_written", r.bytes_written},
                  {"items", r.items},           {"item_name", r.item_name},
                  {"medium", r.medium}};
  json["device"] = r.device;
  if (r.device == "cuda") json["gpu"] = {{"cache", r.cache}, {"graph", r.graph}};
  json["working_set_bytes"] = r.working_set_bytes;
  json["started_utc"] = r.started_utc;
  json["seconds"] = r.seconds;
  json["load1"] = r.load1;
  json["steal_share"] = r.steal_share;
  json["checks_off"] = r.checks_off;
  json["techniques"] = Json::array();
  for (const auto& technique : r.techniques) json["techniques"].push_back(to_json(technique));
  json["processes"] = Json::array();
  for (const auto& process : r.processes) {
    Json one = {{"seed", process.seed}, {"seconds", process.seconds}, {"series", Json::object()}};
    for (const auto& [technique, series] : process.series) {
      one["series"][technique] = to_json(series);
    }
    if (process.device) one["device"] = to_json(*process.device);
    json["processes"].push_back(std::move(one));
  }
  return json;
}

CaseResult case_from_json(const Json& json, const std::string& where) {
  try {
    if (json.at("schema") != kResultSchema) {
      throw Error("schema " + json.at("schema").dump() + " is not " + kResultSchema, where,
                  "read it with the aisp that wrote it");
    }
    CaseResult r;
    json.at("lab").get_to(r.lab);
    json.at("folder").get_to(r.folder);
    json.at("source_hash").get_to(r.source_hash);
    json.at("question").get_to(r.question);
    json.at("targets").get_to(r.targets);
    json.at("case").get_to(r.case_name);
    json.at("origin").get_to(r.origin);
    json.at("size").get_to(r.size);
    json.at("params").get_to(r.params);
    json.at("baseline").get_to(r.baseline);
    const Json& work = json.at("work");
    work.at("flops").get_to(r.flops);
    work.at("flops_dtype").get_to(r.flops_dtype);
    work.at("bytes_read").get_to(r.bytes_read);
    work.at("bytes_written").get_to(r.bytes_written);
    work.at("items").get_to(r.items);
    work.at("item_name").get_to(r.item_name);
    work.at("medium").get_to(r.medium);
    r.device = json.value("device", "cpu");  // absent in records older than cases on a GPU
    if (json.contains("gpu")) {
      json.at("gpu").at("cache").get_to(r.cache);
      json.at("gpu").at("graph").get_to(r.graph);
    }
    json.at("working_set_bytes").get_to(r.working_set_bytes);
    json.at("started_utc").get_to(r.started_utc);
    json.at("seconds").get_to(r.seconds);
    json.at("load1").get_to(r.load1);
    json.at("steal_share").get_to(r.steal_share);
    json.at("checks_off").get_to(r.checks_off);
    for (const Json& technique : json.at("techniques")) {
      r.techniques.push_back(technique_from(technique));
    }
    for (const Json& one : json.at("processes")) {
      ProcessRecord process;
      one.at("seed").get_to(process.seed);
      one.at("seconds").get_to(process.seconds);
      for (const auto& [technique, series] : one.at("series").items()) {
        process.series[technique] = series_from_json(series);
      }
      if (one.contains("device")) process.device = vitals_from_json(one.at("device"));
      r.processes.push_back(std::move(process));
    }
    return r;
  } catch (const Json::exception& problem) {
    throw Error(fmt::format("not a result record: {}", problem.what()), where,
                "the file was changed or is of another version");
  } catch (const Error& problem) {
    if (!problem.where().empty()) throw;
    throw Error(problem.problem(), where, problem.remedy());
  }
}

}  // namespace aisp::bench
