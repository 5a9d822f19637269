// Work in a child: results come back through shared memory alone, and every way to fail is an
// Error.
#include "machine/child.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "base/error.h"

namespace aisp::machine {
namespace {

TEST(Child, LeavesBehindWhatIsShared) {
  const SharedMemory shared(sizeof(int));
  auto* told = static_cast<int*>(shared.data());
  EXPECT_EQ(*told, 0);
  int own = 1;
  run_in_child(nullptr, [&] {
    own = 2;
    *told = own + 5;
  });
  EXPECT_EQ(*told, 7);
  EXPECT_EQ(own, 1);
}

TEST(Child, FailuresAreErrors) {
  EXPECT_THROW(run_in_child(nullptr, [] { throw std::runtime_error("no"); }), Error);
  EXPECT_THROW(run_in_child(nullptr, [] { raise(SIGKILL); }), Error);
  EXPECT_THROW(run_in_child(nullptr, [] { _exit(9); }), Error);
  EXPECT_THROW(SharedMemory(std::size_t{1} << 60), Error);
}

TEST(Child, AGroupThatIsGoneIsAnError) {
  if (const auto reason = ControlGroup::why_not({.cpus = 1.0}); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  const ControlGroup group({.cpus = 1.0});
  run_in_child(&group, [] {});
  for (const auto& folder : group.folders()) rmdir(folder.c_str());
  EXPECT_THROW(run_in_child(&group, [] {}), Error);
}

}  // namespace
}  // namespace aisp::machine
