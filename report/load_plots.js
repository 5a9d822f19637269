// Draws the page of a load record (load_page.cc): percentiles over time, distributions of
// latencies, goodput against rate. Without it the page's tables say the same.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const css = (name) => `var(--${name})`;
  const kLines = [
    ["ttft_p50", "TTFT p50", "faster", ""], ["ttft_p99", "TTFT p99", "slower", ""],
    ["itl_p50", "ITL p50", "faster", "3 3"], ["itl_p99", "ITL p99", "slower", "3 3"],
  ];
  const kCurves = [
    ["ttft_s", "TTFT", "faster"], ["tpot_s", "TPOT", "odd"],
    ["itl_s", "ITL", "slower"], ["e2e_s", "e2e", "baseline"],
  ];
  const frame = (width, label, more) => ({
    width, height: 300, marginLeft: 68, marginRight: 24, ariaLabel: label, ...more,
    color: { type: "identity" },
    style: { fontSize: "12px", background: "none", color: css("soft"), maxWidth: "none" },
  });
  const grid = () => [
    Plot.gridX({ stroke: css("line"), strokeOpacity: 1 }),
    Plot.gridY({ stroke: css("line"), strokeOpacity: 1 }),
  ];

  const time = (run, width) => {
    const spans = run.series.spans;
    const marks = [Plot.rectX([run.series.window], {
      x1: (d) => d[0], x2: (d) => d[1], fill: css("band"), fillOpacity: 0.5,
    }), ...grid()];
    for (const [key, , colour, dash] of kLines) {
      const seen = spans.filter((span) => span[key] > 0);
      marks.push(Plot.line(seen, {
        x: "at_s", y: key, stroke: css(colour), strokeDasharray: dash, strokeWidth: 1.8,
      }));
    }
    marks.push(Plot.dot(spans.filter((span) => span.failed > 0), {
      x: "at_s", frameAnchor: "bottom", symbol: "times", stroke: css("bad"),
    }));
    return Plot.plot(frame(width, "Latency over time", {
      marks, x: { label: "seconds" }, y: { type: "log", label: "seconds", tickFormat: "~g" },
    }));
  };

  const distribution = (run, width) => {
    const marks = grid();
    for (const [key, , colour] of kCurves) {
      const points = run.series[key].map((value, i) => ({ value, share: i }));
      const seen = points.filter((point) => point.value > 0);
      marks.push(Plot.line(seen, {
        x: "value", y: "share", stroke: css(colour), strokeWidth: 1.8,
      }));
    }
    return Plot.plot(frame(width, "Distributions", {
      marks, x: { type: "log", label: "seconds", tickFormat: "~g" }, y: { label: "% below" },
    }));
  };

  const rates = (runs, width) => Plot.plot(frame(width, "Goodput against rate", {
    x: { label: "requests/s offered" }, y: { label: "good requests/s", zero: true },
    marks: [
      ...grid(),
      Plot.line(runs, { x: "rate", y: "rate", stroke: css("line"), sort: "rate" }),
      Plot.line(runs, {
        x: "rate", y: (run) => run.goodput, stroke: css("faster"), sort: "rate", strokeWidth: 1.8,
      }),
      Plot.dot(runs, {
        x: "rate", y: (run) => run.goodput, r: 4, fill: css("panel"), strokeWidth: 2,
        stroke: (run) => css({ met: "faster", missed: "slower" }[run.verdict] || "inconclusive"),
      }),
    ],
  }));

  // What the lines of a plot mean, above it: beside their ends they would cover each other.
  const legend = (lines) => {
    const place = document.createElement("p");
    place.className = "legend";
    for (const [, name, colour, dash] of lines) {
      const item = document.createElement("span");
      const sign = document.createElement("i");
      sign.style.color = css(colour);
      sign.textContent = dash ? "┅" : "━";
      item.append(sign, name);
      place.append(item);
    }
    return place;
  };

  const draw = () => {
    for (const figure of document.querySelectorAll("figure.plot")) {
      const canvas = figure.querySelector(".canvas");
      const width = Math.max(280, canvas.clientWidth), of = figure.dataset.of;
      const kind = figure.dataset.plot;
      if (kind === "rates") canvas.replaceChildren(rates(data, width));
      if (kind === "time") canvas.replaceChildren(legend(kLines), time(data[of], width));
      if (kind === "distribution") {
        canvas.replaceChildren(legend(kCurves), distribution(data[of], width));
      }
    }
  };
  document.documentElement.classList.add("js");
  draw();
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(draw, 120);
  });
})();
