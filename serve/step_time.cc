// See step_time.h.
#include "serve/step_time.h"

#include <sys/resource.h>

#include <ctime>
#include <numeric>

namespace aisp::serve {
namespace {

constexpr int kWaiting = 56;
constexpr int kTenants = 4;
constexpr int kVocabulary = 1000;
constexpr int kWarmUp = 700;  // steps; streams begin and end at different times by then

Config config_of(const StepLoad& load) {
  Config config{.slots = load.running + kWaiting,
                .max_running = load.running,
                .max_rows = 2048 + load.running,
                .device_blocks = load.device_blocks,
                .host_blocks = load.host_blocks,
                .tenants = kTenants};
  config.time = {
      .step_s = 4e-3, .prompt_token_s = 2e-5, .decode_row_s = 2e-6, .context_token_s = 1e-9};
  return config;
}

double cpu_now_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

long switches_so_far() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

}  // namespace

StepWorld::StepWorld(const StepLoad& load)
    : state(config_of(load)),
      executor({.block_tokens = state.config.block_tokens,
                .device_blocks = load.device_blocks,
                .host_blocks = load.host_blocks,
                .vocabulary = kVocabulary,
                .time = state.config.time}) {}

void StepWorld::refill() {
  while (!state.unused.empty()) {
    Request request{.id = ++last_id_, .tenant = static_cast<int>(last_id_ % kTenants)};
    request.max_tokens = 64 + static_cast<int>(rng_.below(512));
    request.prompt.resize(32 + rng_.below(256));
    for (Token& token : request.prompt) token = static_cast<Token>(rng_.below(kVocabulary));
    request.prompt[0] = 1;
    request.stop_tokens = {kVocabulary, kVocabulary + 1};  // looked for, never found
    submit(state, std::move(request), now_s);
  }
}

void StepWorld::take() {
  complete(state, result);
  now_s += result.seconds;
}

std::vector<StepSample> measure_steps(const StepLoad& load, int steps, std::int64_t sweep_bytes) {
  StepWorld world(load);
  std::vector<StepSample> samples;
  samples.reserve(static_cast<std::size_t>(steps));
  // Read once before the first step and once before its result is taken, so both find it so.
  std::vector<std::int64_t> swept(static_cast<std::size_t>(sweep_bytes) / 8, 1);
  const auto sweep = [&] { return std::accumulate(swept.begin(), swept.end(), std::int64_t{0}); };
  std::int64_t sum = 0;
  for (int i = 0; i < kWarmUp + steps; ++i) {
    world.refill();
    sum += sweep();
    const Counters before = world.state.counters;
    const long switches = switches_so_far();
    const double begin_us = cpu_now_us();
    const Plan& plan = world.plan();
    const double planned_us = cpu_now_us();
    StepSample sample{.switched = switches_so_far() != switches};
    for (const Work& work : plan.work) {
      sample.prompts += !work.decode;
      sample.started += !work.decode && work.first == 0;
    }
    world.run(plan);
    sum += sweep();
    const long more = switches_so_far();
    const double ran_us = cpu_now_us();
    world.take();
    const double done_us = cpu_now_us();
    sample.switched = sample.switched || switches_so_far() != more;
    sample.cpu_us = static_cast<float>(planned_us - begin_us + done_us - ran_us);
    sample.ended = static_cast<std::int16_t>(world.state.ended.size());
    sample.evicted = static_cast<std::int32_t>(world.state.counters.evicted - before.evicted);
    world.state.ended.clear();
    if (i >= kWarmUp) samples.push_back(sample);
  }
  check(sum == static_cast<std::int64_t>(swept.size()) * 2 * (kWarmUp + steps),
        "everything was read");
  return samples;
}

}  // namespace aisp::serve
