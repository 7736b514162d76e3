// The probe: what is known of one cell.

function probe({ k, j, i }) {
  const cell = cellAt(k, j, i), depth = depthOf(k, j, i);
  const [east, north] = [["easting", i], ["northing", j]].map(([axis, n]) => metres(middle(DATA.edges[axis], n)));
  const where = depth > 0 ? `${metres(depth)} deep (${placeOf("k", k)}).` : "above the ground.";
  byId("place").textContent = `Easting ${east}, northing ${north}, ${where}`;
  byId("values").replaceChildren(...DATA.properties.map(p => row(p, cell)));
  marginal(byId("marginal"), current(), cell);
}

// Mean, standard deviation and interval of a cell; NaN and null where not known.
function knownOf(p, cell) {
  const std = layerOf(p, "std") ? valuesOf(p, "std")[cell] : NaN, ends = intervalOf(p, cell);
  return { mean: valuesOf(p, "mean")[cell], std, ends: ends && Number.isFinite(ends[0]) ? ends : null };
}

function chancesOf(p, { mean, std, ends }) {
  const { value, above } = STATE.limits[p.name], out = [];
  if (layerOf(p, "lower") && ends) out.push(`${tailWords(p, told(...ends, value, above))} (${p.basis})`);
  if (p.gaussian && Number.isFinite(std)) {
    const off = chanceError(p, mean, std, value);
    const rounding = off > 0.005 ? ` ± ${Math.ceil(100 * off)} %` : "";
    out.push(`${percent(chance(mean, std, value, above))}${rounding} (${DATA.normal})`);
  }
  return out.length ? `${beyondWords(p)}: ${out.join("; ")}` : "–";
}

const HEADINGS = ["property", "mean ± std", "interval", "chance"];

function row(p, cell) {
  const known = knownOf(p, cell), { mean, std, ends } = known, out = document.createElement("tr");
  const spread = Number.isFinite(std) ? ` ± ${number(std, 2)}` : "";
  const texts = Number.isNaN(mean) ? [p.words, "not known", "–", "–"] : [
    p.words, `${number(mean)}${spread} ${p.units}`,
    ends ? `${number(ends[0])} to ${number(ends[1])} (${SHARE(p)}, ${p.basis})` : "–", chancesOf(p, known)];
  texts.forEach((text, n) => {
    const td = document.createElement("td");
    td.textContent = text.replace(/(\d) (?=[%±])/g, "$1\u00a0").replace(/± /g, "±\u00a0");
    td.dataset.label = HEADINGS[n];
    out.append(td);
  });
  return out;
}

// Densities of the cell: posterior and prior where Gaussian; its interval as a bar; the threshold as a line.
function marginal(canvas, p, cell) {
  const { mean, std, ends } = knownOf(p, cell), prior = p.prior, height = 150, foot = height - 36;
  const width = ROOM.marginal, c = sized(canvas, width, height);
  const spread = [[mean, 3 * std], [prior.mean, 2 * prior.std]].flatMap(([m, s]) => [m - (s || 0), m + (s || 0)]);
  const reach = [...spread, ...(ends || [])].filter(Number.isFinite);
  const low = Math.min(...reach), high = Math.max(...reach);
  const x = v => 10 + (width - 20) * (v - low) / (high - low);
  canvas.setAttribute("aria-label",
    `Marginal of ${p.words} at the cell: mean ${number(mean)}, standard deviation ${number(std)} ${p.units}`);
  if (!(high > low)) return;
  const tall = 1 / Math.max(std > 0 ? 1 / std : 0, prior.std ? 1 / prior.std : 0);
  const curve = (m, s, style, wide, dash) => {
    if (!p.gaussian || !(s > 0)) return;
    Object.assign(c, { strokeStyle: style, lineWidth: wide });
    c.setLineDash(dash);
    c.beginPath();
    for (let n = 0; n <= 200; n++) {
      const v = low + (high - low) * n / 200;
      c.lineTo(x(v), foot - (foot - 10) * Math.exp(-0.5 * ((v - m) / s) ** 2) * tall / s);
    }
    c.stroke();
    c.setLineDash([]);
  };
  curve(prior.mean, prior.std, THEME.ink, 1, [4, 3]);
  curve(mean, std, THEME.accent, 2, []);
  c.fillStyle = THEME.accent;
  if (ends) c.fillRect(x(ends[0]), foot + 3, x(ends[1]) - x(ends[0]), 5);
  const limit = STATE.limits[p.name].value;
  c.fillStyle = THEME.alarm;
  if (limit > low && limit < high) c.fillRect(x(limit) - 1, 6, 2, foot + 2);
  c.fillStyle = THEME.ink;
  c.fillRect(10, foot, width - 20, 1);
  const marks = ticks(low, high, 4), inside = v => Math.min(Math.max(x(v), 24), width - 24);
  for (const t of marks.places) c.fillText(plainNumber(t, marks.decimals), inside(t), foot + 12);
}
