// What must not get into a recorded tree.
#include "doctor/kept_text.h"

#include <gtest/gtest.h>

#include "doctor/evidence.h"

namespace aisp::doctor {
namespace {

TEST(KeptText, HidesSecretsOfProcesses) {
  EXPECT_EQ(kept_text("/proc/7/environ", "RANK=1\nHF_TOKEN=hf_x\nDB_PASSWORD=y\nHOME=/root"),
            "RANK=1\n");
  EXPECT_EQ(kept_text("/proc/7/cmdline", "vllm\n--api-key\nabc\n--port\n80\n--hf_token=z"),
            "vllm\n--api-key\n***\n--port\n80\n--hf_token=***\n");
  EXPECT_EQ(kept_text("/proc/cmdline", "ro token=1"), "ro token=1");
  EXPECT_EQ(kept_text("/etc/os-release", "NAME=x"), "NAME=x");
}

TEST(KeptText, KnowsSteeringVariables) {
  EXPECT_TRUE(is_steering_variable("NCCL_DEBUG"));
  EXPECT_TRUE(is_steering_variable("MASTER_PORT"));
  EXPECT_FALSE(is_steering_variable("HF_TOKEN"));
  EXPECT_FALSE(is_steering_variable("HOME"));
}

}  // namespace
}  // namespace aisp::doctor
