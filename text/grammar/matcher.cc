// Sets of places, their steps, and masks. See grammar.h.
#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "base/error.h"
#include "text/flat_table.h"
#include "text/grammar.h"
#include "text/grammar/automaton.h"
#include "text/piece_trie.h"

namespace aisp::text {

using grammar::Automaton;

struct GrammarVocabulary::State {
  PieceTrie trie;
  std::vector<std::string> pieces;
  std::vector<char> is_end, is_text;
  std::vector<std::int32_t> ends;
};

GrammarVocabulary::GrammarVocabulary(const Tokenizer& tokenizer)
    : state_(std::make_unique<State>()) {
  std::vector<std::pair<std::string_view, std::int32_t>> texts;
  const std::size_t size = static_cast<std::size_t>(tokenizer.size());
  state_->is_end.resize(size), state_->is_text.resize(size);
  for (std::int32_t id = 0; id < tokenizer.size(); ++id) {
    const PieceType type = tokenizer.type(id);
    const std::string_view piece = tokenizer.piece(id);
    const bool is_text = type != PieceType::kControl && type != PieceType::kUnknown &&
                         type != PieceType::kUnused && !piece.empty();
    state_->pieces.emplace_back(piece);
    if (tokenizer.ends_text(id)) {
      state_->is_end[static_cast<std::size_t>(id)] = 1;
      state_->ends.push_back(id);
    } else if (is_text) {
      state_->is_text[static_cast<std::size_t>(id)] = 1;
      texts.emplace_back(piece, id);
    }
  }
  state_->trie = PieceTrie(std::move(texts));
}
GrammarVocabulary::~GrammarVocabulary() = default;
std::int32_t GrammarVocabulary::size() const {
  return static_cast<std::int32_t>(state_->pieces.size());
}

/// Ids of sets ("places") and stacks ("frames"); everything is made once and kept.
struct GrammarMatcher::Memory {
  // Stack 0 is empty: who returns there has read the whole text. Stack 1 stands for any stack, in
  // the walks that do not depend on it.
  static constexpr std::int32_t kBottom = 0, kAnyStack = 1;
  static constexpr std::int32_t kDead = -1, kUnknown = -2;
  // Far above what schemas need (a few thousand sets, a megabyte): for grammars and texts made to
  // hurt. Fits and masks beyond their share are forgotten and found again.
  static constexpr std::size_t kMostBytes = std::size_t{32} << 20;
  static constexpr std::size_t kMostFitBytes = std::size_t{32} << 20;
  // Work is what is looked at: items, steps, nodes; 5 to 15 ns each. The first mask at a free
  // string takes 0.4 million of 128,256 pieces, and what was found out is free afterwards. So a
  // grammar made to hurt takes 0.4 s at most at once and 8 ms for each further mask, then it is
  // ended.
  static constexpr std::int64_t kMostWork = 20'000'000, kWorkOfMask = 500'000;
  static constexpr std::int64_t kWorthKeeping = 20'000;  // a mask that took so much is remembered

  struct Frame {
    std::int32_t back, below;
    std::int32_t popped = kUnknown;  // the set after returning here
  };
  struct Item {
    std::int32_t state, frame;
    bool operator==(const Item&) const = default;
    auto operator<=>(const Item&) const = default;
  };
  struct Place {
    std::vector<Item> items;         // states that read a byte, sorted
    bool complete = false;           // the empty stack was returned to
    bool returned = false;           // the stack of any kind was returned to
    std::vector<std::int32_t> next;  // by class of byte
  };
  /// What fits at a state whatever is below it, and where in the tree the rule can end.
  struct Fit {
    std::vector<std::uint64_t> bits;    // when many fit
    std::vector<std::int32_t> ids;      // when few do
    std::vector<std::uint32_t> ending;  // nodes of the tree
  };

  std::shared_ptr<const Automaton> automaton;
  std::shared_ptr<const GrammarVocabulary> vocabulary;
  std::mutex lock;
  std::vector<Frame> frames;
  std::vector<Place> places;
  FlatTable<std::int32_t> frame_ids, place_ids;
  std::unordered_map<std::int32_t, Fit> fits;                          // by state
  std::unordered_map<std::int32_t, std::vector<std::uint64_t>> masks;  // by place
  std::size_t fit_memory = 0;
  std::size_t bytes = 0;  // of places and frames
  std::int64_t work_left = kMostWork;
  std::int32_t start = kDead;
  std::vector<Item> open_;  // closing()'s own, like seen_
  std::unordered_set<std::uint64_t> seen_;
  std::vector<std::int32_t> path_;  // descend()'s own

  Memory(std::shared_ptr<const Automaton> given, std::shared_ptr<const GrammarVocabulary> pieces)
      : automaton(std::move(given)), vocabulary(std::move(pieces)) {
    frames = {{-1, -1, kDead}, {-1, -1, kDead}};
    start = closing({{automaton->starts[0], kBottom}});
  }

  const Automaton::State& state(std::int32_t i) const {
    return automaton->states[static_cast<std::size_t>(i)];
  }
  Place& place(std::int32_t i) { return places[static_cast<std::size_t>(i)]; }

  static std::uint64_t pair_key(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(a)) << 32 |
           static_cast<std::uint32_t>(b);
  }

  std::int32_t frame(std::int32_t back, std::int32_t below) {
    const std::uint64_t key = pair_key(back, below);
    if (const std::int32_t* found = frame_ids.find(key)) return *found;
    const std::int32_t made = static_cast<std::int32_t>(frames.size());
    spend(1);
    grow(2 * sizeof(Frame) + 32);
    frames.push_back({back, below});
    frame_ids.insert(key, made);
    return made;
  }

  void grow(std::size_t more) {
    bytes += more;
    if (bytes <= kMostBytes) return;
    throw Error("the grammar has too many ways to go on", "grammar", "simplify it");
  }

  void spend(std::size_t work) {
    work_left -= static_cast<std::int64_t>(work);
    if (work_left >= 0) return;
    work_left = 0;
    throw Error("the grammar takes too long to follow", "grammar", "simplify it");
  }

  /// The set of places reached from these without reading.
  std::int32_t closing(std::vector<Item> from) {
    Place made;
    open_ = std::move(from);
    seen_.clear();
    while (!open_.empty()) {
      const Item item = open_.back();
      open_.pop_back();
      const Automaton::State& s = state(item.state);
      if (!s.alive || !seen_.insert(pair_key(item.state, item.frame)).second) continue;
      spend(1 + s.free.size() + s.calls.size());
      if (!s.steps.empty()) made.items.push_back(item);
      for (std::int32_t to : s.free) open_.push_back({to, item.frame});
      for (const Automaton::Call& call : s.calls) {
        if (!state(call.back).alive) continue;
        const std::int32_t stack =
            state(call.back).only_returns ? item.frame : frame(call.back, item.frame);
        open_.push_back({automaton->starts[static_cast<std::size_t>(call.rule)], stack});
      }
      if (!s.ends_rule) continue;
      if (item.frame == kBottom) {
        made.complete = true;
      } else if (item.frame == kAnyStack) {
        made.returned = true;
      } else {
        const Frame& top = frames[static_cast<std::size_t>(item.frame)];
        open_.push_back({top.back, top.below});
      }
    }
    std::sort(made.items.begin(), made.items.end());
    return intern(std::move(made));
  }

  std::int32_t intern(Place made) {
    if (made.items.empty() && !made.complete && !made.returned) return kDead;
    std::uint64_t hash = (made.complete ? 1u : 0u) | (made.returned ? 2u : 0u);
    hash ^= hash_bytes(
        {reinterpret_cast<const char*>(made.items.data()), made.items.size() * sizeof(Item)});
    const std::int32_t* found = place_ids.find(hash, [&](std::int32_t i) {
      const Place& other = place(i);
      return other.items == made.items && other.complete == made.complete &&
             other.returned == made.returned;
    });
    if (found != nullptr) return *found;
    grow(2 * sizeof(Place) + 32 + made.items.size() * sizeof(Item) +
         automaton->byte_of_class.size() * sizeof(std::int32_t));
    made.items.shrink_to_fit();
    made.next.assign(automaton->byte_of_class.size(), kUnknown);
    const std::int32_t id = static_cast<std::int32_t>(places.size());
    places.push_back(std::move(made));
    place_ids.insert(hash, id);
    return id;
  }

  std::int32_t step(std::int32_t from, std::uint8_t byte) {
    const std::size_t kind = automaton->class_of[byte];
    const std::int32_t known = place(from).next[kind];
    if (known != kUnknown) return known;
    std::vector<Item> reached;
    for (const Item& item : place(from).items) {
      spend(1 + state(item.state).steps.size());
      for (const Automaton::Step& s : state(item.state).steps) {
        if (s.first <= byte && byte <= s.last) reached.push_back({s.to, item.frame});
      }
    }
    const std::int32_t to = reached.empty() ? kDead : closing(std::move(reached));
    place(from).next[kind] = to;
    return to;
  }

  std::int32_t walk(std::int32_t from, std::string_view bytes) {
    for (char c : bytes) {
      if (from == kDead) return kDead;
      from = step(from, static_cast<std::uint8_t>(c));
    }
    return from;
  }

  /// Visits the tree below `top` in step with the grammar from `from`: reached(node, place).
  template <typename Reached>
  void descend(std::uint32_t top, std::int32_t from, Reached&& reached) {
    const PieceTrie& trie = vocabulary->state().trie;
    const auto nodes = trie.nodes();
    const std::uint32_t end = nodes[top].end;
    const std::size_t base = nodes[top].depth;
    path_.assign(1, from);
    for (std::uint32_t node = top + 1; node < end;) {
      const std::size_t depth = nodes[node].depth - base;
      path_.resize(depth);
      spend(1);
      const std::int32_t to = step(path_.back(), nodes[node].byte);
      if (to == kDead) {
        node = nodes[node].end;
        continue;
      }
      reached(node, to);
      // Nothing can follow a place that only returned.
      if (place(to).items.empty()) {
        node = nodes[node].end;
        continue;
      }
      path_.push_back(to);
      ++node;
    }
  }

  const Fit& fit_of(std::int32_t of_state) {
    const auto found = fits.find(of_state);
    if (found != fits.end()) return found->second;
    Fit fit;
    Place alone;
    alone.items = {{of_state, kAnyStack}};
    const PieceTrie& trie = vocabulary->state().trie;
    descend(0, intern(std::move(alone)), [&](std::uint32_t node, std::int32_t to) {
      const Place& here = place(to);
      if (!here.items.empty()) {
        for (std::int32_t id : trie.values(node)) fit.ids.push_back(id);
      }
      if (here.returned) fit.ending.push_back(node);
    });
    // A list of ids is shorter than the bits below one in 32.
    if (fit.ids.size() > static_cast<std::size_t>(vocabulary->size()) / 32) {
      fit.bits.assign(vocabulary->mask_words(), 0);
      for (std::int32_t id : fit.ids) set_bit(fit.bits, id);
      fit.ids = {};
    }
    keep(8 * fit.bits.size() + 4 * (fit.ids.size() + fit.ending.size()) + 64);
    return fits.emplace(of_state, std::move(fit)).first->second;
  }

  /// Makes room for more of what can be found again.
  void keep(std::size_t more) {
    if (fit_memory + more > kMostFitBytes) fits.clear(), masks.clear(), fit_memory = 0;
    fit_memory += more;
  }

  static void set_bit(std::span<std::uint64_t> bits, std::int32_t id) {
    bits[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
  }

  /// The set after the innermost rule ended with this stack.
  std::int32_t after_return(std::int32_t stack) {
    if (stack == kBottom) return kDead;
    Frame& top = frames[static_cast<std::size_t>(stack)];
    if (top.popped != kUnknown) return top.popped;
    const std::int32_t to = closing({{top.back, top.below}});
    frames[static_cast<std::size_t>(stack)].popped = to;
    return to;
  }

  void mask(std::int32_t at, std::span<std::uint64_t> bits) {
    std::fill(bits.begin(), bits.end(), 0);
    if (at == kDead) return;
    if (const auto known = masks.find(at); known != masks.end()) {
      std::copy(known->second.begin(), known->second.end(), bits.begin());
      return;
    }
    work_left = std::min(kMostWork, work_left + kWorkOfMask);
    const std::int64_t before = work_left;
    for (std::size_t i = 0; i < place(at).items.size(); ++i) {
      add_item(place(at).items[i], bits);  // a copy: places may move meanwhile
    }
    if (place(at).complete) {
      for (std::int32_t id : vocabulary->state().ends) set_bit(bits, id);
    }
    if (before - work_left < kWorthKeeping) return;
    keep(8 * bits.size() + 64);
    masks.emplace(at, std::vector<std::uint64_t>(bits.begin(), bits.end()));
  }

  void add_item(Item item, std::span<std::uint64_t> bits) {
    const PieceTrie& trie = vocabulary->state().trie;
    const Fit& fit = fit_of(item.state);
    spend(1 + fit.bits.size() / 8 + fit.ids.size() + fit.ending.size());
    for (std::size_t word = 0; word < fit.bits.size(); ++word) bits[word] |= fit.bits[word];
    for (std::int32_t id : fit.ids) set_bit(bits, id);
    const std::int32_t outer = after_return(item.frame);
    for (std::uint32_t node : fit.ending) {
      for (std::int32_t id : trie.values(node)) set_bit(bits, id);
      if (outer == kDead) continue;
      descend(node, outer, [&](std::uint32_t below, std::int32_t) {
        for (std::int32_t id : trie.values(below)) set_bit(bits, id);
      });
    }
  }
};

GrammarMatcher::GrammarMatcher(const Grammar& grammar,
                               std::shared_ptr<const GrammarVocabulary> vocabulary)
    : memory_(std::make_unique<Memory>(grammar.automaton(), std::move(vocabulary))) {}
GrammarMatcher::~GrammarMatcher() = default;

GrammarState::GrammarState(std::shared_ptr<GrammarMatcher> matcher)
    : matcher_(std::move(matcher)), at_(matcher_->memory().start) {}

bool GrammarState::allowed(std::string_view bytes) const {
  GrammarMatcher::Memory& memory = matcher_->memory();
  const std::lock_guard guard(memory.lock);
  return memory.walk(at_, bytes) != GrammarMatcher::Memory::kDead;
}

bool GrammarState::advance_bytes(std::string_view bytes) {
  GrammarMatcher::Memory& memory = matcher_->memory();
  const std::lock_guard guard(memory.lock);
  const std::int32_t to = memory.walk(at_, bytes);
  if (to == GrammarMatcher::Memory::kDead) return false;
  at_ = to;
  return true;
}

bool GrammarState::advance(std::int32_t id) {
  const GrammarVocabulary::State& pieces = matcher_->memory().vocabulary->state();
  if (id < 0 || static_cast<std::size_t>(id) >= pieces.pieces.size()) return false;
  if (pieces.is_end[static_cast<std::size_t>(id)]) return complete();
  if (!pieces.is_text[static_cast<std::size_t>(id)]) return false;
  return advance_bytes(pieces.pieces[static_cast<std::size_t>(id)]);
}

bool GrammarState::complete() const {
  GrammarMatcher::Memory& memory = matcher_->memory();
  const std::lock_guard guard(memory.lock);
  return at_ != GrammarMatcher::Memory::kDead && memory.place(at_).complete;
}

std::size_t GrammarState::mask_words() const { return matcher_->memory().vocabulary->mask_words(); }

void GrammarState::mask(std::span<std::uint64_t> bits) const {
  GrammarMatcher::Memory& memory = matcher_->memory();
  check(bits.size() == memory.vocabulary->mask_words(), "a mask has another length");
  const std::lock_guard guard(memory.lock);
  memory.mask(at_, bits);
}

}  // namespace aisp::text
