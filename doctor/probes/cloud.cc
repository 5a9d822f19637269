// Cloud: machines that may be taken away, and data in another region. Asks the link-local metadata
// service, and only with --metadata.
//
// Source: AWS EC2 user guide (instance metadata, IMDSv2), Google Cloud (metadata server), Azure
// Instance Metadata Service; Amazon S3 API (HeadBucket: x-amz-bucket-region).
#include <fmt/format.h>

#include <algorithm>

#include "doctor/files_with_age.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr const char* kService = "http://169.254.169.254";

Text get(const Evidence& evidence, const std::string& url, const std::string& header) {
  std::vector<std::string> words = {"curl", "-sf", "-m", "0.2"};
  if (!header.empty()) words.insert(words.end(), {"-H", header});
  words.push_back(url);
  int status = 0;
  Text text = evidence.command(words, &status);
  if (text && status != 0) {
    text.seen = Text::Seen::kUnreadable;
    text.why = "the metadata service does not answer " + url;
  }
  return text;
}

struct Cloud {
  std::string name, zone, region, why;
  bool spot = false;
};

bool aws(const Evidence& evidence, Cloud& cloud) {
  const std::string base = std::string(kService) + "/latest/";
  const Text token =
      evidence.command({"curl", "-sf", "-m", "0.2", "-X", "PUT", "-H",
                        "X-aws-ec2-metadata-token-ttl-seconds: 60", base + "api/token"});
  const std::string header =
      token && !token.value.empty() ? "X-aws-ec2-metadata-token: " + token.value : "";
  const Text cycle = get(evidence, base + "meta-data/instance-life-cycle", header);
  if (!cycle) return false;
  cloud.name = "AWS";
  cloud.spot = cycle.value == "spot";
  cloud.zone = get(evidence, base + "meta-data/placement/availability-zone", header).value;
  cloud.region = cloud.zone.empty() ? "" : cloud.zone.substr(0, cloud.zone.size() - 1);
  return true;
}

bool google(const Evidence& evidence, Cloud& cloud) {
  const std::string base = std::string(kService) + "/computeMetadata/v1/instance/";
  const Text preemptible =
      get(evidence, base + "scheduling/preemptible", "Metadata-Flavor: Google");
  if (!preemptible) return false;
  cloud.name = "Google Cloud";
  cloud.spot = preemptible.value == "TRUE";
  const Text zone = get(evidence, base + "zone", "Metadata-Flavor: Google");
  cloud.zone = zone.value.substr(zone.value.rfind('/') + 1);  // projects/1/zones/us-central1-a
  cloud.region = cloud.zone.substr(0, cloud.zone.rfind('-'));
  return true;
}

bool azure(const Evidence& evidence, Cloud& cloud) {
  const Text text =
      get(evidence, std::string(kService) + "/metadata/instance/compute?api-version=2021-02-01",
          "Metadata: true");
  const Json json = text ? Json::parse(text.value, nullptr, false) : Json();
  if (!json.is_object()) return false;
  const auto word = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  cloud.name = "Azure";
  cloud.spot = word("priority") == "Spot";
  cloud.region = word("location");
  cloud.zone = cloud.region + "-" + word("zone");
  return true;
}

// The firmware says whose machine it is: one service is asked, not three.
Cloud cloud_of(const Evidence& evidence) {
  Cloud cloud;
  const std::string vendor = evidence.read("/sys/class/dmi/id/sys_vendor").value;
  bool answers = false;
  if (vendor.starts_with("Amazon")) {
    answers = aws(evidence, cloud);
  } else if (vendor.starts_with("Google")) {
    answers = google(evidence, cloud);
  } else if (vendor.starts_with("Microsoft")) {
    answers = azure(evidence, cloud);
  } else {
    answers = aws(evidence, cloud) || google(evidence, cloud);
  }
  if (!answers) cloud.why = "no metadata service of a known cloud answers";
  return cloud;
}

// More than this a job on a machine that may vanish should not have to repeat: the notice comes two
// minutes (AWS) or thirty seconds (Google, Azure) ahead.
constexpr double kTolerableLossS = 900.0;

Finding spot(const Evidence& evidence) {
  if (!evidence.subject().metadata)
    return not_applicable("the metadata service is asked only with --metadata");
  const Cloud cloud = cloud_of(evidence);
  if (!cloud.why.empty()) return cannot_see(cloud.why);
  std::vector<Reading> read = {{cloud.name + " metadata", cloud.spot ? "spot" : "on demand"}};
  if (!cloud.spot) return ok("this machine is not preemptible", read);
  const std::string folder = evidence.subject().checkpoints;
  if (folder.empty()) {
    return warn("this machine may be taken away within two minutes; no --checkpoints given", read,
                "everything since the last checkpoint");
  }
  const AgedFiles found = files_with_age(evidence, folder);
  if (!found.why.empty()) return cannot_see(found.why, read);
  if (found.files.empty()) {
    return fail("a preemptible machine without any checkpoint in " + folder, read,
                "the whole run when it is taken away");
  }
  const double age = found.files.front().age_s;
  read.push_back({folder + "/" + found.files.front().path, fmt::format("{:.0f} s old", age)});
  if (age > kTolerableLossS) {
    return fail(
        fmt::format("a preemptible machine whose newest checkpoint is {:.0f} min old", age / 60.0),
        read, fmt::format("{:.0f} min of work when it is taken away", age / 60.0));
  }
  return ok(fmt::format("preemptible, and the newest checkpoint is {:.1f} min old", age / 60.0),
            read);
}

// "x-amz-bucket-region: us-east-1" of the answer's head.
std::string header_value(const std::string& head, std::string_view name) {
  for (const auto line : machine::split(head, '\n')) {
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    const bool same = std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
      return a == std::tolower(static_cast<unsigned char>(b));
    });
    if (same) return std::string(machine::trim(line.substr(name.size() + 1)));
  }
  return "";
}

Finding same_zone(const Evidence& evidence) {
  const std::string data = evidence.subject().data;
  if (!data.starts_with("s3://") && !data.starts_with("gs://")) {
    return not_applicable("no --data in a bucket (s3://, gs://) given");
  }
  if (!evidence.subject().metadata)
    return not_applicable("the metadata service is asked only with --metadata");
  const Cloud cloud = cloud_of(evidence);
  if (!cloud.why.empty()) return cannot_see(cloud.why);
  const std::string bucket = data.substr(5, data.find('/', 5) - 5);
  std::string region;
  if (data.starts_with("s3://")) {
    const Text head = evidence.command(
        {"curl", "-sI", "-m", "0.4", fmt::format("https://{}.s3.amazonaws.com", bucket)});
    region = header_value(head.value, "x-amz-bucket-region");
  } else {
    const Text told = evidence.command(
        {"gcloud", "storage", "buckets", "describe", "gs://" + bucket, "--format=value(location)"});
    region = told.value;
    std::transform(region.begin(), region.end(), region.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (region.empty()) return cannot_see("the region of " + data + " is not told");
  std::vector<Reading> read = {{cloud.name + " metadata", cloud.zone}, {data, region}};
  if (region == cloud.region) return ok("machine and bucket are both in " + region, read);
  return warn(fmt::format("the bucket is in {}, the machine in {}", region, cloud.region), read,
              "tens of milliseconds a request and the price of traffic between regions");
}

}  // namespace

std::vector<Probe> cloud_probes() {
  return {{"spot-interruption-ready", spot}, {"storage-same-zone", same_zone}};
}

}  // namespace aisp::doctor
