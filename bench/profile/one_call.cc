// See one_call.h.
#include "bench/profile/one_call.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "bench/job.h"
#include "machine/device_marks.h"

namespace aisp::bench {
namespace {

Job read_job(const std::string& path) {
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  try {
    Job job = job_from_json(Json::parse(text));
    if (job.techniques.size() == 1 && job.device == Device::kCuda) return job;
  } catch (const Json::exception&) {
  }
  throw Error("this command is for aisp itself", "bench profile-worker",
              "use aisp bench run --profile deep_dive");
}

}  // namespace

int profile_worker_main(const std::string& path) {
  const Job job = read_job(path);
  const Lab lab = find_lab(job.modules, job.lab).describe();
  const auto one = std::find_if(lab.cases.begin(), lab.cases.end(),
                                [&](const Case& each) { return each.name == job.case_name; });
  const auto technique =
      std::find_if(lab.techniques.begin(), lab.techniques.end(),
                   [&](const Technique& each) { return each.name == job.techniques.front(); });
  if (one == lab.cases.end() || technique == lab.techniques.end() || !technique->plan) {
    throw Error("no such case or technique", job.lab, "use aisp bench run --profile deep_dive");
  }
  const Params& params = job.size == "smoke" ? one->smoke : one->full;
  DeviceBench device({.cache = job.cache, .graph = false, .held = false});
  InputSet set(lab.problem(params), job.scratch_folder, device.stream_only());
  set.fill(lab, params, job.seed);
  const std::unique_ptr<Plan> plan = technique->plan(params);
  const auto call = [&] {
    if (lab.before_each) lab.before_each(params, set.io());
    device.call(*plan, set);
  };
  call();
  machine::device_wait();
  machine::begin_counting();
  if (job.nvtx) machine::begin_range(technique->name + ": profile");
  call();
  machine::device_wait();
  if (job.nvtx) machine::end_range();
  machine::end_counting();
  return 0;
}

}  // namespace aisp::bench
