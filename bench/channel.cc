// The worker's side of the private channel, the job as JSON, and the worker's entry point.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <iterator>

#include "base/error.h"
#include "bench/job.h"
#include "bench/sandbox.h"

namespace aisp::bench {
namespace {

Json to_json(const ProcessRecord& process) {
  Json json = {{"seed", process.seed}, {"seconds", process.seconds}, {"series", Json::object()}};
  for (const auto& [name, series] : process.series) {
    json["series"][name] = to_json(series);
  }
  if (process.device) json["device"] = to_json(*process.device);
  return json;
}

// Every line carries the token: what else arrives on the descriptor is not from the instrument.
class ChannelReporter final : public Reporter {
 public:
  ChannelReporter(int file, std::string token) : file_(file), token_(std::move(token)) {}

  void phase(const std::string& technique, const std::string& phase) override {
    send({{"type", "phase"}, {"technique", technique}, {"phase", phase}});
  }
  void outcome(const std::string& technique, Outcome outcome, const std::string& detector,
               const std::string& reason) override {
    send({{"type", "outcome"},
          {"technique", technique},
          {"outcome", static_cast<int>(outcome)},
          {"detector", detector},
          {"reason", reason}});
  }
  void done(const ProcessRecord& record,
            const std::map<std::string, TechniqueFindings>& findings) override {
    Json found = Json::object();
    for (const auto& [name, one] : findings) {
      found[name] = {{"outputs_checked", one.outputs_checked},
                     {"worst_in_bounds", one.worst_in_bounds}};
      if (one.has_isolated) {
        found[name]["isolated"] = {one.isolated.ratio.estimate, one.isolated.ratio.low,
                                   one.isolated.ratio.high, one.isolated.rounds};
      }
      if (!one.kernel.empty()) found[name]["kernel"] = one.kernel;
    }
    send({{"type", "done"}, {"process", to_json(record)}, {"findings", found}});
  }

  void send(Json message) {
    message["token"] = token_;
    // Reasons may hold any bytes that a technique put into an exception.
    const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    for (std::size_t at = 0; at < line.size();) {
      const ssize_t written = write(file_, line.data() + at, line.size() - at);
      if (written <= 0) _exit(9);  // the supervisor is gone
      at += static_cast<std::size_t>(written);
    }
  }

 private:
  int file_;
  std::string token_;
};

}  // namespace

Json to_json(const Job& job) {
  return {{"modules", job.modules},
          {"lab", job.lab},
          {"case", job.case_name},
          {"size", job.size},
          {"techniques", job.techniques},
          {"ceiling_threads", job.ceiling_threads},
          {"seed", job.seed},
          {"budget_s", job.budget_s},
          {"epoch_ns", job.epoch_ns},
          {"margin", job.margin},
          {"level", job.level},
          {"precision", job.precision},
          {"iterations", job.iterations},
          {"isolated", job.isolated},
          {"device", name(job.device)},
          {"cache", name(job.cache)},
          {"graph", job.graph},
          {"energy", job.energy},
          {"nvtx", job.nvtx},
          {"checks_off", job.checks_off},
          {"memory_limit_bytes", job.memory_limit_bytes},
          {"scratch_folder", job.scratch_folder}};
}

Job job_from_json(const Json& json) {
  Job job;
  json.at("modules").get_to(job.modules);
  json.at("lab").get_to(job.lab);
  json.at("case").get_to(job.case_name);
  json.at("size").get_to(job.size);
  json.at("techniques").get_to(job.techniques);
  json.at("ceiling_threads").get_to(job.ceiling_threads);
  json.at("seed").get_to(job.seed);
  json.at("budget_s").get_to(job.budget_s);
  json.at("epoch_ns").get_to(job.epoch_ns);
  json.at("margin").get_to(job.margin);
  json.at("level").get_to(job.level);
  json.at("precision").get_to(job.precision);
  json.at("iterations").get_to(job.iterations);
  json.at("isolated").get_to(job.isolated);
  job.device = json.at("device") == name(Device::kCuda) ? Device::kCuda : Device::kCpu;
  for (const CacheMode mode : {CacheMode::kWarm, CacheMode::kCold, CacheMode::kDirty}) {
    if (json.at("cache") == name(mode)) job.cache = mode;
  }
  json.at("graph").get_to(job.graph);
  json.at("energy").get_to(job.energy);
  json.at("nvtx").get_to(job.nvtx);
  json.at("checks_off").get_to(job.checks_off);
  json.at("memory_limit_bytes").get_to(job.memory_limit_bytes);
  json.at("scratch_folder").get_to(job.scratch_folder);
  return job;
}

int worker_main(int channel) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string text((std::istreambuf_iterator<char>(std::cin)), {});
  std::string token;
  Job job;
  try {
    const Json json = Json::parse(text);
    token = json.at("token").get<std::string>();
    job = job_from_json(json);
  } catch (const Json::exception&) {
    throw Error("this command is for aisp itself", "bench worker", "use aisp bench run");
  }
  ChannelReporter reporter(channel, token);
  const Checks checks(job.checks_off);
  // CUDA maps all of its device memory and more into the address space: the limit would refuse it.
  const bool limits = checks.on("memory-limit") && job.device == Device::kCpu;
  if (limits) limit_memory(job.memory_limit_bytes);
  if (checks.on("signal-others")) {
    if (const auto why = forbid_signals_to_others(); !why.empty()) {
      reporter.send({{"type", "note"}, {"text", why}});
    }
  }
  try {
    run_job(job, reporter);
  } catch (const std::exception& problem) {
    reporter.outcome("", Outcome::kFailed, "", problem.what());
    return 1;
  }
  return 0;
}

}  // namespace aisp::bench
