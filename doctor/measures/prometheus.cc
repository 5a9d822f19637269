// See prometheus.h. Source: Prometheus exposition formats; Prometheus histogram_quantile();
// vLLM and SGLang documentation of their metrics.
#include "doctor/measures/prometheus.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "bench/descriptor.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

using Clock = std::chrono::steady_clock;

double parse_value(std::string_view word) {
  if (word == "+Inf" || word == "Inf") return std::numeric_limits<double>::infinity();
  const auto number = machine::parse_number(word);
  return number ? *number : std::numeric_limits<double>::quiet_NaN();
}

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == ':';
  });
}

[[noreturn]] void no_answer(const std::string& url, const std::string& why) {
  throw Error(why, url, "name the server's metrics, such as http://localhost:8000/metrics");
}

struct Address {
  std::string host, port, path;
};

Address parse_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) no_answer(url, "only http:// and files are read");
  const std::size_t slash = url.find('/', kScheme.size());
  Address address;
  address.host = url.substr(kScheme.size(), slash == url.npos ? url.npos : slash - kScheme.size());
  address.path = slash == std::string::npos ? "/metrics" : url.substr(slash);
  const std::size_t colon = address.host.rfind(':');
  address.port = colon == std::string::npos ? "80" : address.host.substr(colon + 1);
  address.host = address.host.substr(0, colon);
  return address;
}

void connect_to(const Address& to, const std::string& url, int limit_ms,
                bench::Descriptor& result) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found) != 0) {
    no_answer(url, "the host's name does not resolve");
  }
  for (const addrinfo* one = found; one != nullptr && result.fd < 0; one = one->ai_next) {
    const int fd =
        socket(one->ai_family, one->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, one->ai_protocol);
    if (fd < 0) continue;
    pollfd waiting = {fd, POLLOUT, 0};
    int error = connect(fd, one->ai_addr, one->ai_addrlen) == 0 ? 0 : -1;
    if (error != 0 && poll(&waiting, 1, limit_ms) == 1) {
      socklen_t size = sizeof error;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) {
      result.fd = fd;
    } else {
      close(fd);
    }
  }
  freeaddrinfo(found);
  if (result.fd < 0) no_answer(url, "nothing answers there");
}

std::string get(const std::string& url, double limit_s) {
  const Address to = parse_url(url);
  const auto deadline = Clock::now() + std::chrono::duration<double>(limit_s);
  const auto left_ms = [&] {
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    return left > 0 ? static_cast<int>(left * 1000) : 0;
  };
  bench::Descriptor socket;
  connect_to(to, url, left_ms(), socket);
  const std::string request = fmt::format(
      "GET {} HTTP/1.0\r\nHost: {}:{}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n", to.path,
      to.host, to.port);
  if (send(socket.fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    no_answer(url, "the request cannot be sent");
  }
  constexpr std::size_t kMost = std::size_t{16} << 20;
  std::string answer;
  char buffer[16384];
  while (answer.size() < kMost) {
    pollfd waiting = {socket.fd, POLLIN, 0};
    if (poll(&waiting, 1, left_ms()) <= 0) no_answer(url, "no answer in time");
    const ssize_t got = recv(socket.fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  const std::size_t body = answer.find("\r\n\r\n");
  const std::size_t space = answer.find(' ');
  if (body == std::string::npos || space == std::string::npos) no_answer(url, "no HTTP answer");
  if (answer.substr(space + 1, 3) != "200") {
    no_answer(url, "answers with status " + answer.substr(space + 1, 3));
  }
  return answer.substr(body + 4);
}

}  // namespace

Samples parse_samples(std::string_view text) {
  Samples samples;
  for (std::string_view line : machine::split(text, '\n')) {
    line = machine::trim(line);
    if (line.empty() || line[0] == '#') continue;
    const std::size_t open = line.find('{'), close = line.rfind('}');
    const bool labelled = open != line.npos && close != line.npos && close > open;
    const std::size_t end = labelled ? close + 1 : line.find_first_of(" \t");
    if (end == line.npos || end >= line.size()) continue;
    const std::string_view rest = machine::trim(line.substr(end));
    const double value = parse_value(rest.substr(0, rest.find_first_of(" \t")));
    if (std::isnan(value)) continue;
    Sample sample;
    if (labelled) sample.labels = std::string(line.substr(open + 1, close - open - 1));
    sample.value = value;
    const std::string_view name = machine::trim(line.substr(0, labelled ? open : end));
    if (is_name(name)) samples[std::string(name)].push_back(sample);
  }
  return samples;
}

Samples fetch_samples(const std::string& url, double limit_s) {
  if (!url.starts_with('/')) return parse_samples(get(url, limit_s));
  const auto text = machine::read_text(url);
  if (!text) no_answer(url, "cannot be read");
  return parse_samples(*text);
}

double total(const Samples& samples, const std::string& name) {
  double sum = 0.0;
  if (const auto found = samples.find(name); found != samples.end()) {
    for (const Sample& sample : found->second) sum += sample.value;
  }
  return sum;
}

double highest(const Samples& samples, const std::string& name, double otherwise) {
  const auto found = samples.find(name);
  if (found == samples.end() || found->second.empty()) return otherwise;
  double most = found->second.front().value;
  for (const Sample& sample : found->second) most = std::max(most, sample.value);
  return most;
}

bool has(const Samples& samples, const std::string& name) { return samples.contains(name); }

std::string label_value(const Sample& sample, std::string_view label) {
  const std::string key = fmt::format("{}=\"", label);
  std::size_t at = sample.labels.find(key);
  while (at != std::string::npos && at > 0 && sample.labels[at - 1] != ',') {
    at = sample.labels.find(key, at + 1);
  }
  if (at == std::string::npos) return "";
  const std::size_t begin = at + key.size();
  return sample.labels.substr(begin, sample.labels.find('"', begin) - begin);
}

Histogram histogram(const Samples& samples, const std::string& name) {
  Histogram result;
  const auto found = samples.find(name + "_bucket");
  if (found == samples.end()) return result;
  for (const Sample& sample : found->second) {
    const double bound = parse_value(label_value(sample, "le"));
    if (!std::isnan(bound)) result.at_most[bound] += sample.value;
  }
  return result;
}

Histogram first_histogram(const Samples& samples, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    Histogram one = histogram(samples, name);
    if (one.count() > 0) return one;
  }
  return {};
}

double quantile_of(const Histogram& histogram, double q) {
  const double wanted = q * histogram.count();
  double low = 0.0, before = 0.0;
  for (const auto& [bound, count] : histogram.at_most) {
    if (count >= wanted && count > 0) {
      if (std::isinf(bound)) return low;
      const double inside = count - before;
      return inside > 0 ? low + (bound - low) * (wanted - before) / inside : bound;
    }
    low = bound;
    before = count;
  }
  return low;
}

const std::vector<std::string>& request_histograms() {
  static const std::vector<std::string> names = {
      "vllm:e2e_request_latency_seconds", "sglang:e2e_request_latency_seconds",
      "tgi_request_duration", "http_request_duration_seconds", "request_duration_seconds"};
  return names;
}

}  // namespace aisp::doctor
