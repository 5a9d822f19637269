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
  Automaton::State& at(std::int32_t i) { return out_.states[static_cast<std::size_t>(i)]; }

  std::int32_t state() {
    if (out_.states.size() >= kMaxStates) {
      fail("the grammar needs more than " + std::to_string(kMaxStates) + " states", "grammar");
    }
    out_.states.emplace_back();
    return static_cast<std::int32_t>(out_.states.size()) - 1;
  }

  /// Adds the expression behind `from`; returns where it ends.
  std::int32_t build(const Expression& e, std::int32_t from) {
    using Kind = Expression::Kind;
    switch (e.kind) {
      case Kind::kText:
        for (char c : e.text) {
          const std::uint8_t byte = static_cast<std::uint8_t>(c);
          const std::int32_t to = state();
          at(from).steps.push_back({byte, byte, to});
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
      at(from).steps.push_back({bytes[0].first, bytes[0].second, to});
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
    at(from).steps.push_back({tail[0].first, tail[0].second, to});
  }

  void mark_only_returns() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = out_.states.size(); i-- > 0;) {
        Automaton::State& s = out_.states[i];
        if (s.only_returns || !s.steps.empty() || !s.calls.empty()) continue;
        s.only_returns = (s.ends_rule || !s.free.empty()) &&
                         std::all_of(s.free.begin(), s.free.end(),
                                     [&](std::int32_t to) { return at(to).only_returns; });
        changed = changed || s.only_returns;
      }
    }
  }

  /// Which states lead to the end of their rule. States mostly lead to later ones, so that going
  /// backwards takes few rounds.
  void mark_alive() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = out_.states.size(); i-- > 0;) {
        Automaton::State& s = out_.states[i];
        if (s.alive) continue;
        const auto is_alive = [&](std::int32_t to) { return at(to).alive; };
        s.alive = s.ends_rule || std::any_of(s.free.begin(), s.free.end(), is_alive) ||
                  std::any_of(s.steps.begin(), s.steps.end(),
                              [&](const Automaton::Step& step) { return is_alive(step.to); }) ||
                  std::any_of(s.calls.begin(), s.calls.end(), [&](const Automaton::Call& call) {
                    return is_alive(call.back) &&
                           is_alive(out_.starts[static_cast<std::size_t>(call.rule)]);
                  });
        changed = changed || s.alive;
      }
    }
  }

  /// What can be reached from a rule's start without reading: whether its end, and which calls.
  struct Opening {
    bool empty = false;
    std::vector<std::int32_t> calls;
  };

  Opening opening_of(std::int32_t start, const std::vector<char>& empty_rules) {
    Opening out;
    std::vector<std::int32_t> open = {start};
    std::map<std::int32_t, bool> seen;
    while (!open.empty()) {
      const std::int32_t i = open.back();
      open.pop_back();
      if (std::exchange(seen[i], true) || !at(i).alive) continue;
      out.empty = out.empty || at(i).ends_rule;
      open.insert(open.end(), at(i).free.begin(), at(i).free.end());
      for (const Automaton::Call& call : at(i).calls) {
        out.calls.push_back(call.rule);
        if (empty_rules[static_cast<std::size_t>(call.rule)]) open.push_back(call.back);
      }
    }
    return out;
  }

  void refuse_left_recursion() {
    const std::size_t count = out_.starts.size();
    std::vector<char> empty(count, 0);
    std::vector<Opening> openings(count);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = count; i-- > 0;) {
        openings[i] = opening_of(out_.starts[i], empty);
        if (openings[i].empty && !empty[i]) empty[i] = 1, changed = true;
      }
    }
    std::vector<char> mark(count, 0);  // 1: on the path, 2: done
    for (std::size_t root = 0; root < count; ++root) {
      std::vector<std::pair<std::size_t, std::size_t>> path;
      if (mark[root] == 0) path.emplace_back(root, 0), mark[root] = 1;
      while (!path.empty()) {
        auto& [rule, next] = path.back();
        if (next == openings[rule].calls.size()) {
          mark[rule] = 2;
          path.pop_back();
          continue;
        }
        const std::size_t called = static_cast<std::size_t>(openings[rule].calls[next++]);
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
