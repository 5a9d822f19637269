// Where the data lies: medium, mount options, read-ahead, network mounts, stripes.
//
// Source: mount(8), nfs(5), proc_pid_mountstats (Linux fs/nfs), Documentation/ABI sysfs-block and
// sysfs-class-bdi, Lustre operations manual (lfs getstripe).
#include <fmt/format.h>

#include <algorithm>

#include "doctor/dataset_place.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using machine::parse_number;
using machine::split;

const char* const kStorageLab = "lab ch05:storage_cpu measures reads on this disk";

bool has_option(const std::string& options, std::string_view wanted) {
  const auto all = split(options, ',');
  return std::find(all.begin(), all.end(), wanted) != all.end();
}

// The number after "rsize=" among mount options.
std::optional<double> option_number(const std::string& options, const std::string& name) {
  for (const auto option : split(options, ',')) {
    if (option.starts_with(name + "=")) return parse_number(option.substr(name.size() + 1));
  }
  return std::nullopt;
}

std::vector<Reading> mount_reading(const Mount& mount) {
  return {{"/proc/self/mountinfo", fmt::format("{} on {} type {} ({})", mount.source, mount.point,
                                               mount.type, mount.options.substr(0, 120))}};
}

Finding without_place(const std::string& why) {
  return why == kNoData ? not_applicable(why) : cannot_see(why);
}

Finding mount_noatime(const Evidence& evidence) {
  std::string why;
  const auto place = dataset_place(evidence, &why);
  if (!place) return without_place(why);
  const Mount& mount = place->mount;
  if (has_option(mount.options, "ro")) return ok("mounted read-only", mount_reading(mount));
  for (const char* const good : {"noatime", "relatime"}) {
    if (has_option(mount.options, good)) return ok(good, mount_reading(mount));
  }
  // The kernel shows neither word for strictatime; file systems without access times say noatime.
  if (mount.type == "tmpfs" || is_network_type(mount.type)) {
    return ok(mount.type + " writes no access times", mount_reading(mount));
  }
  return warn("every read of a file writes its access time (strictatime)", mount_reading(mount),
              "one metadata write a file and read; lab ch05:storage_cpu measures reads here",
              {{Fix::Kind::kCommand, fmt::format("mount -o remount,noatime '{}'", mount.point),
                fmt::format("mount -o remount,strictatime '{}'", mount.point)}});
}

Finding block_readahead(const Evidence& evidence) {
  std::string why;
  const auto place = dataset_place(evidence, &why);
  if (!place) return without_place(why);
  const Mount& mount = place->mount;
  const std::string file = place->disk.empty()
                               ? fmt::format("/sys/class/bdi/{}/read_ahead_kb", mount.device)
                               : fmt::format("/sys/block/{}/queue/read_ahead_kb", place->disk);
  const Text text = evidence.read(file);
  if (text.seen == Text::Seen::kAbsent && place->disk.empty()) {
    return not_applicable(
        fmt::format("{} on {} has no read-ahead of its own", mount.type, mount.point));
  }
  if (!text) return cannot_see(text.why);
  const auto kib = parse_number(text.value);
  if (!kib || *kib < 0) return cannot_see(fmt::format("{}: no number", file));
  std::vector<Reading> read = mount_reading(mount);
  read.push_back({file, text.value});
  const bool spins =
      !place->disk.empty() &&
      evidence.number(fmt::format("/sys/block/{}/queue/rotational", place->disk)) == 1.0;
  const bool far = is_network_type(mount.type);
  const std::string says = fmt::format("read-ahead is {:g} KiB", *kib);
  const std::vector<Fix> fixes = {{Fix::Kind::kWrite, file, "4096"}};
  if (*kib < 128 || (*kib <= 128 && (spins || far))) {
    return warn(fmt::format("{}{}", says,
                            far     ? ", over a network"
                            : spins ? ", on a spinning disk"
                                    : ", less than the kernel's own 128"),
                read, "--prove block-readahead measures streaming here", fixes);
  }
  return ok(*kib <= 128 ? says + "; --prove block-readahead tells whether more helps" : says, read);
}

Finding storage_media(const Evidence& evidence) {
  std::string why;
  const auto place = dataset_place(evidence, &why);
  if (!place) return without_place(why);
  const Mount& mount = place->mount;
  std::vector<Reading> read = mount_reading(mount);
  if (mount.type == "overlay") {
    return warn("the dataset lies in the container's own layers (overlay)", read, kStorageLab);
  }
  // Types that answer O_DIRECT with EINVAL, so that nothing can be read around the page cache.
  for (const char* const type : {"ecryptfs", "squashfs", "vboxsf", "iso9660"}) {
    if (mount.type == type) {
      return warn(fmt::format("{} has no direct I/O", type), read, kStorageLab);
    }
  }
  if (is_parallel_type(mount.type)) return ok(mount.type + ", made for many readers", read);
  if (is_network_type(mount.type)) {
    if (has_option(mount.options, "fsc")) return ok(mount.type + " with a local cache", read);
    return warn(fmt::format("the dataset comes over {} without a local cache", mount.type), read,
                kStorageLab);
  }
  if (mount.type == "tmpfs" || mount.type == "ramfs") return ok("the dataset is in memory", read);
  if (place->disk.empty()) {
    return cannot_see(
        fmt::format("{} from {}: the disk below is not shown", mount.type, mount.source), read);
  }
  const std::string file = fmt::format("/sys/block/{}/queue/rotational", place->disk);
  const Text spins = evidence.read(file);
  if (!spins) return cannot_see(spins.why, read);
  read.push_back({file, spins.value});
  if (spins.value == "1") {
    if (!evidence.facts().hypervisor.empty()) {
      return cannot_see(fmt::format("{} says that it spins, as virtual disks do whatever they lie "
                                    "on; --measure tells",
                                    place->disk),
                        read);
    }
    return warn(fmt::format("the dataset lies on a spinning disk ({})", place->disk), read,
                "about 100 random reads a second; lab ch05:storage_cpu measures it here");
  }
  return ok(fmt::format("{} on {}, no spinning disk", mount.type, place->disk), read);
}

// Bytes that applications read and bytes that servers sent, since the mount was made.
struct NfsBytes {
  double applications = 0, servers = 0;
};
std::optional<NfsBytes> nfs_bytes(const std::string& mountstats, const std::string& point) {
  const std::size_t at = mountstats.find(fmt::format(" mounted on {} ", point));
  if (at == std::string::npos) return std::nullopt;
  const std::size_t end = mountstats.find("\ndevice ", at);
  const auto line = Evidence::value_of(mountstats.substr(at, end - at), "bytes");
  if (!line) return std::nullopt;
  const auto words = split(*line, ' ');
  constexpr std::size_t kNormalRead = 0, kDirectRead = 2, kServerRead = 4;
  if (words.size() <= kServerRead) return std::nullopt;
  const auto normal = parse_number(words[kNormalRead]), direct = parse_number(words[kDirectRead]);
  const auto server = parse_number(words[kServerRead]);
  if (!normal || !direct || !server) return std::nullopt;
  return NfsBytes{*normal + *direct, *server};
}

std::optional<Mount> nfs_mount(const Evidence& evidence) {
  std::string why;
  const auto place = dataset_place(evidence, &why);
  if (place) {
    const bool nfs = place->mount.type.starts_with("nfs");
    return nfs ? std::optional(place->mount) : std::nullopt;
  }
  for (const auto line : split(evidence.read("/proc/self/mountinfo").value, '\n')) {
    const auto fields = split(line, ' ');
    if (line.find(" - nfs") != std::string_view::npos && fields.size() > 4) {
      return mount_of(line, fields[4]);
    }
  }
  return std::nullopt;
}

Finding client_cache_nfs(const Evidence& evidence) {
  const auto mount = nfs_mount(evidence);
  if (!mount) return not_applicable("no NFS mount holds the data");
  std::vector<Reading> read = mount_reading(*mount);
  constexpr double kMiB = 1 << 20;
  const auto rsize = option_number(mount->options, "rsize");
  if (rsize && *rsize < kMiB) {
    return warn(fmt::format("NFS reads at most {:g} KiB at once", *rsize / 1024), read,
                "a round trip for each piece; mount with rsize=1048576");
  }
  const bool cache = has_option(mount->options, "fsc");
  const auto bytes = nfs_bytes(evidence.read("/proc/self/mountstats").value, mount->point);
  const auto held = evidence.file_system(mount->point);
  if (bytes) {
    read.push_back({"/proc/self/mountstats",
                    fmt::format("read by programs {:.1f} GiB, from the server {:.1f} GiB",
                                bytes->applications / (1 << 30), bytes->servers / (1 << 30))});
  }
  const double stored = held && held->total_bytes > held->free_bytes
                            ? static_cast<double>(held->total_bytes - held->free_bytes)
                            : 0.0;
  if (bytes && stored > 0 && !cache && bytes->servers > 1.5 * stored) {
    return warn(fmt::format("all that is stored there was sent {:.1f} times, without a local cache",
                            bytes->servers / stored),
                read, "network reads of what was read before");
  }
  if (rsize && !option_number(mount->options, "nconnect") && !cache) {
    return warn("NFS over one connection, without a local cache", read,
                "one connection carries 1 to 2 GB/s; nconnect=8 opens more");
  }
  return ok(cache ? "NFS with a local cache" : "NFS over several connections", read);
}

Finding lustre_stripe_count(const Evidence& evidence) {
  std::string why;
  const auto place = dataset_place(evidence, &why);
  if (!place) return without_place(why);
  if (place->mount.type != "lustre") {
    return not_applicable(fmt::format("the dataset lies on {}, not on Lustre", place->mount.type));
  }
  const auto walk = evidence.walk(place->path);
  if (!walk) return cannot_see(place->path + ": cannot be listed");
  if (walk->large.empty()) return not_applicable("no file of 1 GiB or more among those looked at");
  std::vector<Reading> read;
  std::size_t single = 0;
  for (const std::string& file : walk->large) {
    const Text stripes = evidence.command({"lfs", "getstripe", "-c", file});
    const auto count = stripes ? parse_number(stripes.value) : std::nullopt;
    if (!count) {
      return cannot_see(stripes ? file + ": lfs names no stripe count" : stripes.why, read);
    }
    read.push_back({"lfs getstripe -c " + file, stripes.value});
    if (*count == 1) ++single;
  }
  if (single == 0) return ok("large files are striped", read);
  return warn(
      fmt::format("{} of {} large files lie on one storage target", single, walk->large.size()),
      read, "all readers share one target's bandwidth",
      {{Fix::Kind::kCommand, fmt::format("lfs setstripe -c 8 '{}'", place->path),
        fmt::format("lfs setstripe -d '{}'", place->path)}});
}

}  // namespace

std::vector<Probe> storage_probes() {
  return {{"mount-noatime", mount_noatime},
          {"block-readahead", block_readahead},
          {"storage-media", storage_media},
          {"client-cache-nfs", client_cache_nfs},
          {"lustre-stripe-count", lustre_stripe_count}};
}

}  // namespace aisp::doctor
