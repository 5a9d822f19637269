// See engine.h. One mutex guards the notes, the hand-over of plan and result, and the streams; the
// scheduler's state itself is touched by its thread alone, and the plan by the executor while it is
// in flight.
#include "serve/engine.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace aisp::serve {

namespace {

// What waits for callbacks of one request.
struct Stream {
  std::uint64_t id = 0;
  int slot = -1;
  Engine::Callback callback;
  std::vector<Token> tokens;
  double started_s = -1.0;
  int cached = 0;
  std::vector<LogProb> logprobs;
  bool queued = false, stopped = false;
  std::optional<Finish> finish;
  std::string problem;
  // Held to the last event: so what it remembers is freed by the callbacks' thread.
  std::shared_ptr<text::GrammarMatcher> grammar;
};

// A caller's wish, on the caller's stack; `done` under the mutex.
struct Note {
  enum class Kind { kSubmit, kCancel, kCounters, kOccupancy } kind;
  Request request;
  std::shared_ptr<Stream> stream;
  std::uint64_t id = 0;
  int slot = -1;
  Finish finish = Finish::kCancelled;
  Verdict verdict;
  Counters counters;
  Occupancy occupancy;
  bool found = false, done = false;
};

using Clock = std::chrono::steady_clock;

}  // namespace

struct Engine::Threads {
  explicit Threads(Options chosen)
      : options(std::move(chosen)), state(options.config), streams(state.slots.size()) {}

  Options options;
  Clock::time_point begin = Clock::now();
  State state;                                   // scheduler's thread
  std::vector<std::shared_ptr<Stream>> streams;  // by slot; scheduler's thread
  Result result;                                 // executor's, then scheduler's

  std::mutex mutex;
  std::condition_variable to_scheduler, to_executor, to_callbacks, to_callers;
  std::vector<Note*> notes;
  const Plan* plan = nullptr;  // for the executor
  bool result_ready = false, stopping = false, scheduler_done = false;
  std::string failure;
  std::deque<std::shared_ptr<Stream>> ready;  // each at most once
  std::size_t undelivered = 0;                // streams whose last event was not delivered
  std::thread scheduler, executor, callbacks;

  double now_s() const { return std::chrono::duration<double>(Clock::now() - begin).count(); }

  /// False: the engine has ended (a callback asks while it is being destroyed).
  bool ask(Note& note) {
    std::unique_lock lock(mutex);
    if (scheduler_done) return false;
    notes.push_back(&note);
    to_scheduler.notify_one();
    to_callers.wait(lock, [&] { return note.done; });
    return true;
  }

  // --- the scheduler's thread ---

  void schedule() {
    std::vector<Note*> taken;
    for (;;) {
      bool returned = false;
      {
        std::unique_lock lock(mutex);
        const auto wanted = [&] { return !notes.empty() || result_ready || stopping; };
        if (state.in_flight) {
          to_scheduler.wait(lock, [&] { return !notes.empty() || result_ready; });
        } else if (in_system() > 0) {
          // A plan was empty although somebody is there: time has to pass.
          to_scheduler.wait_for(lock, std::chrono::milliseconds(2), wanted);
        } else {
          to_scheduler.wait(lock, wanted);
        }
        taken.swap(notes);
        returned = std::exchange(result_ready, false);
      }
      for (Note* note : taken) answer(*note);
      if (returned) take_result();
      const bool broken = has_failed(), end_now = is_stopping() || broken;
      if (end_now) end_all(broken ? Finish::kFailed : Finish::kCancelled);
      publish_ends();
      release(taken);
      if (!state.in_flight && !end_now && in_system() > 0) plan_next();
      if (state.in_flight || in_system() > 0) continue;
      const std::lock_guard lock(mutex);
      if (!stopping || !notes.empty()) continue;
      scheduler_done = true;
      to_executor.notify_one();
      to_callbacks.notify_one();
      return;
    }
  }

  std::uint64_t in_system() const { return state.counters.submitted - state.counters.ended; }
  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  bool has_failed() {
    const std::lock_guard lock(mutex);
    return !failure.empty();
  }

  void answer(Note& note) {
    if (note.kind == Note::Kind::kCounters) {
      note.counters = state.counters;
    } else if (note.kind == Note::Kind::kOccupancy) {
      note.occupancy = {.waiting = static_cast<int>(in_system() - state.running.size()),
                        .running = static_cast<int>(state.running.size()),
                        .blocks = state.pool.total(),
                        .free_blocks = state.pool.free(),
                        .cached_blocks = state.index.evictable()};
    } else if (note.kind == Note::Kind::kCancel) {
      note.found = serve::cancel(state, note.slot, note.id, note.finish);
      publish_ends();  // before the slot is given to the next note
    } else {
      note.verdict = serve::submit(state, std::move(note.request), now_s());
      if (note.verdict.slot < 0) return;
      note.stream->slot = note.verdict.slot;
      streams[static_cast<std::size_t>(note.verdict.slot)] = note.stream;
    }
  }

  // The callers go on only after the events of their wishes are in the streams.
  void release(std::vector<Note*>& taken) {
    if (taken.empty()) return;
    const std::lock_guard lock(mutex);
    for (Note* note : taken) note->done = true;
    taken.clear();
    to_callers.notify_all();
  }

  void take_result() {
    if (has_failed()) {
      result.clear();
      for (const Work& work : state.plan.work) {
        if (work.emits) result.tokens.push_back(0);
        serve::cancel(state, work.slot, work.request->id, Finish::kFailed);
        result.close();
      }
    }
    complete(state, result);
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < state.plan.work.size(); ++i) {
      const Work& work = state.plan.work[i];
      // Also of a request that has just ended: its tokens stay until the slot is used again.
      const std::size_t known = state.slots[static_cast<std::size_t>(work.slot)].tokens.size();
      Stream& stream = *streams[static_cast<std::size_t>(work.slot)];
      stream.cached = state.slots[static_cast<std::size_t>(work.slot)].cached;
      if (known == work.tokens.size() || stream.stopped) continue;
      const auto taken = static_cast<std::ptrdiff_t>(known - work.tokens.size());
      const auto tokens = result.answer(i).begin();
      stream.tokens.insert(stream.tokens.end(), tokens, tokens + taken);
      const auto logprobs = result.logprobs_of(i).begin();
      stream.logprobs.insert(stream.logprobs.end(), logprobs,
                             logprobs + taken * work.request->sampling.logprob_entries());
      enqueue(streams[static_cast<std::size_t>(work.slot)]);
    }
    for (const Ending& ending : result.endings) {
      const int slot = state.plan.work[ending.work].slot;
      streams[static_cast<std::size_t>(slot)]->problem = ending.problem;
    }
  }

  void end_all(Finish finish) {
    for (std::size_t slot = 0; slot < state.slots.size(); ++slot) {
      if (state.slots[slot].stage == Stage::kUnused) continue;
      serve::cancel(state, static_cast<int>(slot), state.slots[slot].request.id, finish);
    }
  }

  void publish_ends() {
    const std::lock_guard lock(mutex);
    for (const Ended& ended : state.ended) {
      std::shared_ptr<Stream>& stream = streams[static_cast<std::size_t>(ended.slot)];
      stream->finish = ended.finish;
      enqueue(stream);
      stream.reset();
    }
    state.ended.clear();
  }

  void enqueue(const std::shared_ptr<Stream>& stream) {  // under the mutex
    if (std::exchange(stream->queued, true)) return;
    ready.push_back(stream);
    to_callbacks.notify_one();
  }

  void plan_next() {
    const double now = now_s();
    const Plan& next = step(state, now);
    publish_ends();  // of those that came too late
    if (next.empty()) return;
    const std::lock_guard lock(mutex);
    for (const Work& work : next.work) {
      double& started_s = streams[static_cast<std::size_t>(work.slot)]->started_s;
      if (started_s < 0.0) started_s = now;
    }
    plan = &next;
    to_executor.notify_one();
  }

  // --- the executor's thread ---

  void execute() {
    for (;;) {
      const Plan* current = nullptr;
      {
        std::unique_lock lock(mutex);
        to_executor.wait(lock, [&] { return plan != nullptr || scheduler_done; });
        if (plan == nullptr) return;
        current = std::exchange(plan, nullptr);
      }
      std::string problem;
      try {
        options.executor->run(*current, result);
      } catch (const std::exception& thrown) {
        problem = *thrown.what() != '\0' ? thrown.what() : "unknown";
      }
      const std::lock_guard lock(mutex);
      if (!problem.empty()) failure = problem;
      result_ready = true;
      to_scheduler.notify_one();
    }
  }

  // --- the callbacks' thread ---

  void call_back() {
    std::vector<Token> tokens;
    std::vector<LogProb> logprobs;
    std::unique_lock lock(mutex);
    for (;;) {
      to_callbacks.wait(lock, [&] { return !ready.empty() || scheduler_done; });
      if (ready.empty()) return;
      const std::shared_ptr<Stream> stream = std::move(ready.front());
      ready.pop_front();
      stream->queued = false;
      tokens.swap(stream->tokens);
      logprobs.swap(stream->logprobs);
      const std::optional<Finish> finish = stream->finish;
      const double started_s = stream->started_s;
      const int cached = stream->cached;
      if (stream->stopped) tokens.clear(), logprobs.clear();
      lock.unlock();
      // The problem was written before the last event was published, and stays.
      const bool more = stream->callback(
          {.id = stream->id,
           .tokens = tokens,
           .logprobs = logprobs,
           .ended = finish.has_value(),
           .finish = finish.value_or(Finish::kStop),
           .problem = finish == Finish::kGrammar ? std::string_view(stream->problem) : "",
           .started_s = started_s,
           .cached = cached});
      tokens.clear();
      logprobs.clear();
      lock.lock();
      if (finish) {
        --undelivered;
        to_callers.notify_all();
      } else if (!more && !std::exchange(stream->stopped, true)) {
        Note note{.kind = Note::Kind::kCancel, .id = stream->id, .slot = stream->slot};
        note.finish = Finish::kStop;
        if (scheduler_done) continue;
        lock.unlock();
        ask(note);
        lock.lock();
      }
    }
  }

  void start() {
    try {
      scheduler = std::thread([this] { schedule(); });
      executor = std::thread([this] { execute(); });
      callbacks = std::thread([this] { call_back(); });
      // For people who look at threads: top -H, /proc/PID/task.
      pthread_setname_np(scheduler.native_handle(), "scheduler");
      pthread_setname_np(executor.native_handle(), "executor");
      pthread_setname_np(callbacks.native_handle(), "callbacks");
    } catch (const std::system_error& refused) {
      stop();
      throw Error(refused.what(), "engine", "raise the limit of threads");
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
      to_scheduler.notify_one();
    }
    for (std::thread* thread : {&scheduler, &executor, &callbacks}) {
      if (thread->joinable()) thread->join();
    }
  }
};

Engine::Engine(Options options) {
  check(options.executor != nullptr, "an engine has an executor");
  threads_ = std::make_unique<Threads>(std::move(options));
  threads_->start();
}

Engine::~Engine() { threads_->stop(); }

double Engine::now_s() const { return threads_->now_s(); }

Ticket Engine::submit(Request request, Callback callback) {
  Threads& t = *threads_;
  Note note{.kind = Note::Kind::kSubmit};
  note.stream = std::make_shared<Stream>();
  {
    const std::lock_guard lock(t.mutex);
    if (!t.failure.empty()) throw Error(t.failure, "engine", "start it again");
    if (t.undelivered >= 2 * t.streams.size()) {
      return {{.why = Verdict::Why::kQueueFull, .retry_after_s = 1.0}, 0};
    }
    ++t.undelivered;
  }
  static std::atomic<std::uint64_t> last_id = 0;
  note.id = note.stream->id = request.id = ++last_id;
  note.stream->callback = std::move(callback);
  note.stream->tokens.reserve(64);
  note.stream->logprobs.reserve(64 * static_cast<std::size_t>(request.sampling.logprob_entries()));
  note.stream->grammar = request.grammar;
  note.request = std::move(request);
  if (!t.ask(note)) note.verdict = {.why = Verdict::Why::kQueueFull};
  if (note.verdict.slot < 0) {
    const std::lock_guard lock(t.mutex);
    --t.undelivered;
    t.to_callers.notify_all();
  }
  return {note.verdict, note.id};
}

bool Engine::cancel(const Ticket& ticket) {
  if (ticket.verdict.slot < 0) return false;
  Note note{.kind = Note::Kind::kCancel, .id = ticket.id, .slot = ticket.verdict.slot};
  threads_->ask(note);
  return note.found;
}

void Engine::drain() {
  std::unique_lock lock(threads_->mutex);
  threads_->to_callers.wait(lock, [&] { return threads_->undelivered == 0; });
}

std::string Engine::failure() const {
  const std::lock_guard lock(threads_->mutex);
  return threads_->failure;
}

Occupancy Engine::occupancy() {
  Note note{.kind = Note::Kind::kOccupancy};
  threads_->ask(note);
  return note.occupancy;
}

Counters Engine::counters() {
  Note note{.kind = Note::Kind::kCounters};
  threads_->ask(note);
  return note.counters;
}

}  // namespace aisp::serve
