// The viewer: what is shown, its controls, the probe, and the cells as CSV.

const ROOT = document.getElementById("viewer");
const byId = id => document.getElementById(`viewer-${id}`);
const [startK, startJ, startI] = DATA.start;
const STATE = { property: 0, show: "mean", k: startK, j: startJ, i: startI, exaggeration: 1, stations: true, outline: true, limits: {} };
for (const p of DATA.properties) STATE.limits[p.name] = { value: p.threshold, above: true };
const PLANES = [new Plane(byId("plan"), "easting", "northing", "upward"), new Plane(byId("along"), "easting", "upward", "northing"),
  new Plane(byId("across"), "northing", "upward", "easting")];
const SLIDERS = [["depth", "k", NZ, true], ["northing", "j", NY, false], ["easting", "i", NX, false]];
let waiting = false;

const current = () => DATA.properties[STATE.property];
const shown = () => statistics(current()).find(s => s.key === STATE.show) || statistics(current())[0];
const ink = () => getComputedStyle(ROOT).color;

function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "not known";
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  if (power < -4 || power > 6) {
    const up = String(power).replace(/./g, c => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]);
    return `${(value / 10 ** power).toFixed(digits - 1)} × 10${up}`.replace("-", "−");
  }
  const rounded = Number(value.toPrecision(digits));
  return rounded.toLocaleString("en-US", { minimumFractionDigits: Math.max(digits - 1 - power, 0),
    maximumFractionDigits: Math.max(digits - 1 - power, 0) }).replace("-", "−");
}

function percent(p) {
  if (!Number.isFinite(p)) return "not known";
  return p < 0.01 ? "under 1 %" : p > 0.99 ? "over 99 %" : `${Math.round(100 * p)} %`;
}

const length = value => String(Number((value / DATA.scale[0]).toFixed(2))).replace("-", "−");
const metres = value => `${length(value)} ${DATA.scale[1]}`;
const middle = (edges, n) => 0.5 * (edges[n] + edges[n + 1]);

function depthOf(k, j, i) {
  const up = DATA.edges.upward, surface = DATA.surface ? DATA.surface[j * NX + i] : up[NZ];
  return surface === null ? NaN : surface - middle(up, k);
}

function placeOf(axis, n) {
  const up = DATA.edges.upward;
  if (axis !== "k") return metres(middle(DATA.edges[axis === "j" ? "northing" : "easting"], n));
  if (DATA.surface) return `upward ${length(up[n])} to ${metres(up[n + 1])}`;
  return `${length(up[NZ] - up[n + 1])} to ${metres(up[NZ] - up[n])}`;
}

// -- drawing --------------------------------------------------------------------------------------------------------------
function redraw() {
  const s = shown(), p = current(), value = s.field(), marks = { ink: ink(), stations: STATE.stations, dark: s.kind === "sequential" };
  marks.outline = STATE.outline ? standsOut(p) : null;
  const places = [`${placeOf("k", STATE.k)}${DATA.surface ? "" : " deep"}`, `northing ${placeOf("j", STATE.j)}`, `easting ${placeOf("i", STATE.i)}`];
  PLANES.forEach((plane, n) => {
    const [least, most] = plane.draw(s, value, marks);
    const stretch = STATE.exaggeration > 1 ? `, vertical exaggeration ${STATE.exaggeration} ×` : "";
    const title = n === 0 ? `Slice, ${places[0]}` : `Section, ${places[n]}${stretch}`;
    plane.canvas.parentElement.querySelector("figcaption").textContent = title;
    const reach = s.classes ? "" : `: ${number(least)} to ${number(most)} ${s.units}`;
    plane.canvas.setAttribute("aria-label", `${p.words}, ${s.words}. ${title}${reach}. Arrow keys move the other two planes.`);
  });
  for (const [name, axis, count, flip] of SLIDERS) {
    const slider = byId(name);
    slider.value = flip ? count - 1 - STATE[axis] : STATE[axis];
    slider.setAttribute("aria-valuetext", placeOf(axis, STATE[axis]));
    byId(`${name}-says`).textContent = placeOf(axis, STATE[axis]);
  }
  legend(s);
  probe(STATE);
}

function later() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; redraw(); });
}

function resize() {
  for (const plane of PLANES) plane.resize();
  redraw();
}

function legend(s) {
  const bar = byId("legend"), c = bar.getContext("2d"), palette = paletteOf(s.kind), [low, high] = s.limits;
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = Math.min(bar.parentElement.clientWidth, 520);
  bar.width = width * ratio; bar.height = 44 * ratio; bar.style.width = `${width}px`;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.font = "12px system-ui, sans-serif"; c.textBaseline = "top"; c.textAlign = "center";
  const swatch = (value, x, w) => {
    const bits = colourOf(value, palette, low, high);
    c.fillStyle = `rgb(${bits & 255},${(bits >> 8) & 255},${(bits >> 16) & 255})`;
    c.fillRect(x, 2, w, 16);
  };
  const words = s.classes ? classWords() : null, left = 26, long = width - 52;
  if (words) {
    [-1, 0, 1].forEach((v, n) => { swatch(v, n * width / 3 + 2, width / 3 - 4); c.fillStyle = ink(); c.fillText(words[n], (n + 0.5) * width / 3, 24); });
  } else {
    for (let x = 0; x < long; x++) swatch(low + (high - low) * (x + 0.5) / long, left + x, 1.5);
    const marks = ticks(low, high, Math.max(long / 90, 2));
    c.fillStyle = ink();
    for (const t of marks.places) {
      const x = left + long * (t - low) / (high - low);
      c.fillRect(x - 0.5, 18, 1, 4); c.fillText(plainNumber(t, marks.decimals), x, 24);
    }
  }
  bar.setAttribute("aria-label", words ? `Colours: ${words.join(", ")}` : `Colours from ${number(low)} to ${number(high)} ${s.units}`);
  byId("legend-words").textContent = `${s.words}${s.units ? ` (${s.units})` : ""}. ${legendNote(s)}`;
}

function legendNote(s) {
  if (s.threshold) return thresholdNote(s);
  return "The scale is set by what lies under the stations; values beyond it have its end colours. Grey: not known.";
}

function classWords() {
  const tail = Math.round(100 * current().tail);
  return [`${tail} % or less`, "cannot tell", `${100 - tail} % or more`];
}

function thresholdNote(s) {
  const p = current(), { value, above } = STATE.limits[p.name];
  const asked = `Chance that a cell is ${above ? "above" : "below"} ${number(value)} ${p.units}`;
  const ground = layerOf(p, "lower") ? " How far that holds on ground, the interval tells." : "";
  if (!s.classes) return `${asked}, from mean and standard deviation of a Gaussian marginal, for the stated prior.${ground}`;
  return `${asked}: all that the interval (${p.kind}) tells. It holds on average over cells of such ground, not for one place.`;
}

// -- probe ----------------------------------------------------------------------------------------------------------------
function probe(at) {
  const { k, j, i } = at, cell = cellAt(k, j, i), depth = depthOf(k, j, i);
  byId("place").textContent = `Easting ${metres(middle(DATA.edges.easting, i))}, northing ${metres(middle(DATA.edges.northing, j))}, ` +
    (!(depth > 0) ? "above the ground." : `${metres(depth)} deep (${placeOf("k", k)}).`);
  const body = byId("values");
  body.replaceChildren(...DATA.properties.map(p => row(p, cell)));
  marginal(byId("marginal"), current(), cell);
}

function row(p, cell) {
  const has = key => layerOf(p, key), mean = valuesOf(p, "mean")[cell], std = has("std") ? valuesOf(p, "std")[cell] : NaN;
  const ends = intervalOf(p, cell), { value, above } = STATE.limits[p.name], out = document.createElement("tr");
  const chances = [];
  if (has("lower")) chances.push(tailWords(p, told(...ends, value, above)));
  if (p.gaussian && has("std")) {
    const off = chanceError(p, mean, std, value), exact = chance(mean, std, value, above);
    chances.push(`${percent(exact)}${off > 0.005 ? ` ± ${Math.ceil(100 * off)} %` : ""} (Gaussian)`);
  }
  const beyond = `${above ? "above" : "below"} ${number(value)} ${p.units}`, known = !Number.isNaN(mean);
  const texts = [p.words, known ? `${number(mean)}${has("std") ? ` ± ${number(std, 2)}` : ""} ${p.units}` : "not known",
    ends && known ? `${number(ends[0])} to ${number(ends[1])}` : "–", chances.length && known ? `${beyond}: ${chances.join("; ")}` : "–"];
  texts.forEach((text, n) => {
    const td = document.createElement("td");
    td.textContent = text;
    td.dataset.label = ["property", "mean ± std", "interval", "chance"][n];
    out.append(td);
  });
  return out;
}

function tailWords(p, sign) {
  const tail = Math.round(100 * p.tail);
  return Number.isNaN(sign) ? "not known" : sign > 0 ? `${100 - tail} % or more` : sign < 0 ? `${tail} % or less` : `${tail} to ${100 - tail} %`;
}

// Densities of the cell: posterior and prior where Gaussian; its interval as a bar; the threshold as a line.
function marginal(canvas, p, cell) {
  const mean = valuesOf(p, "mean")[cell], std = layerOf(p, "std") ? valuesOf(p, "std")[cell] : NaN, ends = intervalOf(p, cell);
  const ratio = Math.min(window.devicePixelRatio || 1, 2), width = Math.min(canvas.parentElement.clientWidth, 420), height = 150;
  canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.width = `${width}px`;
  const c = canvas.getContext("2d"), foot = height - 36, prior = p.prior;
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  const reach = [mean - 3 * (std || 0), mean + 3 * (std || 0), ...(ends || []), prior.mean - 2 * (prior.std || 0), prior.mean + 2 * (prior.std || 0)].filter(Number.isFinite);
  const low = Math.min(...reach), high = Math.max(...reach), x = v => 10 + (width - 20) * (v - low) / (high - low || 1);
  canvas.setAttribute("aria-label", `Marginal of ${p.words} at the cell: mean ${number(mean)}, standard deviation ${number(std)} ${p.units}`);
  if (!(high > low)) return;
  const tall = 1 / Math.max(std > 0 ? 1 / std : 0, prior.std ? 1 / prior.std : 0);
  const curve = (m, s, dash) => {
    c.beginPath(); c.setLineDash(dash);
    for (let n = 0; n <= 200; n++) {
      const v = low + (high - low) * n / 200;
      c.lineTo(x(v), foot - (foot - 10) * Math.exp(-0.5 * ((v - m) / s) ** 2) * tall / s);
    }
    c.stroke(); c.setLineDash([]);
  };
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent"), alarm = getComputedStyle(document.documentElement).getPropertyValue("--alarm");
  c.strokeStyle = ink(); c.lineWidth = 1;
  if (p.gaussian && prior.std > 0) curve(prior.mean, prior.std, [4, 3]);
  c.strokeStyle = accent; c.lineWidth = 2;
  if (p.gaussian && std > 0) curve(mean, std, []);
  if (ends && Number.isFinite(ends[0])) { c.fillStyle = accent; c.fillRect(x(ends[0]), foot + 3, x(ends[1]) - x(ends[0]), 5); }
  const limit = STATE.limits[p.name].value;
  c.fillStyle = alarm;
  if (limit > low && limit < high) c.fillRect(x(limit) - 1, 6, 2, foot + 2);
  c.fillStyle = ink(); c.font = "12px system-ui, sans-serif"; c.textAlign = "center"; c.textBaseline = "top";
  c.fillRect(10, foot, width - 20, 1);
  const marks = ticks(low, high, 4);
  for (const t of marks.places) c.fillText(plainNumber(t, marks.decimals), Math.min(Math.max(x(t), 24), width - 24), foot + 12);
}
