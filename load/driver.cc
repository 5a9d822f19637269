// See driver.h.
#include "load/driver.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"

namespace aisp::load {
namespace {

constexpr double kNever = 1e18;
constexpr double kLook = 0.1;  // seconds between looks at plan.stop

// What an answer may hold: beyond it the server sends something else than was asked for.
bool is_too_much(std::size_t arrivals, std::size_t bytes, int asked) {
  const auto tokens = static_cast<std::size_t>(asked);
  return arrivals > 4 * tokens + 64 || bytes > 256 * tokens + 65'536;
}

// An answer that is under way.
struct Open {
  std::size_t sample = 0;
  Request request;
  std::string text;
  std::vector<std::int32_t> ids;
};

class Driver : public Sink {
 public:
  Driver(Target& target, Workload& workload, const DrivePlan& plan)
      : target_(target), workload_(workload), plan_(plan), begin_s_(target.now_s()) {}

  DriveResult run();

  void on_text(std::uint32_t stream, double at_s, std::string_view text,
               std::span<const std::int32_t> ids) override;
  void on_end(std::uint32_t stream, double at_s, const End& end) override;

 private:
  double now() { return target_.now_s() - begin_s_; }
  double window_end() const {
    return plan_.duration_s > 0.0 ? plan_.warmup_s + plan_.duration_s : kNever;
  }
  bool in_window(double due_s) const;
  bool enough() const { return plan_.requests > 0 && measured_ >= plan_.requests; }
  bool sending(double now_s) const;
  void refill();
  void wait_for(Request request) {
    const std::pair key(request.due_s, request.number);
    waiting_.emplace(key, std::move(request));
  }
  void send_due();
  void send(Request request);
  void end_stream(std::map<std::uint32_t, Open>::iterator open, double at_s, const End& end);
  void expire(double now_s);
  void cut_all();
  double window_s() const;

  Target& target_;
  Workload& workload_;
  const DrivePlan& plan_;
  double begin_s_;
  DriveResult result_;
  std::map<std::pair<double, std::uint64_t>, Request> waiting_;  // by due time and number
  bool arrival_waits_ = false, exhausted_ = false;
  std::uint64_t next_arrival_ = 0;  // number of the arrival in waiting_
  std::map<std::uint32_t, Open> open_;
  std::vector<std::uint32_t> unused_;
  std::uint32_t streams_ = 0;
  int measured_ = 0, measured_open_ = 0;
  double last_due_s_ = 0.0, last_end_s_ = 0.0;  // of measured requests
};

bool Driver::in_window(double due_s) const {
  return due_s >= plan_.warmup_s && due_s < window_end() && !enough();
}

// Whether new requests still go out: within the window, and, open loop, while measured ones wait.
bool Driver::sending(double now_s) const {
  if (result_.interrupted) return false;
  if (now_s < window_end() && !enough()) return true;
  if (plan_.users > 0 || measured_open_ == 0) return false;
  return now_s < (enough() ? last_due_s_ : window_end()) + plan_.tail_s;
}

// Open loop: the next arrival is always among those that wait.
void Driver::refill() {
  if (plan_.users > 0 || arrival_waits_ || exhausted_) return;
  std::optional<Request> next = workload_.next();
  exhausted_ = !next;
  if (!next) return;
  arrival_waits_ = true;
  next_arrival_ = next->number;
  wait_for(*std::move(next));
}

void Driver::send(Request request) {
  Sample sample;
  sample.due_s = request.due_s;
  sample.prompt_tokens = request.prompt_tokens;
  sample.asked_tokens = request.answer_tokens;
  sample.turn = request.turn;
  sample.measured = in_window(request.due_s);
  if (sample.measured) {
    ++measured_;
    ++measured_open_;
    last_due_s_ = std::max(last_due_s_, request.due_s);
  }
  std::uint32_t stream = streams_;
  if (unused_.empty()) {
    ++streams_;
  } else {
    stream = unused_.back();
    unused_.pop_back();
  }
  target_.send(stream, request);
  sample.sent_s = now();
  open_[stream] = {result_.samples.size(), std::move(request), {}, {}};
  result_.samples.push_back(std::move(sample));
  result_.most_open = std::max(result_.most_open, static_cast<int>(open_.size()));
}

void Driver::send_due() {
  for (refill(); !waiting_.empty(); refill()) {
    const double due_s = waiting_.begin()->first.first;
    if (due_s > now() || !sending(due_s)) return;
    Request request = std::move(waiting_.extract(waiting_.begin()).mapped());
    if (request.turn == 0 && request.number == next_arrival_) arrival_waits_ = false;
    send(std::move(request));
  }
}

void Driver::on_text(std::uint32_t stream, double at_s, std::string_view text,
                     std::span<const std::int32_t> ids) {
  const auto found = open_.find(stream);
  check(found != open_.end(), "text of a stream that is not open");
  Sample& sample = result_.samples[found->second.sample];
  const double at = at_s - begin_s_;
  if (sample.first_s < 0.0) {
    sample.first_s = at;
  } else {
    sample.gaps_s.push_back(static_cast<float>(at - sample.last_s));
  }
  sample.last_s = at;
  found->second.text.append(text);
  found->second.ids.insert(found->second.ids.end(), ids.begin(), ids.end());
  if (is_too_much(sample.gaps_s.size(), found->second.text.size(), sample.asked_tokens)) {
    target_.cancel(stream);
    end_stream(found, at_s, {.outcome = Outcome::kBroken});
  }
}

void Driver::on_end(std::uint32_t stream, double at_s, const End& end) {
  const auto found = open_.find(stream);
  check(found != open_.end(), "the end of a stream that is not open");
  end_stream(found, at_s, end);
}

void Driver::end_stream(std::map<std::uint32_t, Open>::iterator open, double at_s, const End& end) {
  Sample& sample = result_.samples[open->second.sample];
  sample.end_s = at_s - begin_s_;
  sample.outcome = end.outcome;
  sample.status = end.status;
  sample.retry_after_s = end.retry_after_s;
  sample.cached_tokens = end.cached_tokens;
  sample.usage = end.answer_tokens >= 0;
  const int arrivals = sample.first_s < 0.0 ? 0 : 1 + static_cast<int>(sample.gaps_s.size());
  sample.answer_tokens = sample.usage ? end.answer_tokens : arrivals;
  if (end.prompt_tokens >= 0) sample.prompt_tokens = end.prompt_tokens;
  // An answer without any text: what its user saw first was its end.
  if (sample.answered() && sample.first_s < 0.0) sample.first_s = sample.end_s;
  if (sample.measured) {
    --measured_open_;
    last_end_s_ = std::max(last_end_s_, sample.end_s);
  }
  std::optional<Request> next;
  double think_s = 0.0;
  if (sample.answered()) {
    think_s = workload_.think_s(open->second.request);
    next = workload_.follow_up(open->second.request, std::move(open->second.text),
                               std::move(open->second.ids));
  }
  if (!next && plan_.users > 0) next = workload_.next();
  if (next) {
    next->due_s = sample.end_s + think_s;
    wait_for(*std::move(next));
  }
  unused_.push_back(open->first);
  open_.erase(open);
}

void Driver::expire(double now_s) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto open = at++;
    if (result_.samples[open->second.sample].due_s + plan_.timeout_s > now_s) continue;
    target_.cancel(open->first);
    end_stream(open, now_s + begin_s_, {.outcome = Outcome::kTimedOut});
  }
}

void Driver::cut_all() {
  while (!open_.empty()) {
    target_.cancel(open_.begin()->first);
    end_stream(open_.begin(), target_.now_s(), {.outcome = Outcome::kCut});
  }
}

// The length of the measured window: as planned, or, where the requests are counted, up to the last
// one's due time (open loop) or end (closed loop).
double Driver::window_s() const {
  double end_s = plan_.users > 0 ? last_end_s_ : last_due_s_;
  if (plan_.duration_s > 0.0 && !enough() && !exhausted_) end_s = window_end();
  if (result_.interrupted) end_s = std::min(end_s, result_.elapsed_s);
  return std::max(0.0, end_s - plan_.warmup_s);
}

DriveResult Driver::run() {
  for (int user = 0; user < plan_.users; ++user) {
    std::optional<Request> first = workload_.next();
    if (!first) break;
    first->due_s = 0.0;
    wait_for(*std::move(first));
  }
  double look_s = 0.0;
  for (;;) {
    send_due();
    const double now_s = now();
    if (now_s >= look_s) {
      look_s = now_s + kLook;
      expire(now_s);
      if (plan_.stop && plan_.stop()) result_.interrupted = true;
      if (plan_.progress) {
        plan_.progress(now_s, static_cast<int>(result_.samples.size()),
                       static_cast<int>(open_.size()));
      }
    }
    if (result_.interrupted) break;
    const double next_s = waiting_.empty() ? kNever : waiting_.begin()->first.first;
    const bool more = !waiting_.empty() && sending(std::max(now_s, next_s));
    if (!more && (open_.empty() || (measured_open_ == 0 && !sending(now_s)))) break;
    target_.wait(begin_s_ + std::min(more ? next_s : kNever, look_s), *this);
  }
  result_.elapsed_s = now();
  cut_all();
  result_.warmup_s = plan_.warmup_s;
  result_.window_s = window_s();
  return std::move(result_);
}

}  // namespace

double Sample::tpot_s() const {
  if (!answered() || answer_tokens < 2) return -1.0;
  return (e2e_s() - ttft_s()) / (answer_tokens - 1);
}

DriveResult drive(Target& target, Workload& workload, const DrivePlan& plan) {
  return Driver(target, workload, plan).run();
}

}  // namespace aisp::load
