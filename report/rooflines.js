// The rooflines: a panel for each number of threads and for the GPU, compute and memory apart.
// Bandwidth roofs are
// lines of slope one in a compute panel, and steps over the working set in a memory panel.
"use strict";
const drawRoofline = (data, of, width, shown) => {
  const { css, link, options, kDepth } = plots.parts;
  const kGpuDepth = 1e6;  // its units are further apart: f32 and fp8 products by a factor of 30
  const kTop = 26, kLeft = 46, kRight = 14, kBottom = 40;

  const label = (items, more) => Plot.text(items, {
    x: "x", y: "y", text: "label", fill: css("ink"), stroke: css("panel"), strokeWidth: 4,
    fontSize: 11, lineAnchor: "bottom", dy: -3, ...more,
  });
  const roof = (items, more) => Plot.link(items, {
    x1: "x1", y1: "y1", x2: "x2", y2: "y2", stroke: css("roof"), strokeWidth: 1.5, ...more,
  });
  const bytes = (value) => {
    const power = Math.min(4, Math.floor(Math.log2(value) / 10));
    const unit = ["B", "KiB", "MiB", "GiB", "TiB"][power];
    return `${Number((value / 2 ** (10 * power)).toPrecision(3))} ${unit}`;
  };

  const count = (value) => (value < 1e4 ? String(value) : d3.format("~s")(value));

  // Where two bandwidth labels would touch, the lower one starts behind the upper one.
  const slanted = (lines, x, y, size) => {
    const across = size.width - kLeft - kRight, down = size.height - kTop - kBottom;
    const slope = Math.atan2(down / Math.log(y[1] / y[0]), across / Math.log(x[1] / x[0]));
    const perPixel = (x[1] / x[0]) ** (1 / across);
    let above = { at: -1e9, end: 0 };
    const labels = lines.map((line) => {
      const at = down * Math.log(y[1] / line.value) / Math.log(y[1] / y[0]);
      const begin = (at - above.at) * Math.cos(slope) < 14 ? above.end + 14 : 6;
      above = { at, end: begin + 6 * line.label.length };
      const start = line.x1 * perPixel ** (begin * Math.cos(slope));
      return { x: start, y: start * line.value, label: line.label };
    });
    return label(labels, { textAnchor: "start", rotate: -slope * 180 / Math.PI });
  };

  const computeMarks = (panel, x, y, size) => {
    const flat = panel.roofs.filter((one) => one.level === undefined);
    const slopes = panel.roofs.filter((one) => one.level !== undefined);
    const top = d3.max(flat, (one) => one.value) || y[1];
    const widest = d3.max(slopes, (one) => one.value);
    const lines = slopes.map((one) => ({
      ...one, x1: Math.max(x[0], y[0] / one.value), x2: Math.min(x[1], top / one.value),
    })).map((one) => ({ ...one, y1: one.x1 * one.value, y2: one.x2 * one.value }))
      .filter((one) => one.x1 < one.x2);
    const flats = flat.map((one, i) => ({
      x1: Math.max(x[0], widest ? one.value / widest : x[0]), x2: x[1], y1: one.value,
      y2: one.value, x: x[1], y: one.value, label: one.label, lesser: i > 0,
    }));
    return [
      roof(lines), roof(flats, { strokeOpacity: (d) => (d.lesser ? 0.45 : 1) }),
      label(flats, { textAnchor: "end" }), slanted(lines, x, y, size),
    ];
  };

  const memoryMarks = (panel, x) => {
    const steps = panel.roofs.map((one) => ({
      x1: Math.max(x[0], one.from || x[0]), x2: Math.min(x[1], one.to || x[1]), y1: one.value,
      y2: one.value, y: one.value, label: one.label,
    })).filter((one) => one.x1 < one.x2);
    const left = steps.filter((one) => one.x2 < x[1]).map((one) => ({ ...one, x: one.x1 }));
    const right = steps.filter((one) => one.x2 >= x[1]).map((one) => ({ ...one, x: one.x2 }));
    return [roof(steps), label(left, { textAnchor: "start" }), label(right, { textAnchor: "end" })];
  };

  const drawPanel = (panel, points, size) => {
    const ys = points.map((d) => d.y).concat(panel.roofs.map((one) => one.value)
      .filter((value, i) => panel.memory || panel.roofs[i].level === undefined));
    const y = [0, d3.max(ys) * 2];
    y[0] = Math.max(d3.min(ys) / 2.5, y[1] / (panel.gpu ? kGpuDepth : kDepth));
    const xs = points.map((d) => d.x);
    const ridge = panel.memory ? [] : panel.roofs.filter((one) => one.level === 0)
      .map((one) => 3 * (d3.max(panel.roofs.filter((r) => r.level === undefined), (r) => r.value)
        || 0) / one.value);
    const x = panel.memory
      ? [d3.min(xs.concat(8192)) / 2, d3.max(xs.concat(2 ** 27)) * 2]
      : [Math.min(0.25, d3.min(xs) / 6), Math.max(d3.max(xs) * 2, ...ridge, 8)];
    return Plot.plot(options(size.width, size.height, {
      marginLeft: kLeft, marginRight: kRight, marginTop: kTop, marginBottom: kBottom,
      ariaLabel: "Roofline",
      x: { type: "log", domain: x, clamp: true, axis: null },
      y: { type: "log", domain: y, clamp: true, axis: null },
      marks: [
        Plot.gridY(powers(y, 10), { stroke: css("line"), strokeOpacity: 1 }),
        Plot.axisY(powers(y, 10), { tickSize: 0, text: count, label: null }),
        Plot.axisX(powers(x, 2, Math.ceil(Math.log2(x[1] / x[0]) / 6)), {
          tickSize: 4, text: panel.memory ? bytes : String, label: null,
        }),
        Plot.text([panel.memory ? "working set" : "FLOP per byte read or written"], {
          frameAnchor: "bottom", dy: 34, fill: css("soft"),
        }),
        Plot.text([panel.memory ? "GB/s" : "GFLOP/s"], {
          frameAnchor: "top-left", dx: -38, dy: -20, textAnchor: "start", fill: css("soft"),
        }),
        ...(panel.memory ? memoryMarks(panel, x) : computeMarks(panel, x, y, size)),
        Plot.dot(points, link({ x: "x", y: "y", r: 4.5 })),
      ],
    }));
  };
  const powers = ([low, high], base, stride = 1) => {
    const from = Math.ceil(Math.log(low) / Math.log(base) / stride);
    const to = Math.floor(Math.log(high) / Math.log(base) / stride);
    return d3.range(from, to + 1).map((power) => base ** (power * stride));
  };

  const node = document.createElement("div");
  node.className = "panels";
  const used = data.panels.map((panel) => ({
    panel,
    points: panel.points
      .filter(([view]) => shown[view] && (of === "all" || data.cases[view].lab_id === of))
      .map(([view, row, x, y]) => ({
        view: data.cases[view], row: data.cases[view].rows[row], x, y,
        prefix: `${data.cases[view].lab} ${data.cases[view].name}, `,
      })),
  })).filter(({ points }) => points.length > 0);
  const columns = width >= 896 && used.length > 1 ? 2 : 1;
  const size = { width: Math.floor((width - 36 * (columns - 1)) / columns) };
  size.height = Math.round(Math.max(300, Math.min(420, size.width * 0.72)));
  // A lab under the roofs that its own types and links have; the run under all.
  const roofsOf = (panel, points) => panel.roofs.filter((one) => of === "all" ||
    (one.level === undefined
      ? points.some((d) => d.view.dtype === (one.dtype === "tf32" ? "f32" : one.dtype))
      : one.level >= 0 || points.some((d) => d.view.link)));
  for (const { panel: whole, points } of used) {
    const panel = { ...whole, roofs: roofsOf(whole, points) };
    const one = document.createElement("div"), title = document.createElement("h4");
    title.textContent =
      `${panel.gpu || `${panel.threads} thread${panel.threads === 1 ? "" : "s"}`}, ` +
      (panel.memory ? "cases without floating-point work" : "floating-point work");
    one.append(title, drawPanel(panel, points, size));
    node.append(one);
  }
  return node;
};
