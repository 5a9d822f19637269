// See embedding.h. Source: OpenAI's API reference (embeddings).
#include "front/embedding.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/error.h"
#include "front/engine_answer.h"
#include "front/fields.h"

namespace aisp::front {
namespace {

// Enough short inputs to fill a step with; more would only hold places of others.
constexpr int kTogether = 16;

std::string base64_of(std::span<const float> values) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes(values.size_bytes());
  std::memcpy(bytes.data(), values.data(), bytes.size());  // little-endian, as every server here
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) { return k < bytes.size() ? unsigned{bytes[k]} : 0u; };
    const unsigned three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += kDigits[three >> 18];
    out += kDigits[three >> 12 & 63];
    out += i + 1 < bytes.size() ? kDigits[three >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[three & 63] : '=';
  }
  return out;
}

}  // namespace

std::string vector_text(std::span<const double> sum, bool base64) {
  const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  if (!std::isfinite(length)) throw ApiError(500, "the model's states are not finite");
  std::vector<float> values;
  values.reserve(sum.size());
  for (const double value : sum) {
    values.push_back(static_cast<float>(length > 0.0 ? value / length : 0.0));
  }
  if (base64) return '"' + base64_of(values) + '"';
  std::string out = "[";
  for (const float value : values) fmt::format_to(std::back_inserter(out), "{},", value);
  out.back() = ']';
  return out;
}

Embedding::Embedding(std::shared_ptr<Call> call, std::shared_ptr<Served> served, Asked asked,
                     Metrics& metrics)
    : call_(std::move(call)),
      served_(std::move(served)),
      asked_(std::move(asked)),
      metrics_(metrics),
      inputs_(asked_.inputs.size()) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    waiting_.push_back(i);
    prompt_tokens_ += static_cast<std::int64_t>(asked_.inputs[i].size());
  }
}

void Embedding::submit() {
  {
    const std::lock_guard lock(call_->mutex);
    if (call_->closed) return;  // and nobody would cancel it
    call_->record.model = served_->name;
    call_->record.prompt_tokens = prompt_tokens_;
    call_->record.submitted = Clock::now();
    call_->cancel = [self = shared_from_this()](bool gone) { self->cancel_all(gone); };
  }
  submit_more();
}

// On a worker's thread, and on the engine's callback thread when an input has ended.
void Embedding::submit_more() {
  for (;;) {
    std::size_t index = 0;
    {
      const std::lock_guard lock(call_->mutex);
      if (over_ || waiting_.empty() || flying_ >= kTogether) return;
      index = waiting_.front();
      waiting_.pop_front();
      ++flying_;
    }
    try {
      submit_one(index);
    } catch (const ApiError& error) {
      return give_back(index, error);
    } catch (const Error& failed) {
      return give_back(index, ApiError(503, failed.what()));
    }
  }
}

void Embedding::submit_one(std::size_t index) {
  serve::Request request;
  request.prompt = asked_.inputs[index];
  request.max_tokens = 1;
  request.tenant = std::max(0, call_->client);
  request.cache_domain = static_cast<std::uint64_t>(call_->client + 1);
  request.first_token_by_s = asked_.first_token_by_s;
  request.hidden = std::make_shared<serve::HiddenSum>(served_->model.config().width);
  inputs_[index].hidden = request.hidden;
  const Seats::Answer seat = served_->seats.take(call_->client);
  if (seat != Seats::Answer::kTaken) throw refusal(seat);
  serve::Ticket ticket;
  try {
    ticket = served_->model.engine().submit(
        std::move(request), [self = shared_from_this(), index](const serve::Event& event) {
          return self->take(index, event);
        });
  } catch (const Error&) {
    served_->seats.leave(call_->client);
    throw;
  }
  if (ticket.verdict.slot < 0) {
    served_->seats.leave(call_->client);
    throw refusal(ticket.verdict);
  }
  asked_.inputs[index] = {};
  bool gone = false;
  {
    const std::lock_guard lock(call_->mutex);
    inputs_[index].ticket = ticket;
    gone = over_;
  }
  if (gone) served_->model.engine().cancel(ticket);
}

// There was no room: when one of ours ends there may be. What no waiting helps ends all.
void Embedding::give_back(std::size_t index, const ApiError& error) {
  {
    const std::lock_guard lock(call_->mutex);
    waiting_.push_front(index);
    --flying_;
    const bool full = error.code == "queue_full" || error.code == "key_share";
    if (over_ || (full && flying_ > 0)) return;
    fail(error);
  }
  cancel_all(true);
}

bool Embedding::take(std::size_t index, const serve::Event& event) {
  if (!event.ended) return true;
  served_->seats.leave(call_->client);
  bool over = false;
  {
    const std::lock_guard lock(call_->mutex);
    --flying_;
    inputs_[index].ended = true;
    if (!over_) note(index, event);
    over = over_;
  }
  if (over) {
    cancel_all(true);
  } else {
    submit_more();
  }
  return false;
}

void Embedding::note(std::size_t index, const serve::Event& event) {
  Record& record = call_->record;
  const auto now = Clock::now();
  if (record.started == Clock::time_point() && event.started_s >= 0.0) {
    const double ago_s = served_->model.engine().now_s() - event.started_s;
    record.started = now - std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(std::max(0.0, ago_s)));
  }
  record.last_token = now;
  Input& input = inputs_[index];
  if (event.finish != serve::Finish::kStop) {
    return fail(failure(event.finish, served_->model.engine(), event.problem));
  }
  try {
    input.vector = vector_text(input.hidden->sum, asked_.base64);
  } catch (const ApiError& error) {
    return fail(error);
  }
  input.hidden.reset();
  if (++done_ == inputs_.size()) answer();
}

void Embedding::answer() {
  over_ = true;
  metrics_.count_tokens(static_cast<std::uint64_t>(prompt_tokens_), 0, 0);
  std::string body = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (i > 0) body += ',';
    body += fmt::format(R"({{"object":"embedding","index":{},"embedding":)", i);
    body += inputs_[i].vector;
    body += '}';
    inputs_[i].vector = {};
  }
  body += fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                      Json(asked_.model).dump(), prompt_tokens_, prompt_tokens_);
  call_->record.finish = "stop";
  call_->respond_locked({.body = std::move(body)});
}

void Embedding::fail(const ApiError& error) {
  over_ = true;
  if (error.status == 429) metrics_.count_refusal(error.code);
  call_->record.error = error.message;
  call_->respond_locked(error_response(error));
}

void Embedding::cancel_all(bool silently) {
  std::vector<serve::Ticket> open;
  {
    const std::lock_guard lock(call_->mutex);
    if (!silently && !over_) fail(failure(serve::Finish::kCancelled, served_->model.engine()));
    over_ = true;
    for (const Input& input : inputs_) {
      if (!input.ended && input.ticket.verdict.slot >= 0) open.push_back(input.ticket);
    }
  }
  for (const serve::Ticket& ticket : open) served_->model.engine().cancel(ticket);
}

}  // namespace aisp::front
