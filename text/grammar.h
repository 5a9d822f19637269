// Which tokens may come next, when the output must be JSON of a schema or a sentence of a grammar.
// The grammar becomes an automaton over bytes with a stack for rules inside of rules; a state is
// the set of places where the text so far can be. Sets and stacks are interned and their steps
// remembered, so that a step is one look-up, and which pieces fit at a place of the grammar is
// found once by a walk over the tree of all pieces: only pieces that end the innermost rule are
// looked at again, because what they may go on with depends on the stack. Source: Dong et al.,
// "XGrammar", arXiv:2411.15100 (pieces whose fit does not depend on the stack); llama.cpp's GBNF
// (the notation); json-schema.org, draft 2020-12.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "text/tokenizer.h"

namespace aisp::text {

namespace grammar {
struct Automaton;
}

/// A compiled grammar. Cheap to copy.
class Grammar {
 public:
  /// JSON that a schema accepts: type, enum, const, properties, required, additionalProperties,
  /// items, prefixItems, minItems, maxItems, minLength, maxLength, pattern (classes, groups,
  /// alternatives, repetitions), format (date, time, date-time, uuid), integer bounds, anyOf, oneOf
  /// (as anyOf), allOf of objects, local $ref. Properties come in the schema's order; others only
  /// where additionalProperties allows them by name. Between tokens at most one space or one line
  /// break with indentation. Throws Error for a keyword that would be ignored.
  static Grammar from_json_schema(std::string_view schema);

  /// GBNF: rules `name ::= ...` of "literals", [classes], (groups), rule names, |, *, +, ?, {m,n},
  /// `.` and # comments; the text is a `root`. Throws Error, for left recursion too.
  static Grammar from_gbnf(std::string_view source);

  explicit Grammar(std::shared_ptr<const grammar::Automaton> automaton)
      : automaton_(std::move(automaton)) {}
  const std::shared_ptr<const grammar::Automaton>& automaton() const { return automaton_; }

 private:
  std::shared_ptr<const grammar::Automaton> automaton_;
};

/// The pieces of a vocabulary, ready for masks: one for each tokenizer, shared by all grammars.
/// Control pieces never fit; the ends of text fit where the text may end.
class GrammarVocabulary {
 public:
  /// Cost: about 0.2 us a piece.
  explicit GrammarVocabulary(const Tokenizer& tokenizer);
  ~GrammarVocabulary();
  GrammarVocabulary(const GrammarVocabulary&) = delete;
  GrammarVocabulary& operator=(const GrammarVocabulary&) = delete;

  std::int32_t size() const;
  /// Words of 64 bits that a mask has.
  std::size_t mask_words() const { return (static_cast<std::size_t>(size()) + 63) / 64; }

  struct State;
  const State& state() const { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

/// A grammar over a vocabulary, with what was found out so far; for all requests that share both.
/// Thread-safe: calls take one lock. What it remembers grows with how deep texts nest and in how
/// many ways they can be read, up to 64 MiB; beyond that, and when a grammar takes too long to
/// follow, calls throw Error, so strangers should not share one. A grammar made to hurt takes 0.4 s
/// at most at once and 8 ms for each further mask before it is ended: who serves strangers bounds
/// how many grammars start at a time.
class GrammarMatcher {
 public:
  GrammarMatcher(const Grammar& grammar, std::shared_ptr<const GrammarVocabulary> vocabulary);
  ~GrammarMatcher();
  GrammarMatcher(const GrammarMatcher&) = delete;
  GrammarMatcher& operator=(const GrammarMatcher&) = delete;

  struct Memory;
  Memory& memory() { return *memory_; }

 private:
  std::unique_ptr<Memory> memory_;
};

/// Where one text is in a grammar. A copy goes its own way (drafts).
class GrammarState {
 public:
  explicit GrammarState(std::shared_ptr<GrammarMatcher> matcher);

  /// Whether the text may go on with these bytes.
  bool allowed(std::string_view bytes) const;
  /// Goes on with a token. False, and nothing changes, when it does not fit. An end of text fits
  /// where the text is complete, and changes nothing.
  bool advance(std::int32_t id);
  bool advance_bytes(std::string_view bytes);
  /// The text may end here.
  bool complete() const;
  std::size_t mask_words() const;  // the vocabulary's
  /// Bit id % 64 of word id / 64: whether the token fits. As many words as mask_words().
  /// For 128,256 pieces typically 5 to 50 us; 2 to 5 ms the first time at a place where most fit.
  /// Throws Error when the grammar needs too much memory.
  void mask(std::span<std::uint64_t> bits) const;

 private:
  std::shared_ptr<GrammarMatcher> matcher_;
  std::int32_t at_;
};

}  // namespace aisp::text
