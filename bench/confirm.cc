// See confirm.h.
#include "bench/confirm.h"

#include <algorithm>

namespace aisp::bench {
namespace {

bool fell(const JobOutcome& outcome, const std::string& technique) {
  return std::any_of(outcome.events.begin(), outcome.events.end(), [&](const TechniqueEvent& e) {
    return e.technique == technique || e.technique.empty();
  });
}

}  // namespace

bool judged_by_time(const std::string& detector) {
  return detector == "repeat" || detector == "clock" || detector == "other-stream";
}

std::vector<JobOutcome> run_confirmed(const Job& job,
                                      const std::function<JobOutcome(const Job&)>& supervise,
                                      std::uint64_t second_seed) {
  std::vector<JobOutcome> outcomes;
  outcomes.push_back(supervise(job));
  JobOutcome& first = outcomes.front();
  std::vector<std::string> suspects;
  for (const TechniqueEvent& event : first.events) {
    if (judged_by_time(event.detector)) suspects.push_back(event.technique);
  }
  if (suspects.empty() || first.interrupted) return outcomes;
  const auto suspected = [&](const std::string& name) {
    return std::find(suspects.begin(), suspects.end(), name) != suspects.end();
  };
  Job again = job;
  again.seed = second_seed;
  if (suspected(job.techniques.front())) {
    outcomes.clear();  // without the baseline nobody was paired
  } else {
    std::erase_if(again.techniques, [&](const std::string& name) {
      return name != job.techniques.front() && !suspected(name);
    });
    std::erase_if(first.events, [&](const TechniqueEvent& e) { return suspected(e.technique); });
    for (const std::string& name : suspects) first.findings.erase(name);
  }
  JobOutcome second = supervise(again);
  for (const std::string& name : suspects) {
    if (fell(second, name)) continue;
    second.notes.push_back(job.lab + " " + name +
                           ": its times looked like a cheat's once; a second process cleared it");
  }
  outcomes.push_back(std::move(second));
  return outcomes;
}

}  // namespace aisp::bench
