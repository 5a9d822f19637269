// Recorded machines of several kinds must be read as what they are, and nonsense must do no harm.
#include "machine/facts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "machine/file_tree.h"
#include "machine/temporary_tree.h"

namespace aisp::machine {
namespace {

const Disk* disk_named(const Facts& facts, const std::string& name) {
  for (const Disk& disk : facts.disks) {
    if (disk.name == name) return &disk;
  }
  return nullptr;
}

std::string why_unseen(const Facts& facts, const std::string& what) {
  for (const auto& unseen : facts.unseen) {
    if (unseen.what == what) return unseen.why;
  }
  return "";
}

bool is_unseen(const Facts& facts, const std::string& what) {
  return std::any_of(facts.unseen.begin(), facts.unseen.end(),
                     [&](const Facts::Unseen& u) { return u.what == what && !u.why.empty(); });
}

// Two sockets, NVMe behind a controller, 400 Gb InfiniBand.
void build_server(TemporaryTree& tree) {
  tree.put("/proc/sys/kernel/hostname", "dgx-07\n");
  tree.put("/proc/sys/kernel/osrelease", "5.15.0-1063-nvidia\n");
  tree.put("/etc/os-release", "NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\n");
  tree.put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu avx512f amx_tile\n");
  tree.put("/sys/class/dmi/id/sys_vendor", "NVIDIA\n");
  tree.put("/sys/class/dmi/id/product_name", "DGXH100\n");
  tree.put("/proc/self/limits",
           "Limit                     Soft Limit           Hard Limit           Units     \n"
           "Max stack size            8388608              unlimited            bytes     \n"
           "Max processes             8253440              8253440              processes \n"
           "Max open files            1024                 1048576              files     \n"
           "Max locked memory         unlimited            unlimited            bytes     \n");
  tree.put("/proc/self/status", "Name:\taisp\nCpus_allowed_list:\t0-55,112-167\n");
  tree.put("/sys/devices/system/node/node0/distance", "10 21\n");
  tree.put("/sys/devices/system/node/node1/distance", "21 10\n");
  tree.put("/sys/devices/system/node/possible", "0-1\n");
  const std::string nvme = "/sys/devices/pci0000:48/0000:48:01.0/0000:49:00.0/nvme/nvme0/nvme0n1";
  tree.put(nvme + "/size", "7501476528\n");
  tree.put(nvme + "/device/model", "SAMSUNG MZQL23T8HCLS-00A07              \n");
  tree.put(nvme + "/queue/rotational", "0\n");
  tree.put(nvme + "/queue/scheduler", "[none] mq-deadline kyber\n");
  tree.put(nvme + "/queue/read_ahead_kb", "128\n");
  tree.put(nvme + "/queue/nr_requests", "1023\n");
  tree.link("/sys/block/nvme0n1", "../devices" + nvme.substr(12));
  tree.put("/sys/bus/pci/devices/0000:49:00.0/numa_node", "1\n");
  const std::string nic = "/sys/devices/pci0000:15/0000:15:01.0/0000:18:00.0";
  tree.put(nic + "/numa_node", "0\n");
  tree.link(nic + "/driver", "../../../bus/pci/drivers/mlx5_core");
  tree.put(nic + "/net/ibp24s0/mtu", "2044\n");
  tree.put(nic + "/net/ibp24s0/speed", "400000\n");
  tree.put(nic + "/net/ibp24s0/operstate", "up\n");
  tree.link(nic + "/net/ibp24s0/device", "../..");
  tree.link("/sys/class/net/ibp24s0", "../../devices" + nic.substr(12) + "/net/ibp24s0");
  const std::string rdma = nic + "/infiniband/mlx5_0";
  tree.put(rdma + "/fw_ver", "28.39.1002\n");
  tree.put(rdma + "/ports/1/state", "4: ACTIVE\n");
  tree.put(rdma + "/ports/1/phys_state", "5: LinkUp\n");
  tree.put(rdma + "/ports/1/link_layer", "InfiniBand\n");
  tree.put(rdma + "/ports/1/rate", "400 Gb/sec (4X NDR)\n");
  tree.link(rdma + "/device", "../..");
  tree.link("/sys/class/infiniband/mlx5_0",
            "../../devices" + nic.substr(12) + "/infiniband/mlx5_0");
}

TEST(Facts, Server) {
  TemporaryTree tree;
  build_server(tree);
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.hostname, "dgx-07");
  EXPECT_EQ(facts.kernel, "5.15.0-1063-nvidia");
  EXPECT_EQ(facts.distribution, "Ubuntu 22.04.4 LTS");
  EXPECT_EQ(facts.hypervisor, "");
  EXPECT_EQ(facts.bare_metal, true);
  EXPECT_EQ(facts.container, "");
  EXPECT_EQ(facts.limits.locked_memory_bytes, Limits::kUnlimited);
  EXPECT_EQ(facts.limits.open_files, 1024u);
  EXPECT_EQ(facts.limits.stack_bytes, 8388608u);
  EXPECT_EQ(facts.limits.processes, 8253440u);
  EXPECT_EQ(facts.affinity.size(), 112u);
  EXPECT_EQ(facts.affinity.back(), 167);
  EXPECT_EQ(facts.numa_nodes, (std::vector<int>{0, 1}));
  EXPECT_EQ(facts.numa_distances, (std::vector<std::vector<int>>{{10, 21}, {21, 10}}));
  ASSERT_EQ(facts.disks.size(), 1u);
  const Disk& disk = facts.disks[0];
  EXPECT_EQ(disk.name, "nvme0n1");
  EXPECT_EQ(disk.model, "SAMSUNG MZQL23T8HCLS-00A07");
  EXPECT_EQ(disk.size_bytes, 7501476528u * 512);
  EXPECT_EQ(disk.rotational, false);
  EXPECT_EQ(disk.scheduler, "none");
  EXPECT_EQ(disk.read_ahead_kb, 128);
  EXPECT_EQ(disk.queue_depth, 1023);
  EXPECT_EQ(disk.pci_address, "0000:49:00.0");
  EXPECT_EQ(disk.numa_node, 1);
  ASSERT_EQ(facts.network.size(), 1u);
  const NetworkDevice& nic = facts.network[0];
  EXPECT_EQ(nic.driver, "mlx5_core");
  EXPECT_EQ(nic.speed_mbit, 400000);
  EXPECT_EQ(nic.mtu, 2044);
  EXPECT_EQ(nic.numa_node, 0);
  EXPECT_EQ(nic.pci_address, "0000:18:00.0");
  EXPECT_TRUE(nic.physical);
  ASSERT_EQ(facts.rdma.size(), 1u);
  EXPECT_EQ(facts.rdma[0].state, "ACTIVE");
  EXPECT_EQ(facts.rdma[0].physical_state, "LinkUp");
  EXPECT_EQ(facts.rdma[0].gbit_per_s, 400.0);
  EXPECT_EQ(facts.rdma[0].firmware, "28.39.1002");
  EXPECT_EQ(facts.rdma[0].numa_node, 0);
}

TEST(Facts, PciBusShowsWhatNoLibraryWasAskedAbout) {
  TemporaryTree tree;
  const std::string bus = "/sys/bus/pci/devices/";
  for (const char* address : {"0000:1b:00.0", "0000:43:00.0"}) {
    tree.put(bus + address + "/class", "0x030200\n");
    tree.put(bus + address + "/vendor", "0x10de\n");
  }
  tree.put(bus + "0000:03:00.0/class", "0x030000\n");
  tree.put(bus + "0000:03:00.0/vendor", "0x1a03\n");
  tree.put(bus + "0000:04:00.0/class", "0x020000\n");
  tree.put(bus + "0000:04:00.0/vendor", "0x15b3\n");
  tree.put("/proc/driver/nvidia/version",
           "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 2023\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.gpu_driver, "535.104.05");
  const std::string why = why_unseen(facts, "GPUs");
  EXPECT_NE(why.find("bus: 2 of NVIDIA, 1 of vendor 0x1a03"), std::string::npos) << why;
}

TEST(Facts, VirtualMachineWithUnknownSpeed) {
  TemporaryTree tree;
  tree.put("/proc/cpuinfo", "flags\t\t: fpu sse2 hypervisor avx2\n");
  tree.put("/sys/class/dmi/id/sys_vendor", "Google\n");
  tree.put("/sys/class/dmi/id/product_name", "Google Compute Engine\n");
  tree.put("/sys/class/net/eth0/mtu", "1460\n");
  tree.put("/sys/class/net/eth0/speed", "-1\n");
  tree.put("/sys/class/net/bonding_masters", "\n");
  tree.put("/sys/block/vda/size", "41943040\n");
  tree.put("/sys/block/vda/queue/scheduler", "none\n");
  tree.put("/sys/block/loop0/size", "1024\n");
  tree.put("/sys/block/sr0/size", "2097151\n");
  tree.put("/sys/block/nvme1n1/size", "0\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.hypervisor, "google");
  EXPECT_EQ(facts.bare_metal, false);
  ASSERT_EQ(facts.network.size(), 1u);
  EXPECT_EQ(facts.network[0].speed_mbit, std::nullopt);
  EXPECT_EQ(facts.network[0].physical, false);
  ASSERT_EQ(facts.disks.size(), 1u);
  EXPECT_EQ(facts.disks[0].scheduler, "none");
  EXPECT_EQ(facts.disks[0].rotational, std::nullopt);
}

TEST(Facts, EmptyRootSaysWhatIsMissing) {
  TemporaryTree tree;
  const Facts facts = read_facts(tree.root());
  EXPECT_TRUE(facts.gpus.empty());
  EXPECT_TRUE(facts.affinity.empty());
  EXPECT_EQ(facts.limits.open_files, std::nullopt);
  for (const char* what : {"disks", "network devices", "NUMA distances"}) {
    EXPECT_TRUE(is_unseen(facts, what)) << what;
  }
  EXPECT_NE(why_unseen(facts, "GPUs").find("PCI bus cannot be seen"), std::string::npos);
}

TEST(Facts, NonsenseDoesNoHarm) {
  TemporaryTree tree;
  const std::string bytes = "\xff\xfe\x1b[31m\x80\n";
  tree.put("/proc/sys/kernel/hostname", bytes);
  tree.put("/proc/self/limits",
           "Max open files\nMax stack size  -5 \nMax processes 99999999999999999999\n");
  tree.put("/proc/self/status", "Cpus_allowed_list:\t0-3,9-5,-2\n");
  tree.put("/sys/devices/system/node/node0/distance", "ten 20 1e99\n");
  tree.put("/sys/devices/system/node/nodeX/distance", "10\n");
  tree.put("/sys/block/sda/size", "99999999999999999999999\n");
  tree.put("/sys/block/sdb/size", "18446744073709551615\n");
  tree.put("/sys/block/sdc/size", "2048\n");
  tree.put("/sys/block/sdc/device/model", bytes);
  tree.put("/sys/block/sdc/queue/scheduler", "]none[\n");
  tree.put("/sys/block/sdc/queue/read_ahead_kb", "-9999999999999\n");
  tree.put("/sys/class/net/eth0/mtu", "many\n");
  tree.put("/sys/class/infiniband/mlx5_0/ports/1/rate", "\n");
  const Facts facts = read_facts(tree.root());
  EXPECT_EQ(facts.affinity, (std::vector<int>{0, 1, 2, 3}));
  EXPECT_EQ(facts.limits.open_files, std::nullopt);
  EXPECT_EQ(facts.limits.stack_bytes, std::nullopt);
  EXPECT_EQ(facts.limits.processes, std::nullopt);
  EXPECT_EQ(facts.disks.size(), 1u);
  ASSERT_NE(disk_named(facts, "sdc"), nullptr);
  EXPECT_EQ(disk_named(facts, "sdc")->read_ahead_kb, std::nullopt);
  ASSERT_EQ(facts.network.size(), 1u);
  EXPECT_EQ(facts.network[0].mtu, std::nullopt);
  const std::string text = to_json(facts).dump();  // throws for what is not UTF-8
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

// Root may read everything: for this test it becomes nobody.
class AsNobody {
 public:
  AsNobody() : was_root_(geteuid() == 0) {
    if (was_root_) check(seteuid(65534) == 0, "root may become nobody");
  }
  ~AsNobody() {
    if (was_root_) check(seteuid(0) == 0, "and root again");
  }
  AsNobody(const AsNobody&) = delete;
  AsNobody& operator=(const AsNobody&) = delete;

 private:
  bool was_root_;
};

TEST(Facts, ForbiddenFilesAreSaidWithWhatRootWouldSee) {
  TemporaryTree tree;
  const std::string modules = "/sys/firmware/dmi/entries/17-0/raw";
  tree.put("/sys/block/sda/size", "2048\n");
  tree.put(modules, "bytes");
  ASSERT_EQ(chmod(tree.root().c_str(), 0755), 0);
  ASSERT_EQ(chmod((tree.root() + "/sys/block").c_str(), 0), 0);
  ASSERT_EQ(chmod((tree.root() + modules).c_str(), 0), 0);
  Facts facts;
  {
    const AsNobody nobody;
    facts = read_facts(tree.root());
  }
  chmod((tree.root() + "/sys/block").c_str(), 0755);
  EXPECT_TRUE(is_unseen(facts, "disks"));
  EXPECT_TRUE(facts.disks.empty());
  const auto found = std::find_if(facts.unseen.begin(), facts.unseen.end(),
                                  [](const auto& unseen) { return !unseen.as_root.empty(); });
  ASSERT_NE(found, facts.unseen.end());
  EXPECT_EQ(found->as_root, "speed and size of the memory modules");
  EXPECT_NE(found->why.find("Permission denied"), std::string::npos) << found->why;
}

TEST(Facts, ThisMachine) {
  const Facts facts = read_facts();
  EXPECT_FALSE(facts.kernel.empty());
  EXPECT_FALSE(facts.affinity.empty());
  EXPECT_TRUE(facts.limits.open_files.has_value());
  EXPECT_FALSE(to_json(facts).dump().empty());
}

TEST(FileTree, PciAddresses) {
  EXPECT_EQ(normal_pci_address("00000000:1B:00.0"), "0000:1b:00.0");
  EXPECT_EQ(normal_pci_address("1b:00.0"), "0000:1b:00.0");
  EXPECT_EQ(normal_pci_address("00010000:00:1F.7"), "10000:00:1f.7");
  for (const char* wrong :
       {"", "pci0000:00", "0000:00", "0000:zz:00.0", "0:0:0:0", "0000:00:20.0"}) {
    EXPECT_EQ(normal_pci_address(wrong), "") << wrong;
  }
}

TEST(FileTree, NamesInNumericOrder) {
  TemporaryTree tree;
  for (const char* name : {"node10", "node2", "eth0", "node1"}) {
    tree.put(std::string("/x/") + name, "");
  }
  EXPECT_EQ(FileTree(tree.root()).names("/x"),
            (std::vector<std::string>{"eth0", "node1", "node2", "node10"}));
}

}  // namespace
}  // namespace aisp::machine
