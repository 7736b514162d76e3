// The cells as CSV, made of the rounded values, with a note of how far these are off.

const SAVED = ["mean", "std", "lower", "upper"];
const quoted = text => `"${text.replace(/"/g, '""')}"`;

function columnsOf() {
  return DATA.properties.flatMap(p => statistics(p).filter(s => SAVED.includes(s.key))
    .map(s => ({ name: quoted(`${p.name}_${s.key} (${p.units || "1"})`), value: s.field() })));
}

function notesOf() {
  return DATA.properties.map(p => `# ${p.name}: values rounded by at most ${p.rounding}; interval: `
    .concat(`${p.probability}, ${p.kind || "none"}\n`).replace(/−/g, "-"));
}

// Parts of the file: notes, a line of names, then one part for every row of cells.
function csvOf() {
  const columns = columnsOf(), names = ["easting_m", "northing_m", "upward_m", "depth_m", ...columns.map(c => c.name)];
  const parts = [`# ${document.title.replace(/\s+/g, " ")}\n`, ...notesOf(), `${names.join(",")}\n`];
  const centres = edges => edges.slice(1).map((_, n) => middle(edges, n));
  const means = DATA.properties.map(p => valuesOf(p, "mean"));
  const [ups, norths, easts] = ["upward", "northing", "easting"].map(axis => centres(DATA.edges[axis]));
  for (let k = NZ - 1; k >= 0; k--) {
    for (let j = 0; j < NY; j++) {
      let text = "";
      for (let i = 0; i < NX; i++) {
        const cell = cellAt(k, j, i);
        if (means.every(mean => Number.isNaN(mean[cell]))) continue; // air
        text += `${easts[i]},${norths[j]},${ups[k]},${depthOf(k, j, i)}`;
        for (const column of columns) {
          const value = column.value(cell);
          text += Number.isNaN(value) ? "," : `,${Number(value.toPrecision(6))}`;
        }
        text += "\n";
      }
      parts.push(text);
    }
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
