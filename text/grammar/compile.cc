// Expressions to an automaton. See expression.h.
#include <algorithm>
#include <bitset>
#include <map>

#include "base/error.h"
#include "base/shown.h"
#include "text/grammar/expression.h"
#include "text/utf8.h"

namespace aisp::text::grammar {
namespace {

// A schema of a thousand properties has 50,000 states; what repeats a thousand times a thousand
// times is refused here.
constexpr std::size_t kMaxStates = 400'000;
// Steps of all states: a set of a thousand ranges repeated a thousand times has few states.
constexpr std::size_t kMaxSteps = 2'000'000;

using ByteRange = std::pair<std::uint8_t, std::uint8_t>;
using ByteRanges = std::vector<ByteRange>;

/// The UTF-8 of all characters from first to last, as sequences of ranges of bytes.
void utf8_ranges(char32_t first, char32_t last, std::vector<ByteRanges>& out) {
  for (char32_t end : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
    if (first <= end && end < last) {
      utf8_ranges(first, end, out);
      utf8_ranges(end + 1, last, out);
      return;
    }
  }
  const std::string low = utf8_of(first), high = utf8_of(last);
  // Cut until each byte's range is independent of the others.
  for (std::size_t tail = 1; tail < low.size(); ++tail) {
    const char32_t mask = (char32_t{1} << (6 * tail)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      utf8_ranges(first, first | mask, out);
      utf8_ranges((first | mask) + 1, last, out);
      return;
    }
    if ((last & mask) != mask) {
      utf8_ranges(first, (last & ~mask) - 1, out);
      utf8_ranges(last & ~mask, last, out);
      return;
    }
  }
  ByteRanges bytes;
  for (std::size_t i = 0; i < low.size(); ++i) {
    bytes.emplace_back(static_cast<std::uint8_t>(low[i]), static_cast<std::uint8_t>(high[i]));
  }
  out.push_back(std::move(bytes));
}

class Compiler {
 public:
  explicit Compiler(const Rules& rules) : rules_(rules) {}

  Automaton run() {
    for (const Expression& body : rules_.bodies) {
      const std::int32_t start = state();
      const std::int32_t end = build(body, start);
      at(end).ends_rule = true;
      out_.starts.push_back(start);
    }
    mark_only_returns();
    mark_alive();
    if (!at(out_.starts[0]).alive) fail("no text fits the grammar", "grammar");
    refuse_left_recursion();
    make_classes();
    return std::move(out_);
  }

 private:
  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  Automaton::State& at(std::int32_t i) { return out_.states[index(i)]; }

  std::int32_t state() {
    if (out_.states.size() >= kMaxStates) {
      fail("the grammar needs more than " + std::to_string(kMaxStates) + " states", "grammar");
    }
    out_.states.emplace_back();
    return static_cast<std::int32_t>(out_.states.size()) - 1;
  }

  void add_step(std::int32_t from, Automaton::Step step) {
    if (++steps_ > kMaxSteps) {
      fail("the grammar needs more than " + std::to_string(kMaxSteps) + " steps", "grammar");
    }
    at(from).steps.push_back(step);
  }

  /// Adds the expression behind `from`; returns where it ends.
  std::int32_t build(const Expression& e, std::int32_t from) {
    using Kind = Expression::Kind;
    switch (e.kind) {
      case Kind::kText:
        for (char c : e.text) {
          const std::uint8_t byte = static_cast<std::uint8_t>(c);
          const std::int32_t to = state();
          add_step(from, {byte, byte, to});
          from = to;
        }
        return from;
      case Kind::kSet:
        return build_set(e.ranges, from);
      case Kind::kSequence:
        for (const Expression& part : e.parts) from = build(part, from);
        return from;
      case Kind::kChoice: {
        const std::int32_t end = state();
        for (const Expression& part : e.parts) {
          const std::int32_t begin = state();
          at(from).free.push_back(begin);
          const std::int32_t part_end = build(part, begin);
          at(part_end).free.push_back(end);
        }
        return end;
      }
      case Kind::kRepeat:
        return build_repeat(e, from);
      case Kind::kRule:
        break;
    }
    const std::int32_t to = state();
    at(from).calls.push_back({e.rule, to});
    return to;
  }

  std::int32_t build_repeat(const Expression& e, std::int32_t from) {
    for (std::int64_t i = 0; i < e.min; ++i) from = build(e.parts[0], from);
    if (e.max < 0) {
      // A state of its own, so that the loop does not lead back into what was before.
      const std::int32_t loop = state(), end = state();
      at(from).free.push_back(loop);
      at(loop).free.push_back(end);
      const std::int32_t back = build(e.parts[0], loop);
      at(back).free.push_back(loop);
      return end;
    }
    const std::int32_t end = state();
    for (std::int64_t i = e.min; i < e.max; ++i) {
      at(from).free.push_back(end);
      from = build(e.parts[0], from);
    }
    at(from).free.push_back(end);
    return end;
  }

  std::int32_t build_set(const Ranges& ranges, std::int32_t from) {
    const std::int32_t end = state();
    std::vector<ByteRanges> sequences;
    for (const auto& [first, last] : ranges) {
      // Surrogates are no characters.
      if (first < 0xD800) utf8_ranges(first, std::min<char32_t>(last, 0xD7FF), sequences);
      if (last > 0xDFFF) utf8_ranges(std::max<char32_t>(first, 0xE000), last, sequences);
    }
    std::map<ByteRanges, std::int32_t> tails;  // what is still to read: one state each
    for (ByteRanges& bytes : sequences) {
      std::int32_t to = end;
      while (bytes.size() > 1) {
        const ByteRanges tail(bytes.begin() + 1, bytes.end());
        if (tails.find(tail) == tails.end()) {
          const std::int32_t made = state();
          tails[tail] = made;
          link_tail(tail, made, end, tails);
        }
        to = tails[tail];
        break;
      }
      add_step(from, {bytes[0].first, bytes[0].second, to});
    }
    return end;
  }

  void link_tail(const ByteRanges& tail, std::int32_t from, std::int32_t end,
                 std::map<ByteRanges, std::int32_t>& tails) {
    std::int32_t to = end;
    if (tail.size() > 1) {
      const ByteRanges rest(tail.begin() + 1, tail.end());
      if (tails.find(rest) == tails.end()) {
        const std::int32_t made = state();
        tails[rest] = made;
        link_tail(rest, made, end, tails);
      }
      to = tails[rest];
    }
    add_step(from, {tail[0].first, tail[0].second, to});
  }

  // Who leads on when some state does; `other`: if that one does too, -1 for no other.
  struct Waiting {
    std::int32_t state, other;
  };

  /// Nothing follows before the rule's end. Linear: each free step is looked at once.
  void mark_only_returns() {
    std::vector<std::vector<std::int32_t>> before(out_.states.size());
    std::vector<std::size_t> missing(out_.states.size());
    std::vector<std::int32_t> open;
    for (std::size_t i = 0; i < out_.states.size(); ++i) {
      const Automaton::State& s = out_.states[i];
      if (!s.steps.empty() || !s.calls.empty()) continue;
      missing[i] = s.free.size();
      for (std::int32_t to : s.free) before[index(to)].push_back(static_cast<std::int32_t>(i));
      if (s.free.empty() && s.ends_rule) open.push_back(static_cast<std::int32_t>(i));
    }
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      at(i).only_returns = true;
      for (std::int32_t state : before[index(i)]) {
        if (--missing[index(state)] == 0) open.push_back(state);
      }
    }
  }

  /// Which states lead to the end of their rule: at all, or without reading a byte. A call leads
  /// on when the state it comes back to does and the called rule's start does too. Linear: each
  /// step, free step and call is looked at twice.
  std::vector<char> leading_to_end(bool reading) {
    std::vector<std::vector<Waiting>> waiting(out_.states.size());
    std::vector<char> leads(out_.states.size(), 0);
    std::vector<std::int32_t> open;
    const auto found = [&](std::int32_t i) {
      if (!std::exchange(leads[index(i)], 1)) open.push_back(i);
    };
    for (std::size_t number = 0; number < out_.states.size(); ++number) {
      const Automaton::State& s = out_.states[number];
      const auto i = static_cast<std::int32_t>(number);
      if (s.ends_rule) found(i);
      for (std::int32_t to : s.free) waiting[index(to)].push_back({i, -1});
      for (const Automaton::Call& call : s.calls) {
        const std::int32_t start = out_.starts[index(call.rule)];
        waiting[index(start)].push_back({i, call.back});
        waiting[index(call.back)].push_back({i, start});
      }
      for (std::size_t j = 0; reading && j < s.steps.size(); ++j) {
        // The ranges of a set mostly lead to the same state.
        if (j > 0 && s.steps[j].to == s.steps[j - 1].to) continue;
        waiting[index(s.steps[j].to)].push_back({i, -1});
      }
    }
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      for (const Waiting& w : waiting[index(i)]) {
        if (w.other < 0 || leads[index(w.other)]) found(w.state);
      }
    }
    return leads;
  }

  void mark_alive() {
    const std::vector<char> leads = leading_to_end(true);
    for (std::size_t i = 0; i < leads.size(); ++i) out_.states[i].alive = leads[i] != 0;
  }

  /// The rules that can be called from a rule's start without reading. A state belongs to one rule,
  /// so all rules together are linear.
  std::vector<std::int32_t> opening_calls(std::int32_t start, const std::vector<char>& empty,
                                          std::vector<char>& seen) {
    std::vector<std::int32_t> calls, open = {start};
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      if (std::exchange(seen[index(i)], 1) || !at(i).alive) continue;
      open.insert(open.end(), at(i).free.begin(), at(i).free.end());
      for (const Automaton::Call& call : at(i).calls) {
        calls.push_back(call.rule);
        if (empty[index(out_.starts[index(call.rule)])]) open.push_back(call.back);
      }
    }
    return calls;
  }

  void refuse_left_recursion() {
    const std::size_t count = out_.starts.size();
    const std::vector<char> empty = leading_to_end(false);
    std::vector<char> seen(out_.states.size(), 0);
    std::vector<std::vector<std::int32_t>> openings(count);
    for (std::size_t i = 0; i < count; ++i) {
      openings[i] = opening_calls(out_.starts[i], empty, seen);
    }
    std::vector<char> mark(count, 0);  // 1: on the path, 2: done
    for (std::size_t root = 0; root < count; ++root) {
      std::vector<std::pair<std::size_t, std::size_t>> path;
      if (mark[root] == 0) path.emplace_back(root, 0), mark[root] = 1;
      while (!path.empty()) {
        auto& [rule, next] = path.back();
        if (next == openings[rule].size()) {
          mark[rule] = 2;
          path.pop_back();
          continue;
        }
        const std::size_t called = static_cast<std::size_t>(openings[rule][next++]);
        if (mark[called] == 1) fail("a rule begins with itself (left recursion)", "grammar");
        if (mark[called] == 0) path.emplace_back(called, 0), mark[called] = 1;
      }
    }
  }

  void make_classes() {
    std::bitset<257> cuts;
    for (const Automaton::State& s : out_.states) {
      for (const Automaton::Step& step : s.steps) cuts.set(step.first), cuts.set(step.last + 1u);
    }
    for (std::size_t byte = 0; byte < 256; ++byte) {
      if (byte == 0 || cuts[byte]) out_.byte_of_class.push_back(static_cast<std::uint8_t>(byte));
      out_.class_of[byte] = static_cast<std::uint8_t>(out_.byte_of_class.size() - 1);
    }
  }

  const Rules& rules_;
  Automaton out_;
  std::size_t steps_ = 0;
};

}  // namespace

void fail(const std::string& what, const std::string& where) {
  throw Error(shown(what, 200), where, "simplify it, or correct it");
}

Expression text(std::string_view bytes) {
  return {.kind = Expression::Kind::kText, .text = std::string(bytes)};
}
Expression set(Ranges ranges) {
  return {.kind = Expression::Kind::kSet, .ranges = std::move(ranges)};
}
Expression set_without(Ranges ranges) {
  std::sort(ranges.begin(), ranges.end());
  Ranges kept;
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) kept.emplace_back(next, first - 1);
    next = std::max<char32_t>(next, last + 1);
  }
  if (next <= 0x10FFFF) kept.emplace_back(next, 0x10FFFF);
  return set(std::move(kept));
}
Expression sequence(std::vector<Expression> parts) {
  return {.kind = Expression::Kind::kSequence, .parts = std::move(parts)};
}
Expression choice(std::vector<Expression> parts) {
  return {.kind = Expression::Kind::kChoice, .parts = std::move(parts)};
}
Expression repeat(Expression part, std::int64_t min, std::int64_t max) {
  return {.kind = Expression::Kind::kRepeat, .parts = {std::move(part)}, .min = min, .max = max};
}
Expression optional(Expression part) { return repeat(std::move(part), 0, 1); }
Expression rule(std::int32_t index) { return {.kind = Expression::Kind::kRule, .rule = index}; }

std::shared_ptr<const Automaton> compile(const Rules& rules) {
  return std::make_shared<const Automaton>(Compiler(rules).run());
}

}  // namespace aisp::text::grammar
