// Virtual machines, rented whole machines and containers must be told from bare metal by what they
// leave in their files; where nothing tells, that is said.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "machine/facts.h"
#include "machine/temporary_tree.h"

namespace aisp::machine {
namespace {

TEST(Virtualization, HypervisorWithoutAName) {
  TemporaryTree tree;
  tree.put("/proc/cpuinfo", "flags\t\t: fpu hypervisor\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.hypervisor, "unnamed");
  EXPECT_EQ(facts.bare_metal, false);
}

TEST(Virtualization, RentedWholeMachine) {
  TemporaryTree tree;
  tree.put("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  tree.put("/sys/class/dmi/id/product_name", "m7g.metal\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.hypervisor, "");
  EXPECT_EQ(facts.bare_metal, true);
}

TEST(Virtualization, ArmWithoutFrequencyOrFirmware) {
  TemporaryTree tree;
  tree.put("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.bare_metal, std::nullopt);
  ASSERT_FALSE(facts.unseen.empty());
  EXPECT_TRUE(std::any_of(facts.unseen.begin(), facts.unseen.end(), [](const auto& unseen) {
    return unseen.what == "bare metal or virtual machine" && !unseen.why.empty();
  }));
}

TEST(Virtualization, Containers) {
  struct Row {
    const char *path, *text, *container;
  };
  const Row rows[] = {
      {"/.dockerenv", "", "docker"},
      {"/run/.containerenv", "engine=\"podman-4\"\n", "podman"},
      {"/proc/self/environ", "PATH=/bin\nKUBERNETES_SERVICE_HOST=10.0.0.1", "kubernetes"},
      {"/proc/1/cgroup", "12:cpu:/docker/0123abcd\n", "docker"},
      {"/proc/self/cgroup", "0::/kubepods.slice/kubepods-burstable.slice/cri-containerd-1.scope\n",
       "kubernetes"},
      {"/proc/self/cgroup", "0::/lxc.payload.web/init.scope\n", "lxc"},
      {"/proc/self/cgroup", "0::/system.slice/docker.service\n", ""},
      {"/proc/self/mountinfo",
       "1 0 0:50 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/a/diff\n", "docker"},
      {"/proc/self/mountinfo",
       "2 1 0:50 / /mnt rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/a/diff\n", ""},
      {"/proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n", "wsl"},
      {"/run/systemd/container", "systemd-nspawn\n", "systemd-nspawn"},
  };
  for (const Row& row : rows) {
    TemporaryTree tree;
    std::string text = row.text;
    if (std::string(row.path).ends_with("environ"))
      std::replace(text.begin(), text.end(), '\n', '\0');
    tree.put(row.path, text);
    EXPECT_EQ(read_facts(tree.root()).container, row.container) << row.path << " " << row.text;
  }
}

}  // namespace
}  // namespace aisp::machine
