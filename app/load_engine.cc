// See load_engine.h.
#include "app/load_engine.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "serve/prompt.h"

namespace aisp::app {
namespace {

using Clock = std::chrono::steady_clock;

double clock_s() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

load::Outcome outcome_of(serve::Verdict::Why why) {
  return why == serve::Verdict::Why::kQueueFull || why == serve::Verdict::Why::kTooLate
             ? load::Outcome::kTooManyRequests
             : load::Outcome::kOtherStatus;
}

load::Outcome outcome_of(serve::Finish finish) {
  switch (finish) {
    case serve::Finish::kStop:
    case serve::Finish::kLength:
      return load::Outcome::kAnswered;
    case serve::Finish::kLate:
      return load::Outcome::kTooManyRequests;
    default:
      return load::Outcome::kServerError;
  }
}

}  // namespace

// What the callback thread leaves for wait(). A stream's number is used again, a serial is not.
struct EngineTarget::State {
  struct Note {
    std::uint64_t serial = 0;
    double at_s = 0.0;
    std::vector<std::int32_t> ids;
    bool ended = false;
    load::End end;
  };
  struct Stream {
    std::uint64_t serial = 0;
    serve::Ticket ticket;
    int prompt = 0, answer = 0;
  };
  explicit State(const serve::LoadOptions& options) : model(options) {}

  void leave(Note note) {
    const std::lock_guard lock(mutex);
    notes.push_back(std::move(note));
    arrived.notify_one();
  }

  std::mutex mutex;
  std::condition_variable arrived;
  std::vector<Note> notes;
  std::map<std::uint32_t, Stream> streams;  // of the thread that sends and waits
  std::map<std::uint64_t, std::uint32_t> by_serial;
  std::uint64_t serial = 0;
  std::string message;
  serve::LoadedModel model;  // last: its threads end before what they write to
};

EngineTarget::EngineTarget(const serve::LoadOptions& options)
    : state_(std::make_unique<State>(options)) {
  const int vocabulary = state_->model.tokenizer().size();
  first_id_ = std::min(300, vocabulary / 2);
  words_ = std::clamp(vocabulary - first_id_, 1, 1000);
}
EngineTarget::~EngineTarget() = default;

const serve::LoadedModel& EngineTarget::model() const { return state_->model; }
std::string EngineTarget::message() const { return state_->message; }
double EngineTarget::now_s() { return clock_s(); }

void EngineTarget::send(std::uint32_t stream, const load::Request& request) {
  const std::uint64_t serial = ++state_->serial;
  std::vector<serve::Token> prompt;
  for (const load::Piece& piece : request.prompt) {
    for (const std::int32_t token : piece.tokens) prompt.push_back(first_id_ + token);
    prompt.insert(prompt.end(), piece.said_ids.begin(), piece.said_ids.end());
  }
  State::Stream& open = state_->streams[stream];
  open = {.serial = serial, .prompt = static_cast<int>(prompt.size())};
  state_->by_serial[serial] = stream;
  load::End refused{.outcome = load::Outcome::kOtherStatus};
  try {
    serve::Sampling sampling;
    sampling.seed = request.number;
    State* state = state_.get();
    open.ticket = state_->model.engine().submit(
        serve::request_for(state_->model, std::move(prompt), request.answer_tokens, sampling, true),
        [state, serial](const serve::Event& event) {
          State::Note note{.serial = serial, .at_s = clock_s(), .ended = event.ended};
          note.ids.assign(event.tokens.begin(), event.tokens.end());
          note.end.outcome = outcome_of(event.finish);
          state->leave(std::move(note));
          return true;
        });
    if (open.ticket.verdict.why == serve::Verdict::Why::kAccepted) return;
    refused.outcome = outcome_of(open.ticket.verdict.why);
    refused.retry_after_s = open.ticket.verdict.retry_after_s;
  } catch (const Error& error) {
    if (state_->message.empty()) state_->message = error.what();
  }
  state_->leave({.serial = serial, .at_s = clock_s(), .ended = true, .end = refused});
}

void EngineTarget::cancel(std::uint32_t stream) {
  const auto found = state_->streams.find(stream);
  if (found == state_->streams.end()) return;
  state_->model.engine().cancel(found->second.ticket);
  state_->by_serial.erase(found->second.serial);
  state_->streams.erase(found);
}

void EngineTarget::wait(double until_s, load::Sink& sink) {
  std::vector<State::Note> notes;
  {
    std::unique_lock lock(state_->mutex);
    const auto time = Clock::time_point(std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::min(until_s, clock_s() + 3600.0))));
    state_->arrived.wait_until(lock, time, [&] { return !state_->notes.empty(); });
    notes.swap(state_->notes);
  }
  for (const State::Note& note : notes) {
    const auto found = state_->by_serial.find(note.serial);
    if (found == state_->by_serial.end()) continue;  // cancelled
    const std::uint32_t stream = found->second;
    State::Stream& open = state_->streams[stream];
    open.answer += static_cast<int>(note.ids.size());
    if (!note.ids.empty()) sink.on_text(stream, note.at_s, "", note.ids);
    if (!note.ended || !state_->by_serial.contains(note.serial)) continue;
    load::End end = note.end;
    end.prompt_tokens = open.prompt;
    end.answer_tokens = open.answer;
    state_->by_serial.erase(note.serial);
    state_->streams.erase(stream);
    sink.on_end(stream, note.at_s, end);
  }
}

}  // namespace aisp::app
