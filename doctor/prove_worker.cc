// One side of a proof: takes on what its side is given, makes the workload, times epochs as told.
#include <map>

#include "base/error.h"
#include "bench/duel.h"
#include "bench/duel_answers.h"
#include "doctor/proofs/process_settings.h"
#include "doctor/proofs/workload.h"
#include "doctor/prove.h"

namespace aisp::doctor {
namespace {

using bench::Json;

Json technique(const Prepared& made, const std::string& fault) {
  return {
      {"name", "workload"}, {"threads", made.threads}, {"blocks", made.blocks}, {"fault", fault}};
}

}  // namespace

int prove_worker_main() {
  Prepared made;
  bench::Contender contender;
  double least_ns = 0.0;
  bench::DuelAnswers answers;
  answers.ready = [&](const Json& job) {
    std::string fault;
    try {
      apply_to_this_process(job.at("process").get<Words>());
      made = make_workload(job.at("workload"),
                           Arguments(job.at("arguments").get<Words>(), job.at("scratch")));
      if (made.before_each) made.before_each();
      made.run(1);
      if (made.wrong) fault = made.wrong();
    } catch (const Error& problem) {
      fault = problem.what();
    }
    contender.run = made.run;
    contender.before_each = made.before_each;
    contender.threads = made.threads;
    contender.blocks = made.blocks;
    return Json{{"protocol", bench::kDuelProtocol},
                {"techniques", Json::array({technique(made, fault)})},
                {"work", made.work},
                {"unit", made.unit}};
  };
  answers.time = [&](std::size_t, std::uint64_t n) {
    return bench::answer_epoch(contender, n, least_ns);
  };
  answers.end = [&] {
    const std::string fault = made.wrong ? made.wrong() : "";
    Json faults = Json::object();
    if (!fault.empty()) faults["workload"] = fault;
    return Json{{"faults", faults}};
  };
  return bench::converse(answers);
}

}  // namespace aisp::doctor
