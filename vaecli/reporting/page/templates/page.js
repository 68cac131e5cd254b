// The page's sorting and charts. Data are in the JSON elements; texts reach the page as text nodes only.
(function () {
  "use strict";
  const MID = ["#2f7fd1", "#c9720f", "#1c9a6c", "#cc5fa5", "#8f7a1f", "#9a6fd6", "#d9503f", "#858585"]; // 3:1 on white and on dark
  const KINDS = {
    "informative": ["#2f7fd1", "circle"], "collapsed": ["#858585", "cross"], "fake-rate": ["#d9503f", "square"],
    "saturated": ["#9a6fd6", "diamond"], "unused": ["#8f7a1f", "triangle-up"], "worse than uniform": ["#cc5fa5", "triangle-down"],
    "diverged": ["#c9720f", "triangle-right"], "seeds disagree": ["#1c9a6c", "triangle-left"], "no verdict": ["#a8743f", "stroke"],
  };
  const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"];
  const TICKS = [0, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const data = {};
  const views = {};
  const byId = (id) => document.getElementById(id);
  const figure = (v, digits) => (v === null || v === undefined ? "-" : Number(v).toPrecision(digits || 4).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, ""));

  // Sorting, after the W3C's pattern: a button in each heading, aria-sort on the heading that decides.
  function sortTable(table, column, header) {
    const ascending = header.getAttribute("aria-sort") === "ascending" ? false : true;
    const body = table.tBodies[0];
    const value = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.v !== undefined) return Number(cell.dataset.v.replace("inf", "Infinity"));
      return cell.classList.contains("n") || cell.textContent === "-" ? null : cell.textContent;
    };
    const rows = Array.from(body.rows).map((row, n) => ({ row, n, v: value(row) }));
    rows.sort((a, b) => {
      if (a.v === null || b.v === null) return (a.v === null) - (b.v === null) || a.n - b.n; // undefined ones last
      const order = typeof a.v === "number" && typeof b.v === "number" ? a.v - b.v : String(a.v).localeCompare(String(b.v), "en", { numeric: true });
      return (ascending ? order : -order) || a.n - b.n;
    });
    body.append(...rows.map((item) => item.row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    byId("sorted").textContent = "Sorted by " + header.textContent + (ascending ? ", ascending" : ", descending");
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => sortTable(table, column, header));
    });
  }
  const contents = document.querySelector("nav.contents details");
  if (contents && window.matchMedia("(max-width: 69.99rem)").matches) contents.open = false;

  // Charts
  const CONFIG = {
    background: null, font: "system-ui, sans-serif", axis: { labelFontSize: 11, titleFontSize: 12, titleFontWeight: "normal" },
    legend: { labelFontSize: 11, titleFontSize: 11, symbolType: "circle" }, view: { stroke: null },
  };
  const narrow = () => document.documentElement.clientWidth < 640;
  const legend = (title) => ({ orient: "bottom", title: title, columns: narrow() ? 2 : 4, labelLimit: 160, symbolLimit: 60 });

  async function embed(id, spec, patch) {
    const box = byId(id);
    const kept = box.offsetHeight;
    box.style.height = kept + "px";
    if (views[id]) views[id].finalize();
    views[id] = await vegaEmbed(box, Object.assign({ $schema: "https://vega.github.io/schema/vega-lite/v6.json", config: CONFIG }, spec), {
      renderer: "svg", patch: patch, actions: { export: { svg: true, png: true }, source: false, compiled: false, editor: false },
      tooltip: { theme: "custom" },
    });
    box.classList.add("ready");
    box.style.height = "";
    return views[id].view;
  }

  // Vega moves the names apart and drops those without room; Vega-Lite has no word for it yet, so the compiled spec gets it.
  function placeNames(avoid) {
    return (spec) => {
      const names = new Set();
      const collect = (marks) => (marks || []).forEach((mark) => { names.add(mark.name); collect(mark.marks); });
      collect(spec.marks);
      const walk = (marks) => {
        for (const mark of marks || []) {
          if (mark.name === "names_marks") {
            mark.transform = [{ type: "label", size: { signal: "[width, height]" }, offset: [4, 1, 10], padding: 0,
              anchor: ["right", "top-right", "bottom-right", "left", "top", "bottom", "top-left", "bottom-left"], avoidMarks: avoid.filter((name) => names.has(name)) }];
          }
          walk(mark.marks);
        }
      };
      walk(spec.marks);
      return spec;
    };
  }

  function usualTop(values) { // few values far above all others would press these into a line
    const sorted = values.slice().sort((a, b) => a - b);
    const usual = sorted[Math.min(sorted.length - 1, Math.floor(0.9 * sorted.length))];
    return Math.min(sorted[sorted.length - 1], usual + 0.5 * (usual - sorted[0]) || Infinity);
  }

  const PATH = 12, NAMES = 3; // variants of a method that a line joins and lines that are named at all; names of lines that lie together

  function planeSpec(plane, axis) {
    const shown = plane.points.filter((p) => p[axis]);
    const lines = plane[axis + "_lines"];
    const values = shown.map((p) => p[axis][0]).concat(lines.map((l) => l.value));
    const top = axis === "rec" ? usualTop(values) : Math.max(...values, 0.1);
    const low = axis === "rec" ? Math.min(...values) : Math.min(0, ...values);
    const room = 0.06 * (top - low || 1);
    const kls = plane.points.map((p) => p.kl[0]).concat(plane.points.flatMap((p) => p.seeds.map((s) => s.kl)));
    const right = Math.max(1, ...kls), left = Math.min(0, ...kls);
    const domain = [low - room, top + room];
    const x = (field) => ({ field: field, type: "quantitative", title: "kl, nats per sentence (logarithmic from 1)",
      scale: { type: "symlog", constant: 1, domain: [left - 0.06, right * 1.6], nice: false, zero: false }, axis: { values: TICKS.filter((t) => t <= right * 1.6), labelExpr: "'' + datum.value" } });
    const y = (field) => ({ field: field, type: "quantitative", title: axis === "rec" ? "rec, nats per sentence" : "mi, nats",
      scale: { domain: domain, nice: false, zero: false } });
    const kinds = Object.keys(KINDS).filter((k) => shown.some((p) => p.kind === k));
    const colour = { field: "kind", type: "nominal", scale: { domain: kinds, range: kinds.map((k) => KINDS[k][0]) }, legend: legend("verdict") };
    const shape = { field: "kind", type: "nominal", scale: { domain: kinds, range: kinds.map((k) => KINDS[k][1]) }, legend: legend("verdict") };
    const faded = (full, little) => ({ condition: { test: "chosen === '' || datum.label === chosen", value: full }, value: little });
    const rows = shown.map((p) => {
      const at = Math.min(p[axis][0], top);
      const beyond = at < p[axis][0];
      return { label: p.label, name: beyond ? p.label + " ↑ " + figure(p[axis][0]) : p.label, kind: p.kind, verdict: p.verdict, settings: p.settings,
        kl: p.kl[0], kl_low: p.kl[1] === null ? p.kl[0] : p.kl[1], kl_high: p.kl[2] === null ? p.kl[0] : p.kl[2],
        y: at, y_low: p[axis][1] === null || beyond ? at : p[axis][1], y_high: p[axis][2] === null || beyond ? at : p[axis][2],
        said: told(plane, p.label), said_kl: interval(p.kl), said_rec: interval(p.rec), said_mi: p.mi ? (p.bounded ? "≥ " : "") + interval(p.mi) : "-", seeds: p.seeds.length };
    });
    const seeds = shown.flatMap((p) => p.seeds.filter((s) => s[axis] !== undefined).map((s) => ({ label: p.label, kind: p.kind, seed: s.seed, kl: s.kl, y: s[axis], rec: s.rec, mi: s.mi })));
    const byKl = rows.slice().sort((a, b) => a.kl - b.kl);
    const variants = {};
    for (const p of shown) (variants[p.method] = variants[p.method] || []).push({ method: p.method, label: p.label, kl: p.kl[0], y: Math.min(p[axis][0], top) });
    const joined = Object.values(variants).filter((v) => v.length > 1 && v.length <= PATH).flat(); // more is a design, and no path
    const layers = [];
    if (axis === "rec") {
      const edge = byKl.filter((r) => plane.frontier.includes(r.label));
      layers.push({ data: { values: edge }, mark: { type: "line", color: "#2f7fd1", strokeWidth: 1, opacity: 0.6, aria: false }, encoding: { x: x("kl"), y: y("y") } });
    } else {
      const end = Math.min(top + room, right * 1.6);
      const ray = Array.from({ length: 121 }, (_, n) => ({ kl: (end * n) / 120, y: (end * n) / 120 })); // points, for on this axis the line is a curve
      layers.push({ data: { values: ray }, mark: { type: "line", color: "#777777", strokeDash: [2, 3], strokeWidth: 1.2, clip: true, aria: false }, encoding: { x: x("kl"), y: y("y") } });
    }
    const drawn = lines.map((l) => ({ name: l.label + (l.bounded ? " (≥)" : ""), y: l.value })).filter((l) => l.y <= top + room);
    if (axis === "mi" && plane.ceiling !== null && plane.ceiling <= top + room) drawn.push({ name: "log N", y: plane.ceiling });
    const spread = []; // names of lines that lie together stand beside each other
    drawn.sort((a, b) => b.y - a.y).forEach((l) => {
      const last = spread[spread.length - 1];
      if (last && Math.abs(last.y - l.y) < 0.03 * (top - low || 1)) last.names.push(l.name); else spread.push({ y: l.y, names: [l.name] });
    });
    spread.forEach((l) => { l.name = l.names.length > NAMES ? l.names[0] + " and " + (l.names.length - 1) + " more" : l.names.join(", "); });
    layers.push({ data: { values: drawn }, mark: { type: "rule", color: "#777777", strokeDash: [6, 4], aria: true }, encoding: { y: y("y"), tooltip: [{ field: "name", title: "line" }, { field: "y", title: axis, format: ".4~g" }], description: { field: "name" } } });
    layers.push({ name: "lines", data: { values: spread.length > PATH ? [] : spread }, mark: { type: "text", align: "right", baseline: "bottom", dy: -2, fontSize: 11, fontStyle: "italic" }, encoding: { x: { value: { expr: "width" } }, y: y("y"), text: { field: "name" } } });
    if (joined.length) layers.push({ data: { values: joined }, mark: { type: "line", strokeWidth: 1, color: "#777777", aria: false }, encoding: { x: x("kl"), y: y("y"), detail: { field: "method" } } });
    layers.push({ data: { values: seeds }, mark: { type: "point", filled: true, size: 12, clip: true, aria: false },
      encoding: { x: x("kl"), y: y("y"), color: colour, opacity: faded(0.6, 0.1),
        tooltip: [{ field: "label", title: "method" }, { field: "seed", title: "seed" }, { field: "kl", format: ".4~g" }, { field: "rec", format: ".4~g" }, { field: "mi", format: ".4~g" }] } });
    layers.push({ data: { values: rows }, mark: { type: "rule", clip: true, strokeWidth: 1.2, aria: false }, encoding: { x: x("kl"), y: y("y_low"), y2: { field: "y_high" }, color: colour, opacity: faded(0.5, 0.08) } });
    layers.push({ data: { values: rows }, mark: { type: "rule", clip: true, strokeWidth: 1.2, aria: false }, encoding: { x: x("kl_low"), x2: { field: "kl_high" }, y: y("y"), color: colour, opacity: faded(0.5, 0.08) } });
    layers.push({ name: "points", data: { values: rows }, mark: { type: "point", filled: true, size: 75, stroke: "transparent" },
      encoding: { x: x("kl"), y: y("y"), color: colour, shape: shape, opacity: faded(1, 0.2), description: { field: "said" },
        tooltip: [{ field: "label", title: "method" }, { field: "verdict", title: "verdict" }, { field: "said_kl", title: "kl" }, { field: "said_rec", title: "rec" }, { field: "said_mi", title: "mi" }, { field: "seeds", title: "seeds" }, { field: "settings", title: "settings" }] } });
    layers.push({ name: "names", data: { values: rows }, mark: { type: "text", fontSize: 11, aria: false }, encoding: { x: x("kl"), y: y("y"), text: { field: "name" } } });
    layers.push({ data: { values: rows }, mark: { type: "text", fontSize: 13, fontWeight: "bold", align: "left", dx: 8, dy: -8, aria: false },
      encoding: { x: x("kl"), y: y("y"), text: { field: "name" }, opacity: { condition: { test: "chosen !== '' && datum.label === chosen", value: 1 }, value: 0 } } });
    return { description: (axis === "rec" ? "Rate and distortion of " : "Rate and information of ") + rows.length + " methods; the figures are in the table above.",
      width: "container", height: 380, params: [{ name: "chosen", value: "" }], layer: layers.filter((layer) => layer.data.values.length) };
  }
  const interval = (f) => (f === null ? "-" : figure(f[0]) + (f[2] === null ? "" : " ± " + figure(f[2] - f[0], 3)));

  function told(plane, label) { // what hovering tells, for those who choose
    const p = plane.points.find((item) => item.label === label);
    if (!p) return "";
    return p.label + ": " + p.verdict + "; kl " + interval(p.kl) + ", rec " + interval(p.rec) + (p.mi ? ", mi " + (p.bounded ? "≥ " : "") + interval(p.mi) : "") + "; " + p.seeds.length + (p.seeds.length === 1 ? " seed" : " seeds") + "; " + p.settings;
  }

  async function drawPlanes(id) {
    const plane = data[id].plane;
    const boxes = document.querySelectorAll('[data-chart="plane"][data-section="' + id + '"]');
    const drawn = [];
    for (const box of boxes) drawn.push(await embed(box.id, planeSpec(plane, box.dataset.axis), placeNames(["points_marks", "lines_marks"])));
    const select = byId(id + "-chosen");
    select.addEventListener("change", () => {
      for (const view of drawn) view.signal("chosen", select.value).runAsync();
      byId(id + "-told").textContent = told(plane, select.value);
    });
  }

  const at = (values, name, n) => (Array.isArray(values[name]) ? values[name][n] : values[name] === undefined ? null : values[name]);
  const count = (values) => Math.max(1, ...Object.values(values).map((v) => (Array.isArray(v) ? v.length : 1)));

  function lineColours(section, used) { // by method where they are few, else by verdict
    if (used.length <= MID.length) return { field: "label", domain: used, range: used.map((_, n) => MID[n]), title: "method" };
    const kinds = Object.keys(KINDS).filter((k) => used.some((l) => section.kinds[l] === k));
    return { field: "kind", domain: kinds, range: kinds.map((k) => KINDS[k][0]), title: "verdict" };
  }

  function curveRows(section, column, over, only) {
    const rows = [];
    for (const t of section.curves.trials) {
      const label = section.labels[t.m];
      if ((only && label !== only) || t.values[column] === undefined) continue;
      for (let n = 0; n < count(t.values); n++) {
        const x = at(t.values, over, n), y = at(t.values, column, n);
        if (x !== null && y !== null) rows.push({ x: x, y: y, label: label, seed: t.seed, line: label + " " + t.seed, kind: section.kinds[label], phase: t.phase ? t.phase[n] : "" });
      }
    }
    return rows;
  }

  function curveSpec(section, rows, column, over) {
    const used = Array.from(new Set(rows.map((r) => r.label)));
    const colours = lineColours(section, used);
    const colour = { field: colours.field, type: "nominal", scale: { domain: colours.domain, range: colours.range }, legend: legend(colours.title) };
    const ends = {};
    for (const r of rows) if (!ends[r.label] || (r.seed === ends[r.label].seed && r.x >= ends[r.label].x)) ends[r.label] = r;
    const x = { field: "x", type: "quantitative", title: over, scale: { zero: false, nice: false }, axis: over === "train_seconds" ? {} : { tickMinStep: 1, labelExpr: "'' + datum.value" } };
    const y = { field: "y", type: "quantitative", title: column, scale: { zero: false } };
    const tip = [{ field: "label", title: "method" }, { field: "seed", title: "seed" }, { field: "x", title: over, format: ".4~g" }, { field: "y", title: column, format: ".4~g" }];
    if (rows.some((r) => r.phase)) tip.push({ field: "phase", title: "phase" });
    return { title: { text: column + (used.length === 1 ? " of " + used[0] : ""), anchor: "start", fontSize: 13 }, description: column + " of history.csv over " + over + " for " + used.length + " methods; a table of the last values follows.", width: "container", height: 330,
      layer: [
        { data: { values: rows }, mark: { type: "line", strokeWidth: 1.4, opacity: 0.75, aria: false }, encoding: { x: x, y: y, color: colour, detail: { field: "line" } } },
        { name: "points", data: { values: rows }, mark: { type: "point", filled: true, size: rows.length > 2000 ? 9 : 18, aria: false }, encoding: { x: x, y: y, color: colour, tooltip: tip } },
        { name: "names", data: { values: Object.values(ends) }, mark: { type: "text", fontSize: 11, aria: false }, encoding: { x: x, y: y, text: { field: "label" } } },
      ] };
  }

  async function drawCurves(id) {
    const section = data[id];
    const [column, over, method] = ["column", "over", "method"].map((name) => byId(id + "-" + name));
    const table = document.querySelector('[data-curve-table="' + id + '"]');
    const fill = () => {
      if (!table.open) return;
      const box = table.querySelector("div");
      const rows = section.curves.trials.filter((t) => t.values[column.value] !== undefined && (!method.value || section.labels[t.m] === method.value))
        .map((t) => [section.labels[t.m], t.seed, figure(at(t.values, "epoch", count(t.values) - 1)), figure(at(t.values, column.value, count(t.values) - 1), 5)]);
      box.replaceChildren(htmlTable(["method", "seed", "epoch", column.value], rows));
    };
    const draw = async () => {
      byId(id + "-meaning").textContent = column.value + (section.curves.meanings[column.value] ? ": " + section.curves.meanings[column.value] + "." : ".");
      await embed(id + "-plot-curves", curveSpec(section, curveRows(section, column.value, over.value, method.value), column.value, over.value), placeNames([]));
      fill();
    };
    table.addEventListener("toggle", fill);
    for (const control of [column, over, method]) control.addEventListener("change", draw);
    await draw();
  }

  function htmlTable(heads, rows) {
    const scroll = document.createElement("div"), table = document.createElement("table");
    scroll.className = "scroll tall";
    scroll.tabIndex = 0;
    const line = table.createTHead().insertRow();
    heads.forEach((text, n) => {
      const cell = document.createElement("th");
      cell.scope = "col"; cell.textContent = text; if (n) cell.className = "n";
      line.append(cell);
    });
    const body = table.createTBody();
    for (const row of rows) {
      const out = body.insertRow();
      row.forEach((text, n) => {
        const cell = document.createElement(n ? "td" : "th");
        if (n) cell.className = "n"; else cell.scope = "row";
        cell.textContent = text; out.append(cell);
      });
    }
    scroll.append(table);
    return scroll;
  }

  async function drawWeights(id) {
    const section = data[id];
    const marks = curveRows(section, "kl_weight", "steps", "");
    const replayed = new Set(section.weights.map((w) => section.labels[w.m]));
    const lines = section.weights.flatMap((w) => w.steps.map((x, n) => ({ x: x, y: w.weights[n], label: section.labels[w.m], line: section.labels[w.m], kind: section.kinds[section.labels[w.m]] })));
    const rest = marks.filter((r) => !replayed.has(r.label));
    const first = {}, moves = new Set();
    for (const r of rest) if (first[r.label] === undefined) first[r.label] = r.y; else if (first[r.label] !== r.y) moves.add(r.label);
    const joined = rest.filter((r) => moves.has(r.label)), constant = rest.filter((r) => !moves.has(r.label));
    for (const w of section.weights) if (new Set(w.weights).size > 1) moves.add(section.labels[w.m]);
    const used = Array.from(new Set(marks.map((r) => r.label)));
    // Few methods move the weight, and those are told apart by colour; the many that keep it are grey.
    const movers = used.filter((label) => moves.has(label)), still = "the same all the time";
    const colours = movers.length < MID.length ? { domain: movers.concat(still), range: movers.map((_, n) => MID[n]).concat("#858585") } : null;
    const key = (r) => Object.assign(r, { key: moves.has(r.label) ? r.label : still });
    [marks, lines, joined, constant].forEach((rows) => rows.forEach(key));
    const other = lineColours(section, used);
    const colour = colours ? { field: "key", type: "nominal", scale: colours, legend: legend("method") } : { field: other.field, type: "nominal", scale: { domain: other.domain, range: other.range }, legend: legend(other.title) };
    const x = { field: "x", type: "quantitative", title: "steps (updates)", scale: { zero: true, nice: false }, axis: { tickMinStep: 1, labelExpr: "'' + datum.value" } };
    const y = { field: "y", type: "quantitative", title: "weight of the KL", scale: { zero: true } };
    const ends = {};
    for (const r of marks) if (!moves.has(r.label) && (!ends[r.label] || r.x >= ends[r.label].x)) ends[r.label] = r;
    const spots = {}; // methods that end on one spot share a name
    for (const r of Object.values(ends)) (spots[r.x + " " + r.y.toFixed(3)] = spots[r.x + " " + r.y.toFixed(3)] || []).push(r);
    const named = Object.values(spots).map((at) => Object.assign({}, at[0], { label: at.slice(0, 3).map((r) => r.label).join(", ") + (at.length > 3 ? " and " + (at.length - 3) + " more" : "") }));
    movers.forEach((label, n) => { // beside the rising line, each a little further on
      const own = lines.concat(joined).filter((r) => r.label === label);
      named.push(own[Math.min(own.length - 1, Math.floor(own.length * (0.15 + (0.6 * n) / movers.length)))]);
    });
    await embed(id + "-plot-weights", { description: "Weight of the KL over the updates for " + used.length + " methods.", width: "container", height: 300, layer: [
      { data: { values: joined }, mark: { type: "line", strokeDash: [4, 4], strokeWidth: 1.2, opacity: 0.7, aria: false }, encoding: { x: x, y: y, color: colour, detail: { field: "line" } } },
      { data: { values: lines.concat(constant) }, mark: { type: "line", strokeWidth: 1.6, aria: false }, encoding: { x: x, y: y, color: colour, detail: { field: "line" } } },
      { name: "points", data: { values: marks }, mark: { type: "point", filled: true, size: 16, aria: false }, encoding: { x: x, y: y, color: colour,
        tooltip: [{ field: "label", title: "method" }, { field: "seed", title: "seed" }, { field: "x", title: "steps" }, { field: "y", title: "weight", format: ".4~g" }] } },
      { name: "names", data: { values: named }, mark: { type: "text", fontSize: 11, aria: false }, encoding: { x: x, y: y, text: { field: "label" } } },
    ].filter((layer) => layer.data.values.length) }, placeNames([]));
  }

  async function drawDimensions(id) {
    const section = data[id];
    const rows = section.dimensions.flatMap((d) => d.kl.map((kl, n) => ({ label: section.labels[d.m], k: n + 1, kl: kl, seeds: d.seeds })));
    const most = Math.max(...rows.map((r) => r.kl), 1e-3), wide = Math.max(...rows.map((r) => r.k));
    await embed(id + "-plot-dimensions", { description: "KL by dimension of " + section.dimensions.length + " methods; a table follows.", width: "container", height: 20 * section.dimensions.length,
      data: { values: rows }, mark: { type: "rect", aria: false },
      encoding: { x: { field: "k", type: "ordinal", title: "dimension, the largest KL first", axis: { labelAngle: 0, values: Array.from({ length: wide }, (_, n) => n + 1).filter((n) => n === 1 || n % Math.ceil(wide / (narrow() ? 6 : 16)) === 0) } },
        y: { field: "label", type: "nominal", title: null, sort: null, axis: { labelLimit: narrow() ? 110 : 220 } },
        color: { field: "kl", type: "quantitative", scale: { scheme: "viridis", type: "sqrt", domain: [0, most] }, legend: { title: "nats", orient: "bottom", gradientLength: 200, format: ".2~g" } },
        tooltip: [{ field: "label", title: "method" }, { field: "k", title: "dimension by KL" }, { field: "kl", title: "nats", format: ".3~g" }, { field: "seeds", title: "seeds" }] } });
  }

  async function drawGains(id) {
    const section = data[id], select = byId(id + "-against");
    const draw = async () => {
      const rows = section.gains.runs.flatMap((run) => (run.gains[select.value] || []).map((gain, n) => {
        const label = section.labels[run.m];
        return { x: run.positions[n], y: gain, label: label, seed: run.seed, line: label + " " + run.seed, kind: section.kinds[label] };
      }));
      const used = Array.from(new Set(rows.map((r) => r.label)));
      const colours = lineColours(section, used);
      const colour = { field: colours.field, type: "nominal", scale: { domain: colours.domain, range: colours.range }, legend: legend(colours.title) };
      const x = { field: "x", type: "quantitative", title: "position in the sentence", scale: { zero: false, nice: false }, axis: { tickMinStep: 1, labelExpr: "'' + datum.value" } };
      const y = { field: "y", type: "quantitative", title: "nats a token", scale: { type: "symlog", constant: 0.2 } };
      await embed(id + "-plot-gains", { description: "What z is worth at each position for " + used.length + " methods; a table follows.", width: "container", height: 240, layer: [
        { data: { values: [{ y: 0 }] }, mark: { type: "rule", color: "#777777", strokeDash: [6, 4], aria: false }, encoding: { y: y } },
        { data: { values: rows }, mark: { type: "line", strokeWidth: 1.4, opacity: 0.75, aria: false }, encoding: { x: x, y: y, color: colour, detail: { field: "line" } } },
        { data: { values: rows }, mark: { type: "point", filled: true, size: 18, aria: false }, encoding: { x: x, y: y, color: colour,
          tooltip: [{ field: "label", title: "method" }, { field: "seed", title: "seed" }, { field: "x", title: "position" }, { field: "y", title: "nats", format: ".3~g" }] } },
      ] });
    };
    select.addEventListener("change", draw);
    await draw();
  }

  async function drawCodes(id) {
    const section = data[id], codes = section.codes, select = byId(id + "-coded");
    let names = codes.names, classOf = codes.labels;
    if (names.length > SHAPES.length) { // the most frequent ones keep their names
      const counts = names.map((_, n) => [codes.labels.filter((l) => l === n).length, n]).sort((a, b) => b[0] - a[0]).slice(0, SHAPES.length - 1).map((p) => p[1]);
      names = counts.map((n) => codes.names[n]).concat("others");
      classOf = codes.labels.map((l) => (counts.includes(l) ? counts.indexOf(l) : names.length - 1));
    }
    const draw = async () => {
      const one = codes.methods.find((c) => section.labels[c.m] === select.value);
      const rows = one.xy.map((p, n) => ({ x: p[0], y: p[1], sentence: codes.texts[n], label: names.length ? names[classOf[n]] : "" }));
      const share = (n) => " (" + (100 * one.shares[n]).toFixed(0) + " % of the variance)";
      const by = (range) => ({ field: "label", type: "nominal", scale: { domain: names, range: names.map((_, n) => range[n]) }, legend: legend(codes.field) });
      const encoding = { x: { field: "x", type: "quantitative", title: "first component" + share(0), axis: { format: ".2~g" } }, y: { field: "y", type: "quantitative", title: "second" + share(1), axis: { format: ".2~g" } },
        tooltip: [{ field: "sentence", title: "sentence" }].concat(names.length ? [{ field: "label", title: codes.field }] : []) };
      if (names.length) Object.assign(encoding, { color: by(MID), shape: by(SHAPES) });
      await embed(id + "-plot-codes", { title: { text: select.value, anchor: "start", fontSize: 13 }, description: "Posterior means of " + select.value + " for " + rows.length + " sentences in two dimensions.", width: "container", height: 360, data: { values: rows },
        mark: Object.assign({ type: "point", filled: true, size: 34, opacity: 0.8, aria: false }, names.length ? {} : { color: MID[0] }), encoding: encoding });
    };
    select.addEventListener("change", draw);
    await draw();
  }

  const closed = Array.from(document.querySelectorAll("details[data-print]")).filter((details) => !details.open);
  window.addEventListener("beforeprint", () => closed.forEach((details) => { details.open = true; }));
  window.addEventListener("afterprint", () => closed.forEach((details) => { details.open = false; }));

  const DRAW = { plane: drawPlanes, curves: drawCurves, weights: drawWeights, dimensions: drawDimensions, gains: drawGains, codes: drawCodes };
  (async () => {
    for (const element of document.querySelectorAll('script[type="application/json"]')) data[element.id.replace(/-data$/, "")] = JSON.parse(element.textContent);
    const done = new Set();
    for (const box of document.querySelectorAll("[data-chart]")) {
      const key = box.dataset.section + " " + box.dataset.chart;
      if (done.has(key)) continue;
      done.add(key);
      await DRAW[box.dataset.chart](box.dataset.section);
    }
    document.documentElement.dataset.drawn = "yes";
  })().catch((error) => { document.documentElement.dataset.drawn = "failed"; console.error(error); });
})();
