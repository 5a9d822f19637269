// See generation.h.
#include "front/generation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "front/engine_answer.h"

namespace aisp::front {
namespace {

using serve::Finish;

const char* name_of(Finish finish) { return finish == Finish::kLength ? "length" : "stop"; }

}  // namespace

Generation::Generation(std::shared_ptr<Call> call, std::shared_ptr<Served> served, ApiRequest asked,
                       Metrics& metrics)
    : call_(std::move(call)),
      served_(std::move(served)),
      asked_(std::move(asked)),
      metrics_(metrics),
      reply_(asked_, served_->model.tokenizer(), call_->trace.span_id) {}

void Generation::submit(Prepared prepared) {
  {
    const std::lock_guard lock(call_->mutex);
    if (call_->closed) return;  // and nobody would cancel it
    for (std::size_t i = 0; i < prepared.requests.size(); ++i) {
      Choice choice{.decoder = text::StreamDecoder(served_->model.tokenizer(), asked_.ignore_end),
                    .stops = serve::StopStrings(asked_.stop)};
      choices_.push_back(std::move(choice));
    }
    echoes_ = std::move(prepared.echoes);
    for (std::size_t i = 0; i < choices_.size() && asked_.echo; ++i) {
      choices_[i].text = echoes_[i / static_cast<std::size_t>(asked_.choices)];
    }
    prompt_tokens_ = prepared.prompt_tokens;
    call_->record.model = served_->name;
    call_->record.submitted = Clock::now();
    call_->cancel = [self = shared_from_this()](bool gone) { self->cancel_all(gone); };
  }
  for (std::size_t i = 0; i < prepared.requests.size(); ++i) {
    const serve::Ticket ticket = submit_one(i, std::move(prepared.requests[i]));
    if (ticket.verdict.slot < 0) {
      cancel_all(true);
      throw refusal(ticket.verdict);
    }
    const std::lock_guard lock(call_->mutex);
    choices_[i].ticket = ticket;
  }
  bool gone = false;
  {
    const std::lock_guard lock(call_->mutex);
    released_ = true;
    gone = over_ || call_->closed;
    if (!gone) {
      call_->record.prompt_tokens = prompt_tokens_;
      for (std::size_t i = 0; i < choices_.size(); ++i) send(i);
      finish_if_all_ended();
    }
  }
  // The client went while requests went in: those that cancel_all() could not see yet.
  if (gone) cancel_all(true);
}

serve::Ticket Generation::submit_one(std::size_t index, serve::Request request) {
  const Seats::Answer seat = served_->seats.take(call_->client);
  if (seat != Seats::Answer::kTaken) {
    cancel_all(true);
    throw refusal(seat);
  }
  serve::Ticket ticket;
  try {
    ticket = served_->model.engine().submit(
        std::move(request), [self = shared_from_this(), index](const serve::Event& event) {
          return self->take(index, event);
        });
  } catch (const Error& failed) {
    served_->seats.leave(call_->client);
    cancel_all(true);
    throw ApiError(503, failed.what());
  }
  if (ticket.verdict.slot < 0) served_->seats.leave(call_->client);
  return ticket;
}

bool Generation::take(std::size_t index, const serve::Event& event) {
  std::vector<serve::Ticket> others;
  bool more = true;
  {
    const std::lock_guard lock(call_->mutex);
    if (event.ended) served_->seats.leave(call_->client);
    if (over_) return false;
    Choice& choice = choices_[index];
    if (choice.ended) return false;
    note_times(choice, event);
    add_tokens(choice, event);
    call_->record.completion_tokens = completion_tokens_;
    call_->record.cached_tokens = cached_tokens_;
    const bool failed =
        event.ended && event.finish != Finish::kStop && event.finish != Finish::kLength;
    if (failed && !choice.stops.stopped()) {
      call_->record.finish = event.finish == Finish::kLate ? "late" : "failed";
      fail(failure(event.finish, served_->model.engine(), event.problem));
      others = open_tickets();
    } else if (event.ended || choice.stops.stopped()) {
      choice.ended = true;
      choice.finish = choice.stops.stopped() ? "stop" : name_of(event.finish);
    }
    if (!over_ && released_) {
      send(index);
      finish_if_all_ended();
    }
    more = !over_ && !choice.ended;
  }
  for (const serve::Ticket& ticket : others) served_->model.engine().cancel(ticket);
  return more;
}

void Generation::note_times(Choice& choice, const serve::Event& event) {
  if (event.tokens.empty()) return;
  const auto now = Clock::now();
  Record& record = call_->record;
  if (record.started == Clock::time_point() && event.started_s >= 0.0) {
    const double ago_s = served_->model.engine().now_s() - event.started_s;
    record.started = now - std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(std::max(0.0, ago_s)));
  }
  if (record.first_token == Clock::time_point()) record.first_token = now;
  if (choice.last != Clock::time_point()) {
    metrics_.add_gap(std::chrono::duration<double>(now - choice.last).count(), event.tokens.size());
  } else {
    cached_tokens_ += event.cached;
  }
  choice.last = record.last_token = now;
}

void Generation::add_tokens(Choice& choice, const serve::Event& event) {
  const text::Tokenizer& tokenizer = served_->model.tokenizer();
  const auto entries = static_cast<std::size_t>(asked_.logprobs + 1);  // of each token; 0: none
  for (std::size_t i = 0; i < event.tokens.size(); ++i) {
    const serve::Token token = event.tokens[i];
    ++completion_tokens_;
    if (!asked_.ignore_end && tokenizer.ends_text(token)) break;
    choice.text += choice.stops.push(choice.decoder.add(token));
    if (choice.stops.stopped()) return;
    if (entries == 0) continue;
    const auto logprobs = event.logprobs.subspan(i * entries, entries);
    choice.logprobs.emplace_back(logprobs.begin(), logprobs.end());
  }
  if (!event.ended) return;
  choice.text += choice.stops.push(choice.decoder.finish());
  choice.text += choice.stops.finish();
}

// What is new in a choice, as an event of the stream; the head with the first.
void Generation::send(std::size_t index) {
  Choice& choice = choices_[index];
  if (!asked_.stream || (choice.text.empty() && !choice.ended)) return;
  std::string out;
  if (!std::exchange(streaming_, true)) {
    call_->begin_locked({.type = "text/event-stream",
                         .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}});
  }
  if (!std::exchange(choice.begun, true)) out += reply_.role(static_cast<int>(index));
  Answer answer{.index = static_cast<int>(index), .text = choice.text};
  answer.text_offset = choice.sent_bytes;
  if (!choice.text.empty() || !choice.logprobs.empty()) {
    answer.logprobs = std::move(choice.logprobs);
    choice.logprobs.clear();
    out += reply_.piece(answer);
  }
  choice.sent_bytes += static_cast<std::int64_t>(choice.text.size());
  choice.text.clear();
  if (choice.ended && !choice.finish.empty()) {
    out += reply_.piece({.index = static_cast<int>(index), .finish = choice.finish});
    call_->record.finish = choice.finish;
    choice.finish.clear();  // it was said
  }
  call_->exchange->write(out);
}

void Generation::finish_if_all_ended() {
  if (!std::ranges::all_of(choices_, &Choice::ended)) return;
  Record& record = call_->record;
  metrics_.count_tokens(static_cast<std::uint64_t>(prompt_tokens_),
                        static_cast<std::uint64_t>(cached_tokens_),
                        static_cast<std::uint64_t>(completion_tokens_));
  over_ = true;
  if (asked_.stream) {
    const std::string last = asked_.include_usage ? reply_.usage(usage()) : "";
    call_->exchange->write(last + Reply::done());
    call_->exchange->end();
    return;
  }
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    answers.push_back({.index = static_cast<int>(i),
                       .text = choices_[i].text,
                       .logprobs = std::move(choices_[i].logprobs),
                       .finish = choices_[i].finish});
    record.finish = choices_[i].finish;
  }
  HttpResponse response{.body = reply_.whole(answers, usage())};
  call_->respond_locked(std::move(response));
}

void Generation::fail(const ApiError& error) {
  over_ = true;
  call_->record.error = error.message;
  if (!streaming_) return call_->respond_locked(error_response(error));
  call_->exchange->write(Reply::error(error));
  call_->exchange->end(true);
}

std::vector<serve::Ticket> Generation::open_tickets() {
  std::vector<serve::Ticket> open;
  for (const Choice& choice : choices_) {
    if (!choice.ended && choice.ticket.verdict.slot >= 0) open.push_back(choice.ticket);
  }
  return open;
}

void Generation::cancel_all(bool silently) {
  std::vector<serve::Ticket> open;
  {
    const std::lock_guard lock(call_->mutex);
    if (!silently && !over_) fail(failure(Finish::kCancelled, served_->model.engine()));
    over_ = true;
    open = open_tickets();
  }
  for (const serve::Ticket& ticket : open) served_->model.engine().cancel(ticket);
}

Usage Generation::usage() const {
  return {.prompt = prompt_tokens_, .cached = cached_tokens_, .completion = completion_tokens_};
}

}  // namespace aisp::front
