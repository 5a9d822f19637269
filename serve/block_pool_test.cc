// Reference counts and copy-on-write of the pool.
#include "serve/block_pool.h"

#include <gtest/gtest.h>

namespace aisp::serve {
namespace {

TEST(BlockPool, CountsUsers) {
  BlockPool pool(2);
  const BlockId a = pool.take();
  const BlockId b = pool.take();
  EXPECT_NE(a, b);
  EXPECT_EQ(pool.take(), kNoBlock);
  pool.share(a);
  EXPECT_FALSE(pool.drop(a));
  EXPECT_EQ(pool.free(), 0);
  EXPECT_TRUE(pool.drop(a));
  EXPECT_EQ(pool.take(), a);
}

TEST(BlockPool, CopiesOnlyWhatIsShared) {
  BlockPool pool(3);
  const BlockId a = pool.take();
  EXPECT_EQ(pool.writable(a), a);
  pool.share(a);
  const BlockId own = pool.writable(a);
  EXPECT_NE(own, a);
  EXPECT_EQ(pool.users(a), 1);
  EXPECT_EQ(pool.users(own), 1);
  pool.share(a);
  pool.take();
  EXPECT_EQ(pool.writable(a), kNoBlock);
  EXPECT_EQ(pool.users(a), 2);
}

TEST(BlockPoolDeathTest, RefusesWhatIsFree) {
  BlockPool pool(1);
  EXPECT_DEATH(pool.drop(0), "only a used block");
  EXPECT_DEATH(pool.share(0), "only a used block");
}

}  // namespace
}  // namespace aisp::serve
