// Controls of the viewer: selects, sliders, mouse, keys; what the page lets tests and the table of targets do.

function fill(select, items) {
  select.replaceChildren(...items.map(([value, text]) => {
    const option = document.createElement("option");
    option.value = value; option.textContent = text;
    return option;
  }));
}

function offer() {
  const p = current(), all = statistics(p), limit = STATE.limits[p.name];
  if (!all.some(s => s.key === STATE.show)) STATE.show = all[0].key;
  fill(byId("show"), all.map(s => [s.key, s.words]));
  byId("show").value = STATE.show;
  byId("property").value = STATE.property;
  const range = p.limits.mean, slider = byId("threshold");
  slider.min = range[0]; slider.max = range[1]; slider.step = (range[1] - range[0]) / 200;
  slider.value = limit.value;
  byId("threshold-number").value = limit.value;
  byId("side").value = limit.above ? "above" : "below";
  byId("units").textContent = p.units;
}

function set(changes) {
  Object.assign(STATE, changes);
  if ("exaggeration" in changes) { byId("exaggeration-says").textContent = `${STATE.exaggeration} ×`; byId("exaggeration").value = STATE.exaggeration; }
  if ("property" in changes || "show" in changes) offer();
  if ("exaggeration" in changes) resize(); else later();
}

function beyond(changes) {
  Object.assign(STATE.limits[current().name], changes);
  const limit = STATE.limits[current().name], digits = Number(limit.value.toPrecision(3));
  if ("value" in changes && document.activeElement !== byId("threshold-number")) byId("threshold-number").value = digits;
  if ("value" in changes && document.activeElement !== byId("threshold")) byId("threshold").value = limit.value;
  later();
}

function listen() {
  for (const [name, axis, count, flip] of SLIDERS) {
    const slider = byId(name);
    slider.max = count - 1;
    slider.addEventListener("input", () => set({ [axis]: flip ? count - 1 - Number(slider.value) : Number(slider.value) }));
  }
  fill(byId("property"), DATA.properties.map((p, n) => [n, p.words]));
  byId("property").addEventListener("change", e => set({ property: Number(e.target.value) }));
  byId("show").addEventListener("change", e => set({ show: e.target.value }));
  byId("exaggeration").addEventListener("input", e => set({ exaggeration: Number(e.target.value) }));
  for (const name of ["stations", "outline"]) byId(name).addEventListener("change", e => set({ [name]: e.target.checked }));
  for (const name of ["threshold", "threshold-number"]) {
    byId(name).addEventListener("input", e => { if (Number.isFinite(e.target.valueAsNumber)) beyond({ value: e.target.valueAsNumber }); });
  }
  byId("side").addEventListener("change", e => beyond({ above: e.target.value === "above" }));
  byId("csv").addEventListener("click", saveCells);
  for (const plane of PLANES) listenTo(plane);
  document.querySelectorAll("button[data-cell]").forEach(b => b.addEventListener("click", () => visit(b)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  let width = ROOT.clientWidth;
  new ResizeObserver(() => { if (ROOT.clientWidth !== width) { width = ROOT.clientWidth; resize(); } }).observe(ROOT);
}

function listenTo(plane) {
  const canvas = plane.canvas, pick = ({ k, j, i }) => set({ k, j, i });
  canvas.addEventListener("click", e => { const at = plane.under(e); if (at) pick(at); });
  canvas.addEventListener("mousemove", e => { const at = plane.under(e); if (at) probe(at); });
  canvas.addEventListener("mouseleave", () => probe(STATE));
  canvas.addEventListener("keydown", e => {
    const step = { ArrowLeft: [plane.across, -1], ArrowRight: [plane.across, 1], ArrowUp: [plane.up, 1], ArrowDown: [plane.up, -1] }[e.key];
    if (!step) return;
    e.preventDefault();
    const axis = AXES[step[0]], count = { i: NX, j: NY, k: NZ }[axis];
    set({ [axis]: Math.min(Math.max(STATE[axis] + step[1], 0), count - 1) });
  });
}

// Go to a target: its property, its surest cell, and the threshold it was found by.
function visit(button) {
  const [k, j, i] = button.dataset.cell.split(" ").map(Number);
  const property = DATA.properties.findIndex(p => p.name === button.dataset.property);
  Object.assign(STATE.limits[button.dataset.property], { value: Number(button.dataset.threshold), above: button.dataset.side === "above" });
  set({ property, show: "mean", k, j, i });
  ROOT.scrollIntoView({ block: "start" });
  byId("plan").focus({ preventScroll: true });
}

// -- cells as CSV ---------------------------------------------------------------------------------------------------------
function csvOf() {
  const columns = ["easting_m", "northing_m", "upward_m", "depth_m"], fields = [];
  for (const p of DATA.properties) {
    const units = p.units || "1";
    for (const s of statistics(p).filter(s => ["mean", "std", "lower", "upper"].includes(s.key))) {
      columns.push(`"${`${p.name}_${s.key} (${units})`.replace(/"/g, '""')}"`);
      fields.push(s.field());
    }
  }
  const notes = DATA.properties.map(p => `# ${p.name}: values rounded by at most ${p.rounding}; interval: ${p.probability}, ${p.kind || "none"}\n`.replace(/−/g, "-"));
  const parts = [`# ${document.title.replace(/\s+/g, " ")}\n`, ...notes, `${columns.join(",")}\n`];
  const middleOf = axis => Array.from({ length: DATA.edges[axis].length - 1 }, (_, n) => middle(DATA.edges[axis], n));
  const [ups, norths, easts] = ["upward", "northing", "easting"].map(middleOf);
  const means = DATA.properties.map(p => valuesOf(p, "mean"));
  for (let k = NZ - 1; k >= 0; k--) for (let j = 0; j < NY; j++) {
    let text = "";
    for (let i = 0; i < NX; i++) {
      const cell = cellAt(k, j, i);
      if (means.every(mean => Number.isNaN(mean[cell]))) continue; // air
      text += `${easts[i]},${norths[j]},${ups[k]},${depthOf(k, j, i)}`;
      for (const field of fields) { const v = field(cell); text += Number.isNaN(v) ? "," : `,${Number(v.toPrecision(6))}`; }
      text += "\n";
    }
    parts.push(text);
  }
  return parts;
}

function saveCells() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(csvOf(), { type: "text/csv" }));
  link.download = "cells.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function start() {
  document.documentElement.classList.add("live");
  const depth = DATA.edges.upward[NZ] - DATA.edges.upward[0], wide = DATA.edges.easting[NX] - DATA.edges.easting[0];
  STATE.exaggeration = [1, 2, 3, 5, 10].find(f => wide <= 2.5 * f * depth) || 20;
  listen();
  offer();
  byId("exaggeration").value = STATE.exaggeration;
  byId("exaggeration-says").textContent = `${STATE.exaggeration} ×`;
  resize();
  window.viewer = { state: STATE, set, redraw, statistics: () => statistics(current()), csv: csvOf,
    value: (k, j, i) => shown().field()(cellAt(k, j, i)), ready: performance.now() };
}

try {
  start();
} catch (error) {
  document.documentElement.classList.remove("live"); // the static figures show again
  throw error;
}
