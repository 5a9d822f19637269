// What the page does besides showing: draws each plot when it comes near, filters by chapter and
// verdict, switches light and dark, and moves through the marks of a plot with the arrow keys.
// Without this script every figure is hidden and every number is in a table.
"use strict";
(() => {
  const root = document.documentElement;
  const data = JSON.parse(document.getElementById("data").textContent);
  const chosen = { chapter: "", states: new Set() };

  const element = (name, properties, ...children) => {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  };

  // Plots: drawn when they come near, again when their width changes, all of them for print.
  const draw = (figure) => {
    const canvas = figure.querySelector(".canvas");
    const width = canvas.clientWidth;
    if (width < 50) return;  // hidden by the filter
    const state = width + chosen.chapter + [...chosen.states];
    if (figure.drawn === state) return;
    figure.drawn = state;
    const shown = data.cases.map(isShown);
    canvas.replaceChildren(plots[figure.dataset.plot](data, figure.dataset.of, width, shown));
    canvas.style.minHeight = "";
    prepareMarks(figure);
  };
  const near = new Set();
  const redraw = () => near.forEach(draw);
  const watchPlots = () => {
    const figures = document.querySelectorAll("figure.plot");
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        near.add(entry.target);
        draw(entry.target);
      }
    }, { rootMargin: "600px" });
    figures.forEach((figure) => {
      listen(figure);
      watcher.observe(figure);
    });
    let waiting = 0;
    addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(redraw, 120);
    });
    addEventListener("beforeprint", () => figures.forEach(draw));
  };

  // A plot is one stop of the tab key; the arrow keys go from mark to mark.
  const marksOf = (figure) => [...figure.querySelectorAll(".canvas a")];
  const prepareMarks = (figure) => {
    marksOf(figure).forEach((mark, i) => {
      mark.setAttribute("tabindex", i === 0 ? "0" : "-1");
      // The library describes the shape; a reader of the page meets the link around it.
      mark.setAttribute("aria-label", mark.firstChild.getAttribute("aria-label"));
      mark.firstChild.removeAttribute("aria-label");
    });
    for (const svg of figure.querySelectorAll("svg")) {
      svg.setAttribute("role", svg.querySelector("a") ? "group" : "img");
    }
  };
  const listen = (figure) => {
    const show = (event) => {
      const mark = event.target.closest(".canvas a");
      if (mark) figure.querySelector(".says").textContent = mark.getAttribute("aria-label");
    };
    figure.addEventListener("focusin", show);
    figure.addEventListener("pointerover", show);
    figure.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const marks = marksOf(figure), at = marks.indexOf(event.target.closest("a"));
      if (!step || at < 0) return;
      event.preventDefault();
      const next = marks[(at + step + marks.length) % marks.length];
      marks[at].setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  };

  // The filter: a case is shown when its chapter is chosen and a row of it has a chosen verdict.
  const isShown = (view) =>
    (!chosen.chapter || view.chapter === chosen.chapter) &&
    (chosen.states.size === 0 || view.rows.some((row) => chosen.states.has(row.state)));
  const applyFilter = (status) => {
    let count = 0;
    const labs = new Map();
    for (const view of data.cases) {
      const shown = isShown(view);
      count += shown;
      document.getElementById(view.id).hidden = !shown;
      labs.set(view.lab_id, shown || labs.get(view.lab_id));
    }
    for (const [id, shown] of labs) {
      document.querySelector(`section[data-lab="${id}"]`).hidden = !shown;
    }
    status.textContent =
      count === data.cases.length ? "" : `${count} of ${data.cases.length} cases shown`;
    redraw();
  };
  const buildFilter = () => {
    const bar = document.getElementById("filter");
    const status = element("p", { className: "muted" });
    status.setAttribute("role", "status");
    for (const item of bar.querySelectorAll("li[data-state]")) {
      const button = element("button", { type: "button" }, ...item.firstChild.childNodes);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        const on = button.getAttribute("aria-pressed") === "false";
        button.setAttribute("aria-pressed", on);
        chosen.states[on ? "add" : "delete"](item.dataset.state);
        applyFilter(status);
      });
      item.replaceChildren(button);
    }
    const chapters = [...new Set(data.cases.map((view) => view.chapter))].sort();
    const select = element("select", {}, element("option", { value: "" }, "all chapters"));
    for (const chapter of chapters) select.append(element("option", { value: chapter }, chapter));
    select.setAttribute("aria-label", "Chapter");
    select.addEventListener("change", () => {
      chosen.chapter = select.value;
      applyFilter(status);
    });
    if (chapters.length > 1) bar.prepend(select);
    bar.append(status);
  };

  // Light, dark, or as the system says; kept where the browser allows it.
  const buildTheme = () => {
    const names = { "light dark": "Auto", light: "Light", dark: "Dark" };
    const order = Object.keys(names);
    let at = 0;
    try {
      at = Math.max(0, order.indexOf(localStorage.getItem("aisp-theme")));
    } catch { /* a page from a file may have no storage */ }
    const button = element("button", { id: "theme", type: "button" });
    const apply = () => {
      root.style.colorScheme = order[at];
      button.textContent = names[order[at]];
      button.setAttribute("aria-label", `Colours: ${names[order[at]]}`);
    };
    button.addEventListener("click", () => {
      at = (at + 1) % order.length;
      apply();
      try {
        localStorage.setItem("aisp-theme", order[at]);
      } catch { /* as above */ }
    });
    apply();
    document.querySelector("header").append(button);
  };

  root.classList.add("js");
  for (const table of document.querySelectorAll("details.table")) table.open = false;
  buildTheme();
  buildFilter();
  watchPlots();
})();
