// The JSON form must carry every member there and back, and refuse what it cannot mean.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "machine/facts.h"
#include "machine/facts_fields.h"

namespace aisp::machine {
namespace {

using Json = nlohmann::ordered_json;

// Gives every member a value of its own, so that two that are mixed up show.
struct Fill {
  int next = 1;

  template <class T>
  void operator()(const char*, T& value) {
    set(value);
  }
  template <class T>
  void operator()(const char*, Maybe<T>& value) {
    set(value.emplace());
  }

  void set(int& value) { value = ++next; }
  void set(std::uint64_t& value) {
    value = (std::uint64_t{1} << 63) + static_cast<unsigned>(++next);
  }
  void set(double& value) { value = ++next + 0.1; }
  void set(bool& value) { value = true; }
  void set(std::string& value) { value = "text " + std::to_string(++next); }
  template <class T>
  void set(std::vector<T>& list) {
    for (int i = 0; i < 2; ++i) set(list.emplace_back());
  }
  template <class T>
  void set(T& value) {
    each_field(*this, value);
  }
};

TEST(FactsJson, EveryMemberThereAndBack) {
  Facts facts;
  Fill fill;
  each_field(fill, facts);
  const Json json = to_json(facts);
  const Facts again = facts_from_json(Json::parse(json.dump()));
  EXPECT_EQ(to_json(again), json);
  EXPECT_GT(fill.next, 200) << "two of everything";
  EXPECT_EQ(again.gpus.at(1).nvlinks.at(1).remote, facts.gpus[1].nvlinks[1].remote);
  EXPECT_EQ(again.gpus.at(0).power_limit_max, facts.gpus[0].power_limit_max);
  EXPECT_EQ(again.numa_distances, facts.numa_distances);
}

TEST(FactsJson, AbsentStaysAbsent) {
  const Json json = to_json(Facts{});
  EXPECT_FALSE(json.contains("bare_metal"));
  EXPECT_EQ(json["limits"], Json::object());
  const Facts facts = facts_from_json(Json::parse(R"({"gpus": [{"index": 3, "later": 1}]})"));
  ASSERT_EQ(facts.gpus.size(), 1u);
  EXPECT_EQ(facts.gpus[0].index, 3);
  EXPECT_EQ(facts.gpus[0].power_now, std::nullopt);
  EXPECT_EQ(facts.bare_metal, std::nullopt);
}

TEST(FactsJson, UnlimitedIsAWord) {
  Facts facts;
  facts.limits.locked_memory_bytes = Limits::kUnlimited;
  const Json json = to_json(facts);
  EXPECT_EQ(json["limits"]["locked_memory_bytes"], "unlimited");
  EXPECT_EQ(facts_from_json(json).limits.locked_memory_bytes, Limits::kUnlimited);
}

TEST(FactsJson, NotFiniteBecomesAbsent) {
  Facts facts;
  facts.gpus.emplace_back().power_now = std::numeric_limits<double>::infinity();
  const Json json = Json::parse(to_json(facts).dump());
  EXPECT_EQ(facts_from_json(json).gpus.at(0).power_now, std::nullopt);
}

TEST(FactsJson, WrongTypesAreErrorsWithAPlace) {
  const std::pair<const char*, const char*> rows[] = {
      {"[]", "facts:"},
      {R"({"hostname": 1})", "facts.hostname"},
      {R"({"gpus": {}})", "facts.gpus"},
      {R"({"gpus": [{}, {"power_now": "much"}]})", "facts.gpus[1].power_now"},
      {R"({"gpus": [{"ecc_now": 1}]})", "facts.gpus[0].ecc_now"},
      {R"({"gpus": [{"memory_bytes": -1}]})", "facts.gpus[0].memory_bytes"},
      {R"({"gpus": [{"memory_bytes": 1.5}]})", "facts.gpus[0].memory_bytes"},
      {R"({"gpus": [{"index": 4294967296}]})", "facts.gpus[0].index"},
      {R"({"affinity": [0, -2147483649]})", "facts.affinity[1]"},
      {R"({"affinity": [0.5]})", "facts.affinity[0]"},
      {R"({"numa_distances": [[10], 20]})", "facts.numa_distances[1]"},
      {R"({"hostname": null})", "facts.hostname"},
  };
  for (const auto& [text, place] : rows) {
    try {
      facts_from_json(Json::parse(text));
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(place), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace aisp::machine
