// The drawings of the page, by Observable Plot: plots[kind](data, of, width, shown) gives a node.
// `data` is what report/plot_data.h describes, `of` the id of a case or lab ("all": the whole run),
// `shown` says for each case whether the filter lets it through.
"use strict";
const plots = (() => {
  const kRow = 34;      // height of a technique: two processes of samples can be told apart
  const kNarrow = 520;  // below this width names stand above their row instead of left of it
  const kLetter = 7.25;  // width of a letter of a name
  const kDepth = 3000;  // points further below the highest roof stand on the lower edge

  const css = (name) => `var(--${name})`;
  const mono = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace";
  const kColours = {
    faster: "faster", slower: "slower", equivalent: "equivalent", inconclusive: "inconclusive",
    noisy: "odd", unchecked: "odd", baseline: "baseline",
  };
  const colour = (state) => css(kColours[state] || "bad");
  const kSymbols = {
    baseline: "square", faster: "circle", slower: "triangle2", equivalent: "diamond",
  };
  const symbol = (state) => kSymbols[state] || "times";
  const isOpen = (row) => row.state === "baseline" || symbol(row.state) === "times";

  const nameOf = (row) => row.name + (row.aside === "peer" ? " (peer)" : "");
  const timed = (view) => view.rows.filter((row) => row.speedup);
  const options = (width, height, more) => ({
    width, height, ...more,
    color: { type: "identity" },
    style: { fontSize: "12px", background: "none", color: css("soft"), maxWidth: "none" },
  });
  // Round ratios: powers of two with a fitting stride, or plain steps when the range is small.
  const ratioTicks = ([low, high], most) => {
    if (high / low < 3) return d3.ticks(low, high, most);
    if (high / low < 12) {
      return [0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10].filter((v) => v >= low && v <= high);
    }
    const from = Math.ceil(Math.log2(low)), to = Math.floor(Math.log2(high));
    const stride = Math.ceil((to - from + 1) / most);
    const first = Math.ceil(from / stride) * stride;
    return d3.range(first, to + 1, stride).map((power) => 2 ** power);
  };
  const ratio = (value) =>
    (value < 0.1 ? `1/${Math.round(1 / value)}x` : `${Number(value.toPrecision(4))}x`);
  const ratio3 = (value) =>
    `${value >= 0.9 && value < 1.1 ? value.toFixed(3) :
      value < 100 ? value.toPrecision(3) : Number(value.toPrecision(3))}x`;
  const ratioDomain = (rows) => {
    const ends = rows.flatMap((row) => row.speedup).filter((end) => end);
    const low = Math.max(1e-6, Math.min(1 / 1.05, ...ends));
    const high = Math.min(1e6, Math.max(1.05, ...ends));
    const room = (high / low) ** 0.05;
    return [low / room, high * room];
  };
  // Marks that can be focused: links to their case, described for those who do not see them.
  const link = (channels) => ({
    href: (d) => `#${d.view.id}`,
    ariaLabel: (d) => `${d.prefix || ""}${d.row.says}`,
    symbol: (d) => symbol(d.row.state),
    fill: (d) => (isOpen(d.row) ? css("panel") : colour(d.row.state)),
    stroke: (d) => (isOpen(d.row) ? colour(d.row.state) : css("panel")),
    strokeWidth: (d) => (isOpen(d.row) ? 2 : 1),
    ...channels,
  });

  // Rows of a figure at y = 0.5, 1.5, ...; the names left of them, or above when it is narrow.
  const names = (items, narrow, text, y, pixels, more) =>
    Plot.text(items, {
      y: (d, i) => y(i) - (narrow ? 0.32 : 0), text, frameAnchor: "left", fontFamily: mono,
      textAnchor: narrow ? "start" : "end", dx: narrow ? 0 : -10, fill: css("ink"),
      monospace: true, lineWidth: pixels / kLetter * 0.6, textOverflow: "ellipsis",
      ...more,
    });
  const ratioScale = (width, domain, margins) => {
    const most = Math.max(3, Math.floor((width - margins) / 70));
    return { type: "log", domain, clamp: true, axis: null, ticks: ratioTicks(domain, most) };
  };
  const ratioAxis = (ticks) => [
    Plot.gridX(ticks, { stroke: css("line"), strokeOpacity: 1 }),
    Plot.axisX(ticks, { anchor: "top", text: ratio, tickSize: 0, label: null }),
  ];
  // Interval bars, with an arrow at an end that is not known.
  const intervals = (items, y, domain) => {
    const low = (d) => d.row.speedup[1] || domain[0], high = (d) => d.row.speedup[2] || domain[1];
    const opened = items.filter((d) => !d.row.speedup[1] || !d.row.speedup[2]);
    const bar = { stroke: (d) => colour(d.row.state), y };
    return [
      Plot.ruleY(items, { ...bar, x1: 1, x2: (d) => d.row.speedup[0], strokeOpacity: 0.3 }),
      Plot.ruleY(items, { ...bar, x1: low, x2: high, strokeWidth: 7, strokeOpacity: 0.45 }),
      Plot.text(opened, {
        x: (d) => (d.row.speedup[1] ? domain[1] : domain[0]), y, fill: (d) => colour(d.row.state),
        text: (d) => (d.row.speedup[1] ? "▸" : "◂"), fontSize: 15,
      }),
    ];
  };
  const band = (margin, top, bottom) => [
    Plot.rect(margin > 0 ? [margin] : [], {
      x1: 1 / (1 + margin), x2: 1 + margin, y1: top, y2: bottom, fill: css("band"),
    }),
    Plot.ruleX([1], { stroke: css("soft") }),
  ];

  const speedups = (data, of, width) => {
    const view = data.cases.find((one) => one.id === of);
    const items = timed(view).map((row, i) => ({ view, row, y: i + 0.5 }));
    const narrow = width < kNarrow;
    const longest = d3.max(items, (d) => nameOf(d.row).length);
    const left = narrow ? 4 : 16 + kLetter * Math.min(30, longest);
    const right = narrow ? 10 : 120;
    const row = narrow ? kRow + 12 : kRow;
    const domain = ratioDomain(timed(view));
    const x = ratioScale(width, domain, left + right);
    const y = (d) => d.y + (narrow ? 0.16 : 0);
    const margin = d3.max(items, (d) => d.row.margin) || 0;
    const words = (d) => (d.row.state === "baseline" ? "baseline" : ratio3(d.row.speedup[0]));
    return Plot.plot(options(width, 30 + row * items.length, {
      marginLeft: left, marginRight: right, marginTop: 26, marginBottom: 4, x,
      y: { domain: [items.length, 0], axis: null, type: "linear" }, ariaLabel: "Speed-ups",
      marks: [
        ...band(margin, 0, items.length), ...ratioAxis(x.ticks),
        ...intervals(items.filter((d) => d.row.state !== "baseline"), y, domain),
        names(items, narrow, (d) => nameOf(d.row), (i) => i + 0.5, narrow ? width - 64 : left),
        Plot.text(items, {
          y: (d) => d.y - (narrow ? 0.32 : 0), text: words, frameAnchor: "right", fill: css("ink"),
          textAnchor: narrow ? "end" : "start", dx: narrow ? 8 : 10,
        }),
        Plot.dot(items, link({ x: (d) => d.row.speedup[0], y, r: 5 })),
      ],
    }));
  };

  // Each process a strip: ticks are samples (or quantiles of them), the box holds the middle half.
  const samples = (data, of, width) => {
    const rows = timed(data.cases.find((one) => one.id === of));
    const wide = width < kNarrow && matchMedia("(min-width: 900px)").matches;
    const named = !wide;  // beside the speed-ups the names are already there
    const row = named ? kRow + 12 : kRow;
    const strips = [];
    rows.forEach((one, i) => one.samples.forEach((values, process) => {
      const top = i + (named ? 0.36 : 0.12), height = (named ? 0.56 : 0.76) / one.samples.length;
      const y1 = top + height * process, y2 = y1 + height * 0.86;
      strips.push({ row: one, values, y1, y2, process });
    }));
    const ticks = strips.flatMap((strip) => strip.values.map((x) => ({ ...strip, x })));
    const sorted = d3.sort(ticks, (d) => d.x).map((d) => d.x);
    const low = Math.max(0.5, Math.min(0.98, d3.quantileSorted(sorted, 0.01) || 1));
    const high = Math.min(2, Math.max(1.02, d3.quantileSorted(sorted, 0.99) || 1));
    const inside = ticks.filter((d) => d.x >= low && d.x <= high);
    const fill = (d) => colour(d.row.state);
    const percent = (value) => `${value > 1 ? "+" : ""}${Number((100 * (value - 1)).toFixed(1))} %`;
    const percents = d3.ticks(low, high, Math.max(2, Math.floor(width / 90)));
    return Plot.plot(options(width, 30 + row * rows.length, {
      marginLeft: 8, marginRight: 8, marginTop: 26, marginBottom: 4, ariaLabel: "Samples",
      x: { domain: [low, high], axis: null, clamp: true },
      y: { domain: [rows.length, 0], axis: null, type: "linear" },
      marks: [
        Plot.gridX(percents, { stroke: css("line"), strokeOpacity: 1 }),
        Plot.axisX(percents, {
          anchor: "top", tickSize: 0, label: null,
          tickFormat: (value) => (Math.abs(value - 1) < 1e-9 ? "median" : percent(value)),
        }),
        named ? names(rows, true, nameOf, (i) => i + 0.48, width - 20) : null,
        Plot.rect(strips, {
          x1: (d) => d3.quantileSorted(d.values, 0.25),
          x2: (d) => d3.quantileSorted(d.values, 0.75), y1: "y1", y2: "y2", fill, fillOpacity: 0.16,
        }),
        Plot.ruleX(inside, { x: "x", y1: "y1", y2: "y2", stroke: fill, strokeOpacity: 0.4 }),
        Plot.ruleX(strips, {
          x: (d) => d3.median(d.values), y1: "y1", y2: "y2", stroke: css("ink"), strokeWidth: 2,
        }),
      ],
    }));
  };

  // A row for each case: its best technique with the interval, the others as small marks.
  const overview = (data, of, width, shown) => {
    const views = data.cases.filter((view, i) => shown[i]);
    const all = views.flatMap((view, i) => timed(view)
      .filter((row) => row.state !== "baseline" && !row.aside)
      .map((row) => ({ view, row, y: i + 0.5, prefix: `${view.lab} ${view.name}, ` })));
    const best = all.filter((d) => d.view.rows[d.view.best] === d.row);
    const rest = all.filter((d) => d.view.rows[d.view.best] !== d.row);
    const narrow = width < 760;
    const label = (view) => `${view.lab} ${view.name}`;
    const longest = d3.max(views, (view) => label(view).length);
    const left = narrow ? 4 : 16 + kLetter * Math.min(52, longest);
    const right = narrow ? 12 : 210;
    const row = narrow ? 40 : 26;
    const domain = ratioDomain(all.map((d) => d.row));
    const x = ratioScale(width, domain, left + right);
    const y = (d) => d.y + (narrow ? 0.2 : 0);
    const margin = d3.max(all, (d) => d.row.margin) || 0;
    return Plot.plot(options(width, 30 + row * views.length, {
      marginLeft: left, marginRight: right, marginTop: 26, marginBottom: 4, x,
      y: { domain: [views.length, 0], axis: null, type: "linear" },
      ariaLabel: "Best technique of each case",
      marks: [
        ...band(margin, 0, views.length), ...ratioAxis(x.ticks),
        names(views, narrow, label, (i) => i + 0.5, narrow ? width - 64 : left),
        Plot.dot(rest, {
          x: (d) => d.row.speedup[0], y, r: 2.2, fill: (d) => colour(d.row.state),
          fillOpacity: 0.75, symbol: (d) => symbol(d.row.state),
        }),
        ...intervals(best, y, domain),
        Plot.text(views.filter((view) => view.best === null), {
          x: 1, y: (view) => y({ y: views.indexOf(view) + 0.5 }), dx: 10, textAnchor: "start",
          text: () => "nothing shown to be faster", fill: css("soft"),
        }),
        Plot.text(best, {
          y: (d) => d.y - (narrow ? 0.32 : 0), frameAnchor: "right", fill: css("ink"),
          textAnchor: "end", dx: narrow ? 10 : 56,
          text: (d) => ratio3(d.row.speedup[0]),
        }),
        narrow ? null : names(best, false, (d) => d.row.name, (i) => best[i].y, right - 72, {
          frameAnchor: "right", textAnchor: "start", dx: 66,
        }),
        Plot.dot(best, link({ x: (d) => d.row.speedup[0], y, r: 4.5 })),
      ],
    }));
  };

  return { speedups, samples, overview, roofline: (...rest) => drawRoofline(...rest),
    parts: { css, colour, symbol, link, options, kDepth } };
})();
