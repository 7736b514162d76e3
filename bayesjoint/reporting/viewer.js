// The viewer: what it shows, in numbers, words and colours.

const ROOT = document.getElementById("viewer");
const byId = id => document.getElementById(`viewer-${id}`);
const [startK, startJ, startI] = DATA.start;
const STATE = { property: 0, show: "mean", k: startK, j: startJ, i: startI, exaggeration: 1, stations: true,
  outline: true, limits: {} };
for (const p of DATA.properties) STATE.limits[p.name] = { value: p.threshold, above: true };
const PLANES = [new Plane(byId("plan"), "easting", "northing", "upward"),
  new Plane(byId("along"), "easting", "upward", "northing"),
  new Plane(byId("across"), "northing", "upward", "easting")];
const SLIDERS = [["depth", "k", NZ, true], ["northing", "j", NY, false], ["easting", "i", NX, false]];
let waiting = false;

const current = () => DATA.properties[STATE.property];
const shown = () => { const all = statistics(current()); return all.find(s => s.key === STATE.show) || all[0]; };
const THEME = {}, ROOM = {}; // colours and widths, read once: asking between writes lays the whole page out anew

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["ink", "accent", "alarm"]) THEME[name] = style.getPropertyValue(`--${name}`).trim();
}

const FORMATS = []; // by decimals: making one takes longer than using it a thousand times

function grouped(value, decimals) {
  FORMATS[decimals] ??= new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals,
    maximumFractionDigits: decimals });
  return FORMATS[decimals].format(value).replace("-", "−");
}

function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "not known";
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  if (power < -4 || power > 6) {
    const up = String(power).replace(/./g, c => c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]);
    return `${(value / 10 ** power).toFixed(digits - 1)} × 10${up}`.replace("-", "−");
  }
  return grouped(Number(value.toPrecision(digits)), Math.max(digits - 1 - power, 0));
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

function tailWords(p, sign) {
  const tail = Math.round(100 * p.tail);
  if (Number.isNaN(sign)) return "not known";
  if (sign === 0) return `${tail} to ${100 - tail} %`;
  return sign > 0 ? `${100 - tail} % or more` : `${tail} % or less`;
}

function beyondWords(p) {
  const { value, above } = STATE.limits[p.name];
  return `${above ? "above" : "below"} ${number(value)} ${p.units}`.trim();
}

// -- drawing ----------------------------------------------------------------------------------------------------------
function redraw() {
  const s = shown(), p = current(), value = s.field();
  const marks = { ink: THEME.ink, stations: STATE.stations, dark: s.kind === "sequential" };
  marks.outline = STATE.outline ? standsOut(p) : null;
  const stretch = STATE.exaggeration > 1 ? `, vertical exaggeration ${STATE.exaggeration}\u00a0×` : "";
  const titles = [`Slice, ${placeOf("k", STATE.k)}${DATA.surface ? "" : " deep"}`,
    `Section, northing ${placeOf("j", STATE.j)}${stretch}`, `Section, easting ${placeOf("i", STATE.i)}${stretch}`];
  const known = JSON.stringify([STATE.property, s.key, STATE.limits, STATE.stations, STATE.outline, THEME]);
  PLANES.forEach((plane, n) => {
    const [least, most] = plane.draw(s, value, marks, known);
    const told = s.key === "chance" ? percent : number, ends = `${told(least)} to ${told(most)} ${s.units}`;
    const reach = s.classes ? "" : `: ${ends.trim()}`;
    plane.canvas.parentElement.querySelector("figcaption").textContent = titles[n];
    plane.canvas.setAttribute("aria-label",
      `${p.words}, ${s.words}. ${titles[n]}${reach}. Arrow keys move the other two planes.`);
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
  for (const [name, most] of [["legend", 520], ["marginal", 420]]) {
    ROOM[name] = Math.min(byId(name).parentElement.clientWidth, most);
  }
  for (const plane of PLANES) plane.resize();
  redraw();
}

// A small canvas of a size in CSS pixels, ready for text.
function sized(canvas, width, height) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), c = canvas.getContext("2d");
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
  }
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  c.font = "12px system-ui, sans-serif";
  c.textBaseline = "top";
  c.textAlign = "center";
  return c;
}

// -- colours ----------------------------------------------------------------------------------------------------------
let drawnLegend = "";

function legend(s) {
  const known = JSON.stringify([STATE.property, s.key, s.limits, STATE.limits, ROOM, THEME, window.devicePixelRatio]);
  if (known === drawnLegend) return;
  drawnLegend = known;
  const bar = byId("legend"), width = ROOM.legend, c = sized(bar, width, 44);
  const palette = paletteOf(s.kind), [low, high] = s.limits;
  const words = s.classes ? [-1, 0, 1].map(n => tailWords(current(), n)) : null;
  const swatch = (value, x, w) => {
    const bits = colourOf(value, palette, low, high);
    c.fillStyle = `rgb(${bits & 255},${(bits >> 8) & 255},${(bits >> 16) & 255})`;
    c.fillRect(x, 2, w, 16);
  };
  if (words) {
    words.forEach((text, n) => {
      swatch(n - 1, n * width / 3 + 2, width / 3 - 4);
      c.fillStyle = THEME.ink;
      c.fillText(text, (n + 0.5) * width / 3, 24);
    });
  } else {
    const left = 26, long = width - 2 * left, marks = ticks(low, high, Math.max(long / 90, 2));
    for (let x = 0; x < long; x++) swatch(low + (high - low) * (x + 0.5) / long, left + x, 1.5);
    c.fillStyle = THEME.ink;
    for (const t of marks.places) {
      const x = left + long * (t - low) / (high - low);
      c.fillRect(x - 0.5, 18, 1, 4);
      c.fillText(plainNumber(t, marks.decimals), x, 24);
    }
  }
  const reach = words ? words.join(", ") : `from ${number(low)} to ${number(high)} ${s.units}`;
  bar.setAttribute("aria-label", `Colours: ${reach}`);
  byId("legend-words").textContent = `${s.words}${s.units ? ` (${s.units})` : ""}. ${legendNote(s)}`;
}

function legendNote(s) {
  const p = current(), asked = `Chance that a cell is ${beyondWords(p)}`;
  if (!s.threshold) {
    return "The scale is set by what lies under the stations; values beyond it have its end colours. Grey: not known.";
  }
  if (s.classes) {
    const average = " It holds on average over cells of such ground, not for one place.";
    return `${asked}: all that the interval (${p.basis}) tells.${p.kind.startsWith("recalibrated") ? average : ""}`;
  }
  const ground = layerOf(p, "lower") ? ` How far that holds on ground, the interval tells (${p.basis}).` : "";
  return `${asked}, from mean and standard deviation (${DATA.normal}).${ground}`;
}
