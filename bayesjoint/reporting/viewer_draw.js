// Three linked planes on canvas: a plane knows its axes, which cell lies at a pixel, and how to draw itself.

const NZ = DATA.edges.upward.length - 1, NY = DATA.edges.northing.length - 1, NX = DATA.edges.easting.length - 1;
const cellAt = (k, j, i) => (k * NY + j) * NX + i;
const STRIDES = { i: 1, j: NX, k: NX * NY };
const AXES = { easting: "i", northing: "j", upward: "k" };
const MARGIN = { left: 70, right: 12, top: 8, bottom: 40 };
const TALLEST = 620; // pixels of a plane
const palettes = new Map();

function paletteOf(kind) {
  if (palettes.has(kind)) return palettes.get(kind);
  const hex = DATA.colours[kind], out = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    const [r, g, b] = [0, 2, 4].map(at => parseInt(hex.slice(6 * n + at, 6 * n + at + 2), 16));
    out[n] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  palettes.set(kind, out);
  return out;
}

function colourOf(value, palette, low, high) {
  if (Number.isNaN(value)) return 0xffd1d1d1;
  const at = Math.floor(256 * (value - low) / (high - low));
  return palette[at < 0 ? 0 : at > 255 ? 255 : at];
}

// Ends of round steps between two numbers.
function ticks(low, high, most) {
  const raw = (high - low) / most, size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(f => f * size).find(s => s >= raw), out = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) out.push(n * step);
  return { places: out, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

class Plane {
  constructor(canvas, across, up, through) {
    Object.assign(this, { canvas, across, up, through, drawn: "" });
    this.x = DATA.edges[across];
    this.y = DATA.edges[up];
    // Cells at one pixel each, the picture without the cross, and what is seen: a slider changes one picture of three.
    this.cells = document.createElement("canvas");
    this.cells.width = this.x.length - 1; this.cells.height = this.y.length - 1;
    this.image = this.cells.getContext("2d").createImageData(this.cells.width, this.cells.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.picture = document.createElement("canvas");
    this.context = this.picture.getContext("2d");
    this.screen = canvas.getContext("2d");
  }

  // Size by the room there is; cells of every column and row of pixels.
  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2), room = this.canvas.parentElement.clientWidth;
    const length = a => a[a.length - 1] - a[0];
    const stretch = this.up === "upward" ? STATE.exaggeration : 1;
    let width = room - MARGIN.left - MARGIN.right, height = width * stretch * length(this.y) / length(this.x);
    if (height > TALLEST) { width *= TALLEST / height; height = TALLEST; }
    height = Math.max(height, 24);
    this.width = width; this.height = height; this.ratio = ratio;
    this.canvas.style.width = `${width + MARGIN.left + MARGIN.right}px`;
    this.canvas.style.height = `${height + MARGIN.top + MARGIN.bottom}px`;
    for (const canvas of [this.canvas, this.picture]) {
      canvas.width = Math.round((width + MARGIN.left + MARGIN.right) * ratio);
      canvas.height = Math.round((height + MARGIN.top + MARGIN.bottom) * ratio);
    }
    this.columns = cellsOf(this.x, Math.max(Math.round(width * ratio), 1), false);
    this.rows = cellsOf(this.y, Math.max(Math.round(height * ratio), 1), true);
    this.strips = [stripsOf(this.x, this.columns), stripsOf(this.y, this.rows)];
    this.drawn = "";
  }

  // Number of the cell (a, b) of this plane is start + a × along + b × over.
  numbering() {
    const along = STRIDES[AXES[this.across]], over = STRIDES[AXES[this.up]], through = AXES[this.through];
    return { along, over, start: STATE[through] * STRIDES[through] };
  }

  xOf(metres) { return MARGIN.left + this.width * (metres - this.x[0]) / (this.x[this.x.length - 1] - this.x[0]); }
  yOf(metres) {
    const top = this.y[this.y.length - 1];
    return MARGIN.top + this.height * (top - metres) / (top - this.y[0]);
  }

  // Indices of the cell under a mouse event, or null.
  under(event) {
    const box = this.canvas.getBoundingClientRect();
    const a = this.columns[Math.floor((event.clientX - box.left - MARGIN.left) * this.ratio)];
    const b = this.rows[Math.floor((event.clientY - box.top - MARGIN.top) * this.ratio)];
    if (a === undefined || b === undefined) return null;
    return { i: STATE.i, j: STATE.j, k: STATE.k, [AXES[this.across]]: a, [AXES[this.up]]: b };
  }

  // Least and largest value shown. `known` names all that the picture depends on but its own place.
  draw(shown, value, marks, known) {
    const now = `${STATE[AXES[this.through]]} ${known}`, c = this.screen;
    if (now !== this.drawn) {
      this.span = this.colour(shown, value);
      this.paint();
      this.overlay(marks);
      this.drawn = now;
    }
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.globalCompositeOperation = "copy";
    c.drawImage(this.picture, 0, 0);
    c.globalCompositeOperation = "source-over";
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.cross();
    return this.span;
  }

  colour(shown, value) {
    const na = this.x.length - 1, nb = this.y.length - 1, palette = paletteOf(shown.kind), colours = this.pixels;
    const [low, high] = shown.limits, { along, over, start } = this.numbering();
    let least = Infinity, most = -Infinity;
    for (let b = 0; b < nb; b++) {
      for (let a = 0; a < na; a++) {
        const v = value(start + a * along + b * over);
        if (v < least) least = v;
        if (v > most) most = v;
        colours[(nb - 1 - b) * na + a] = colourOf(v, palette, low, high); // the lowest row of cells is drawn last
      }
    }
    return [least, most];
  }

  // Enlarge the cells without smoothing, strip by strip where they differ in size.
  paint() {
    const c = this.context, [wide, high] = this.strips, nb = this.y.length - 1;
    const left = Math.round(MARGIN.left * this.ratio), top = Math.round(MARGIN.top * this.ratio);
    this.cells.getContext("2d").putImageData(this.image, 0, 0);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.picture.width, this.picture.height);
    c.imageSmoothingEnabled = false;
    for (const h of high) {
      for (const w of wide) {
        c.drawImage(this.cells, w.cell, nb - h.cell - h.cells, w.cells, h.cells,
          left + w.pixel, top + h.pixel, w.pixels, h.pixels);
      }
    }
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  overlay(marks) {
    const c = this.context;
    c.save();
    c.beginPath();
    c.rect(MARGIN.left, MARGIN.top, this.width, this.height);
    c.clip();
    if (marks.outline) this.outline(marks.outline);
    if (marks.stations) this.stations(marks.dark);
    c.restore();
    this.axes(marks.ink);
  }

  // Edges between cells that stand out and those that do not.
  outline(inside) {
    const na = this.x.length - 1, nb = this.y.length - 1, c = this.context, path = new Path2D();
    const held = new Uint8Array(na * nb), { along, over, start } = this.numbering();
    for (let b = 0; b < nb; b++) {
      for (let a = 0; a < na; a++) held[b * na + a] = inside(start + a * along + b * over) ? 1 : 0;
    }
    const px = Array.from(this.x, x => this.xOf(x)), py = Array.from(this.y, y => this.yOf(y));
    const line = (x0, y0, x1, y1) => { path.moveTo(px[x0], py[y0]); path.lineTo(px[x1], py[y1]); };
    for (let b = 0; b < nb; b++) {
      for (let a = 0; a < na; a++) {
        const one = held[b * na + a];
        if (a + 1 < na && one !== held[b * na + a + 1]) line(a + 1, b, a + 1, b + 1);
        if (b + 1 < nb && one !== held[(b + 1) * na + a]) line(a, b + 1, a + 1, b + 1);
      }
    }
    for (const [strokeStyle, lineWidth] of [["rgba(255,255,255,.6)", 2.5], ["#000", 1]]) {
      Object.assign(c, { strokeStyle, lineWidth });
      c.stroke(path);
    }
  }

  stations(dark) {
    const c = this.context;
    c.fillStyle = dark ? "rgba(255,255,255,.6)" : "rgba(0,0,0,.55)";
    c.strokeStyle = dark ? "#fff" : "#222";
    c.lineWidth = 1;
    if (this.up === "upward") return;
    const dot = (x, y, size) => c.fillRect(x - size / 2, y - size / 2, size, size);
    for (const s of DATA.stations) {
      const xs = s.easting.map(e => this.xOf(e)), ys = s.northing.map(n => this.yOf(n));
      if (!s.lattice) xs.forEach((x, n) => dot(x, ys[n], 2));
      else if (this.width / xs.length > 5) for (const y of ys) for (const x of xs) dot(x, y, 1.5);
    }
    c.setLineDash([4, 3]);
    for (const [west, east, south, north] of DATA.boxes) {
      c.strokeRect(this.xOf(west), this.yOf(north), this.xOf(east) - this.xOf(west), this.yOf(south) - this.yOf(north));
    }
    c.setLineDash([]);
  }

  // Where the two other planes cut this one: black on white, so that it shows on every colour.
  cross() {
    const middle = (edges, n) => 0.5 * (edges[n] + edges[n + 1]), c = this.screen;
    const x = this.xOf(middle(this.x, STATE[AXES[this.across]])), y = this.yOf(middle(this.y, STATE[AXES[this.up]]));
    for (const [style, wide] of [["rgba(255,255,255,.8)", 2.5], ["#000", 0.8]]) {
      c.strokeStyle = style; c.lineWidth = wide;
      c.beginPath();
      c.moveTo(x, MARGIN.top); c.lineTo(x, MARGIN.top + this.height);
      c.moveTo(MARGIN.left, y); c.lineTo(MARGIN.left + this.width, y);
      c.stroke();
    }
  }

  axes(ink) {
    const c = this.context, [divisor, unit] = DATA.scale, foot = MARGIN.top + this.height;
    c.fillStyle = c.strokeStyle = ink; c.lineWidth = 1; c.font = "12px system-ui, sans-serif";
    c.strokeRect(MARGIN.left, MARGIN.top, this.width, this.height);
    const wide = ticks(this.x[0] / divisor, this.x[this.x.length - 1] / divisor, Math.max(this.width / 80, 2));
    c.textAlign = "center"; c.textBaseline = "top";
    for (const t of wide.places) {
      c.fillRect(this.xOf(t * divisor) - 0.5, foot, 1, 4);
      c.fillText(plainNumber(t, wide.decimals), this.xOf(t * divisor), foot + 6);
    }
    c.fillText(`${this.across} (${unit})`, MARGIN.left + this.width / 2, foot + 22);
    const high = ticks(this.y[0] / divisor, this.y[this.y.length - 1] / divisor, Math.max(this.height / 45, 1.5));
    c.textAlign = "right"; c.textBaseline = "middle";
    for (const t of high.places) {
      c.fillRect(MARGIN.left - 4, this.yOf(t * divisor) - 0.5, 4, 1);
      c.fillText(plainNumber(t, high.decimals), MARGIN.left - 6, this.yOf(t * divisor));
    }
    c.save();
    c.translate(9, MARGIN.top + this.height / 2);
    c.rotate(-Math.PI / 2);
    c.textAlign = "center";
    c.fillText(`${this.up} (${unit})`, 0, 0);
    c.restore();
  }
}

// The cell of every pixel along an axis; from the last edge down where `down`.
function cellsOf(edges, pixels, down) {
  const out = new Int32Array(pixels), first = edges[0], length = edges[edges.length - 1] - first;
  let at = 0;
  for (let n = 0; n < pixels; n++) {
    const place = first + length * (n + 0.5) / pixels;
    while (at < edges.length - 2 && place > edges[at + 1]) at++;
    out[down ? pixels - 1 - n : n] = at;
  }
  return out;
}

// Runs of cells of one size: their first cell and number, and the pixels they fill.
function stripsOf(edges, cells) {
  const out = [], first = new Map(), last = new Map(), count = edges.length - 1;
  cells.forEach((cell, pixel) => { if (!first.has(cell)) first.set(cell, pixel); last.set(cell, pixel); });
  const size = n => edges[n + 1] - edges[n], alike = (n, m) => Math.abs(size(n) / size(m) - 1) < 1e-6;
  for (let n = 0; n < count;) {
    let end = n + 1;
    while (end < count && alike(end, n)) end++;
    const seen = [];
    for (let m = n; m < end; m++) if (first.has(m)) seen.push(first.get(m), last.get(m));
    const pixel = Math.min(...seen), pixels = Math.max(...seen) - pixel + 1;
    if (seen.length) out.push({ cell: n, cells: end - n, pixel, pixels });
    n = end;
  }
  return out;
}

// A number of so many decimals; never a zero with a sign.
function plainNumber(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}
