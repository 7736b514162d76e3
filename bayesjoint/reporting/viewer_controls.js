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
  if ("property" in changes || "show" in changes) offer();
  if ("exaggeration" in changes) stretch(); else later();
}

function stretch() {
  byId("exaggeration-says").textContent = `${STATE.exaggeration} ×`;
  byId("exaggeration").value = STATE.exaggeration;
  resize();
}

function beyond(changes) {
  Object.assign(STATE.limits[current().name], changes);
  const { value } = STATE.limits[current().name];
  for (const [name, put] of [["threshold-number", Number(value.toPrecision(3))], ["threshold", value]]) {
    if ("value" in changes && document.activeElement !== byId(name)) byId(name).value = put;
  }
  later();
}

function listen() {
  for (const [name, axis, count, flip] of SLIDERS) {
    const slider = byId(name);
    slider.max = count - 1;
    slider.addEventListener("input", () => set({ [axis]: flip ? count - 1 - slider.value : Number(slider.value) }));
  }
  fill(byId("property"), DATA.properties.map((p, n) => [n, p.words]));
  byId("property").addEventListener("change", e => set({ property: Number(e.target.value) }));
  byId("show").addEventListener("change", e => set({ show: e.target.value }));
  byId("exaggeration").addEventListener("input", e => set({ exaggeration: Number(e.target.value) }));
  for (const name of ["stations", "outline"]) {
    byId(name).addEventListener("change", e => set({ [name]: e.target.checked }));
  }
  for (const name of ["threshold", "threshold-number"]) {
    byId(name).addEventListener("input", ({ target: { valueAsNumber: value } }) => {
      if (Number.isFinite(value)) beyond({ value });
    });
  }
  byId("side").addEventListener("change", e => beyond({ above: e.target.value === "above" }));
  byId("csv").addEventListener("click", saveCells);
  for (const plane of PLANES) listenTo(plane);
  document.querySelectorAll("button[data-cell]").forEach(b => b.addEventListener("click", () => visit(b)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); later(); });
  let width = ROOT.clientWidth;
  new ResizeObserver(() => { // on paper the viewer has no width, and nothing is drawn
    if (ROOT.clientWidth > 0 && ROOT.clientWidth !== width) { width = ROOT.clientWidth; resize(); }
  }).observe(ROOT);
}

function listenTo(plane) {
  const canvas = plane.canvas, pick = ({ k, j, i }) => set({ k, j, i });
  canvas.addEventListener("click", e => { const at = plane.under(e); if (at) pick(at); });
  canvas.addEventListener("mousemove", e => { const at = plane.under(e); if (at) probe(at); });
  canvas.addEventListener("mouseleave", () => probe(STATE));
  canvas.addEventListener("keydown", e => {
    const { across, up } = plane;
    const step = { ArrowLeft: [across, -1], ArrowRight: [across, 1], ArrowUp: [up, 1], ArrowDown: [up, -1] }[e.key];
    if (!step) return;
    e.preventDefault();
    const axis = AXES[step[0]], count = { i: NX, j: NY, k: NZ }[axis];
    set({ [axis]: Math.min(Math.max(STATE[axis] + step[1], 0), count - 1) });
  });
}

// Go to a target: its property, its surest cell, and the threshold it was found by.
function visit(button) {
  const told = button.dataset, [k, j, i] = told.cell.split(" ").map(Number);
  const property = DATA.properties.findIndex(p => p.name === told.property);
  Object.assign(STATE.limits[told.property], { value: Number(told.threshold), above: told.side === "above" });
  set({ property, show: "mean", k, j, i });
  ROOT.scrollIntoView({ block: "start" });
  byId("plan").focus({ preventScroll: true });
}

function start() {
  document.documentElement.classList.add("live");
  const depth = DATA.edges.upward[NZ] - DATA.edges.upward[0], wide = DATA.edges.easting[NX] - DATA.edges.easting[0];
  STATE.exaggeration = [1, 2, 3, 5, 10].find(f => wide <= 2.5 * f * depth) || 20;
  readTheme();
  listen();
  offer();
  stretch();
  window.viewer = { state: STATE, set, redraw, statistics: () => statistics(current()), csv: csvOf,
    value: (k, j, i) => shown().field()(cellAt(k, j, i)), ready: performance.now() };
}

try {
  start();
} catch (error) {
  document.documentElement.classList.remove("live"); // the static figures show again
  throw error;
}
