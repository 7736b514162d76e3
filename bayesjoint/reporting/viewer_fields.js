// Fields of cells: decoded on first use, and what is computed from them.

const decoded = new Map();

function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let n = 0; n < raw.length; n++) bytes[n] = raw.charCodeAt(n);
  return bytes;
}

function layerOf(property, key) {
  return property.layers.find(layer => layer.key === key);
}

// Values of every cell, NaN where nothing is known.
function valuesOf(property, key) {
  const name = `${property.name}/${key}`;
  if (decoded.has(name)) return decoded.get(name);
  const layer = layerOf(property, key), bytes = bytesOf(layer.data), wide = DATA.bits === 16;
  const count = bytes.length / (wide ? 2 : 1), values = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    const code = wide ? bytes[2 * n] | (bytes[2 * n + 1] << 8) : bytes[n];
    values[n] = code === 0 ? NaN : layer.low + layer.step * (code - 1);
  }
  decoded.set(name, values);
  return values;
}

// The normal distribution function; Abramowitz and Stegun (1964), 7.1.26: off by less than 1.5e-7.
function normalBelow(z) {
  const x = Math.abs(z) / Math.SQRT2, t = 1 / (1 + 0.3275911 * x);
  const tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const half = 0.5 * tail * Math.exp(-x * x);
  return z > 0 ? 1 - half : half;
}

const normalDensity = z => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

// P(m > t), or P(m < t), of a Gaussian marginal.
function chance(mean, std, threshold, above) {
  if (Number.isNaN(mean) || Number.isNaN(std)) return NaN;
  const z = std > 0 ? (mean - threshold) / std : Math.sign(mean - threshold) * Infinity;
  return Number.isNaN(z) ? 0 : normalBelow(above ? z : -z);
}

// How far rounding may put that chance off.
function chanceError(property, mean, std, threshold) {
  if (!(std > 0)) return 0;
  const z = (mean - threshold) / std;
  const off = 0.5 * (layerOf(property, "mean").step + Math.abs(z) * layerOf(property, "std").step);
  return normalDensity(z) * off / std;
}

// What an interval alone says: 1 beyond the threshold, -1 not beyond, 0 cannot tell.
function told(lower, upper, threshold, above) {
  if (Number.isNaN(lower) || Number.isNaN(upper)) return NaN;
  const sign = lower > threshold ? 1 : upper < threshold ? -1 : 0;
  return above ? sign : -sign;
}

// Interval of a cell: as stored, or mean ± z std where it is the Gaussian's.
function intervalOf(property, cell) {
  if (layerOf(property, "lower")) return [valuesOf(property, "lower")[cell], valuesOf(property, "upper")[cell]];
  if (!property.closed || !layerOf(property, "std")) return null;
  const mean = valuesOf(property, "mean")[cell], half = property.z * valuesOf(property, "std")[cell];
  return [mean - half, mean + half];
}

const SHARE = property => `${Math.round(100 * property.probability)} %`;

// What can be shown of a property: {key, words, kind, limits, value(cell)}.
function statistics(property) {
  const out = property.layers.map(layer => ({
    key: layer.key, words: layer.words, kind: layer.kind, limits: property.limits[layer.group], units: property.units,
    field: () => { const values = valuesOf(property, layer.key); return cell => values[cell]; },
  }));
  const last = out.findIndex(s => s.key === "std") + 1;
  const derived = [], size = property.z * (property.limits.std || [0, 0])[1];
  const wide = [property.limits.mean[0] - size, property.limits.mean[1] + size];
  if (!layerOf(property, "lower") && intervalOf(property, 0)) {
    for (const [z, key] of [[-property.z, "lower"], [property.z, "upper"]]) {
      derived.push({ key, words: `${key} end of the ${SHARE(property)} interval (${property.basis})`, kind: "diverging",
        limits: wide, units: property.units, field: () => {
          const mean = valuesOf(property, "mean"), std = valuesOf(property, "std");
          return cell => mean[cell] + z * std[cell];
        } });
    }
  }
  out.splice(last, 0, ...derived);
  out.push(...exceedances(property), ...comparisons(property));
  return out;
}

function exceedances(property) {
  const out = [], settings = () => STATE.limits[property.name];
  if (property.gaussian && layerOf(property, "std")) {
    out.push({ key: "chance", words: `chance beyond the threshold (${DATA.normal})`, kind: "sequential", limits: [0, 1],
      units: "", threshold: true, field: () => {
        const mean = valuesOf(property, "mean"), std = valuesOf(property, "std"), { value, above } = settings();
        return cell => chance(mean[cell], std[cell], value, above);
      } });
  }
  if (layerOf(property, "lower")) {
    out.push({ key: "told", words: `beyond the threshold, by the ${SHARE(property)} interval (${property.basis})`,
      kind: "diverging", limits: [-1.6, 1.6], units: "", threshold: true, classes: true, field: () => {
        const lower = valuesOf(property, "lower"), upper = valuesOf(property, "upper"), { value, above } = settings();
        return cell => told(lower[cell], upper[cell], value, above);
      } });
  }
  return out;
}

// Columns under the stations, all where no survey knows its places.
function columnsSeen() {
  const centres = edges => edges.slice(1).map((e, n) => 0.5 * (e + edges[n]));
  const norths = centres(DATA.edges.northing), easts = centres(DATA.edges.easting), seen = [];
  const inside = (x, y) => DATA.boxes.some(([w, e, s, n]) => x >= w && x <= e && y >= s && y <= n);
  norths.forEach((y, j) => easts.forEach((x, i) => {
    if (!DATA.boxes.length || inside(x, y)) seen.push(j * easts.length + i);
  }));
  return seen;
}

const reaches = new Map();

// Limits about a centre that take in what lies under the stations, and are never finer than the rounding.
function limitsAbout(centre, least, name, field) {
  if (!reaches.has(name)) {
    const value = field(), seen = columnsSeen();
    let reach = least;
    for (let k = 0; k < NZ; k++) {
      for (const column of seen) {
        const off = Math.abs(value(k * NX * NY + column) - centre);
        if (off > reach) reach = off;
      }
    }
    reaches.set(name, reach);
  }
  return [centre - reaches.get(name), centre + reaches.get(name)];
}

// Against the separate inversions: difference of means, ratio of standard deviations.
function comparisons(property) {
  const out = [];
  for (const layer of property.layers.filter(l => l.key.startsWith("separate "))) {
    const spread = layer.key.startsWith("separate std "), label = layer.words.split(", ").slice(1).join(", ");
    const own = layerOf(property, spread ? "std" : "mean");
    if (!own) continue;
    const field = () => {
      const joint = valuesOf(property, own.key), alone = valuesOf(property, layer.key);
      return spread ? cell => alone[cell] > 0 ? joint[cell] / alone[cell] : NaN : cell => joint[cell] - alone[cell];
    };
    const key = `${spread ? "ratio" : "difference"} ${label}`, finest = spread ? 0.02 : 5 * (own.step + layer.step);
    out.push({ key, kind: spread ? "ratio" : "diverging", field, units: spread ? "" : property.units,
      words: spread ? `standard deviation, joint / ${label}` : `mean, joint − ${label}`,
      get limits() { return limitsAbout(spread ? 1 : 0, finest || 1, `${property.name}/${key}`, field); } });
  }
  return out;
}

// Cells whose mean is more than two standard deviations from the prior mean, as in the static figures.
function standsOut(property) {
  if (!layerOf(property, "std")) return null;
  const mean = valuesOf(property, "mean"), std = valuesOf(property, "std");
  const prior = layerOf(property, "prior mean") ? valuesOf(property, "prior mean") : null;
  return cell => Math.abs(mean[cell] - (prior ? prior[cell] : property.prior.mean)) > 2 * std[cell];
}
