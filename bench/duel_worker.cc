// One side of a comparison of builds: see duel.h. Verifies every technique on small and ragged
// sizes, then times epochs of the real size as it is told; outputs are checked before and after.
#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/rng.h"
#include "bench/duel.h"
#include "bench/duel_answers.h"
#include "bench/job.h"
#include "bench/memory.h"
#include "bench/trial.h"
#include "bench/verify.h"
#include "machine/cpu.h"

namespace aisp::bench {
namespace {

class Side {
 public:
  explicit Side(const Job& job) : lab_(find_lab(job.modules, job.lab).describe()), job_(job) {
    for (const Case& one : lab_.cases) {
      if (one.name != job.case_name) continue;
      params_ = job.size == "smoke" ? one.smoke : one.full;
      smoke_ = one.smoke;
    }
    for (const std::string& name : job.techniques) {
      for (const Technique& technique : lab_.techniques) {
        if (technique.name == name) techniques_.push_back(&technique);
      }
    }
    check(techniques_.size() == job.techniques.size(), "a job names an unknown technique");
  }

  void prepare() {
    set_ = std::make_unique<InputSet>(lab_.problem(params_), job_.scratch_folder);
    set_->fill(lab_, params_, job_.seed);
    expected_ = compute_expected(lab_, params_, *set_);
    for (const Technique* technique : techniques_) {
      std::string fault = verify_small(*technique);
      std::unique_ptr<Plan> plan;
      if (fault.empty()) {
        plan = technique->plan(params_);
        fault = call_and_check(*plan);
      }
      faults_.push_back(fault);
      contenders_.push_back(contender_of(*technique, plan.get()));
      plans_.push_back(std::move(plan));
    }
  }

  Json ready() const {
    Json techniques = Json::array();
    for (std::size_t i = 0; i < techniques_.size(); ++i) {
      techniques.push_back({{"name", techniques_[i]->name},
                            {"threads", contenders_[i].threads},
                            {"blocks", contenders_[i].blocks},
                            {"fault", faults_[i]}});
    }
    return {{"protocol", kDuelProtocol}, {"techniques", techniques}};
  }

  std::string time(std::size_t index, std::uint64_t iterations) {
    if (index >= contenders_.size() || plans_[index] == nullptr) return "no such plan";
    return answer_epoch(contenders_[index], iterations, least_ns_[index]);
  }

  // The timed plans once more: what they write after all those calls must still be right.
  Json end() {
    Json faults = Json::object();
    for (std::size_t i = 0; i < techniques_.size(); ++i) {
      if (plans_[i] == nullptr) continue;
      const std::string fault = call_and_check(*plans_[i]);
      if (!fault.empty()) faults[techniques_[i]->name] = fault;
      plans_[i].reset();
    }
    return {{"faults", faults}};
  }

 private:
  std::string verify_small(const Technique& technique) const {
    std::vector<Params> sizes = {smoke_};
    sizes.insert(sizes.end(), lab_.ragged.begin(), lab_.ragged.end());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::string wrong = run_and_check(lab_, sizes[i], technique,
                                              derive_seed(job_.seed, 10 + i), job_.scratch_folder);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  std::string call_and_check(Plan& plan) {
    set_->poison_outputs(derive_seed(job_.seed, 3));
    if (lab_.before_each) lab_.before_each(params_, set_->io());
    plan.run(set_->io(), 1);
    return wrong_output(lab_, params_, *set_, expected_);
  }

  Contender contender_of(const Technique& technique, Plan* plan) {
    Contender contender;
    contender.name = technique.name;
    contender.threads = technique.threads == 0 ? machine::cpu().cores : technique.threads;
    contender.blocks = technique.blocks;
    contender.run = [this, plan](std::uint64_t n) { plan->run(set_->io(), n); };
    if (lab_.before_each) {
      contender.before_each = [this] { lab_.before_each(params_, set_->io()); };
    }
    return contender;
  }

  Lab lab_;
  const Job& job_;
  Params params_, smoke_;
  std::vector<const Technique*> techniques_;
  std::unique_ptr<InputSet> set_;
  Expected expected_;
  std::vector<std::unique_ptr<Plan>> plans_;
  std::vector<Contender> contenders_;
  std::vector<std::string> faults_;
  std::map<std::size_t, double> least_ns_;
};

}  // namespace

int duel_worker_main() {
  std::optional<Job> job;
  std::unique_ptr<Side> side;
  DuelAnswers answers;
  answers.ready = [&](const Json& json) {
    job = job_from_json(json);
    side = std::make_unique<Side>(*job);
    side->prepare();
    return side->ready();
  };
  answers.time = [&](std::size_t index, std::uint64_t n) { return side->time(index, n); };
  answers.end = [&] { return side->end(); };
  return converse(answers);
}

}  // namespace aisp::bench
