// The small parts: traces, keys, workers, histograms, the mailbox, addresses.
#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/error.h"
#include "front/http_server.h"
#include "front/keys.h"
#include "front/metrics.h"
#include "front/trace_context.h"
#include "front/workers.h"

namespace aisp::front {
namespace {

TEST(TraceContext, ContinuesATraceOrMakesOne) {
  const std::string parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const TraceContext trace = trace_of(parent);
  EXPECT_EQ(trace.trace_id, parent.substr(3, 32));
  EXPECT_EQ(trace.parent_span_id, parent.substr(36, 16));
  EXPECT_TRUE(trace.sampled);
  EXPECT_EQ(trace.traceparent(), "00-" + trace.trace_id + "-" + trace.span_id + "-01");
  EXPECT_EQ(trace_of("01" + parent.substr(2) + "-more").trace_id, trace.trace_id);
  for (const std::string& bad :
       {std::string(), std::string("00-"), parent + "-more", "ff" + parent.substr(2),
        parent.substr(0, 54), "00-" + std::string(32, '0') + parent.substr(35),
        parent.substr(0, 36) + std::string(16, '0') + "-01",
        "00-4BF92F3577B34DA6" + parent.substr(19), std::string(300, '-')}) {
    const TraceContext own = trace_of(bad);
    EXPECT_NE(own.trace_id, trace.trace_id) << bad;
    EXPECT_EQ(own.trace_id.size(), 32u);
    EXPECT_EQ(own.parent_span_id, "");
    EXPECT_NE(trace_of(bad).trace_id, own.trace_id);
  }
}

TEST(Keys, FindsTheRightOne) {
  const Keys keys(std::vector<Key>{{"a", "0123456789abcdef"}, {"b", "0123456789abcdeX"}});
  EXPECT_EQ(keys.find("Bearer 0123456789abcdef"), 0);
  EXPECT_EQ(keys.find("Bearer 0123456789abcdeX"), 1);
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer 0123456789abcde", "0123456789abcdef",
                          "Bearer 0123456789abcdef0123456789abcdef", "Basic 0123456789abcdef"}) {
    EXPECT_EQ(keys.find(bad), std::nullopt) << bad;
  }
  EXPECT_FALSE(Keys().needed());
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time("a", ""));
}

TEST(Workers, TakeNoMoreThanTheirQueueHolds) {
  std::atomic<int> done = 0;
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  std::promise<void> begun;
  Workers workers(1, 2);
  EXPECT_TRUE(workers.add([&] {
    begun.set_value();
    gone.wait();
    ++done;
  }));
  begun.get_future().wait();
  EXPECT_TRUE(workers.add([&] { ++done; }));
  EXPECT_TRUE(workers.add([&] { ++done; }));
  EXPECT_FALSE(workers.add([&] { ++done; }));
  EXPECT_EQ(workers.waiting(), 2u);
  go.set_value();
  while (workers.waiting() > 0) std::this_thread::yield();
  workers.stop();
  EXPECT_EQ(done, 3);
  EXPECT_FALSE(workers.add([] {})) << "they have ended";
}

TEST(Histogram, CountsInPrometheusForm) {
  Histogram histogram;
  histogram.add(0.001);  // a bound is inside
  histogram.add(0.04, 3);
  histogram.add(1e9);
  const std::string text = histogram.text("x", "a=\"b\"");
  for (const char* line : {"x_bucket{a=\"b\",le=\"0.001\"} 1\n",
                           "x_bucket{a=\"b\",le=\"0.02\"} 1\n", "x_bucket{a=\"b\",le=\"0.05\"} 4\n",
                           "x_bucket{a=\"b\",le=\"+Inf\"} 5\n", "x_count{a=\"b\"} 5\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Exchange, IsAMailbox) {
  HttpRequest request;
  Exchange exchange(request, 400);
  int wakes = 0;
  std::optional<Closing> closing;
  exchange.on_close = [&](Closing how) { closing = how; };
  exchange.set_wake([&] { ++wakes; });
  exchange.begin({.type = "text/event-stream"});
  EXPECT_TRUE(exchange.write("ab"));
  EXPECT_EQ(wakes, 1) << "one wake for all that waits";
  const Exchange::Taken taken = exchange.take();
  EXPECT_NE(taken.bytes.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_TRUE(taken.bytes.ends_with("\r\n\r\n2\r\nab\r\n"));
  EXPECT_FALSE(taken.ended);
  EXPECT_FALSE(exchange.write(std::string(500, 'x'))) << "nobody reads";
  EXPECT_TRUE(exchange.take().overflowed);
  exchange.close(Closing::kGone);
  exchange.close(Closing::kWritten);
  EXPECT_EQ(closing, Closing::kGone);
  EXPECT_FALSE(exchange.write("c"));
  exchange.respond({});
  EXPECT_EQ(exchange.take().bytes, "");
}

TEST(Http, NoHeaderBreaksOutOfItsLine) {
  HttpResponse response;
  response.headers.push_back({"X-Id", "a\r\nSet-Cookie: b"});
  const std::string head = head_text(response, 3, true, true);
  EXPECT_NE(head.find("X-Id: aSet-Cookie: b\r\n"), std::string::npos);
  EXPECT_NE(head.find("Content-Length: 3\r\n"), std::string::npos);
}

TEST(Address, IsReadStrictly) {
  EXPECT_TRUE(read_address("127.0.0.1:80").loopback());
  EXPECT_TRUE(read_address("[::1]:80").loopback());
  EXPECT_FALSE(read_address("0.0.0.0:80").loopback());
  EXPECT_EQ(read_address("10.0.0.1:65535").port, 65535);
  for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                          "127.0.0.1:8o", "localhost:80", "[::1:80"}) {
    EXPECT_THROW(read_address(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace aisp::front
