// Tables sort by a click or the Enter key on a heading; rows that belong together stay together.

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// The number a cell begins with, as the page writes numbers; NaN where it has none.
function leading(text) {
  const plain = text.replace(/−/g, "-").replace(/(\d),(?=\d{3})/g, "$1")
    .replace(/^\s*(?:under|over|at most|at least|above|below|≥|≤|\+)\s*/, "");
  const found = plain.match(
    /^\s*(?:\(\+?(-?\d+(?:\.\d+)?)[^()]*\)|\+?(-?\d+(?:\.\d+)?))(?:\s*×\s*10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?/,
  );
  if (!found) return NaN;
  const power = found[3] ? Number(found[3].replace(/./g, c => c === "⁻" ? "-" : RAISED.indexOf(c))) : 0;
  return Number(found[1] ?? found[2]) * 10 ** power;
}

function groupsOf(body) {
  const groups = [];
  for (const row of body.rows) {
    if (row.classList.contains("under") && groups.length) groups[groups.length - 1].push(row); else groups.push([row]);
  }
  return groups;
}

function compare(a, b) {
  const [x, y] = [leading(a), leading(b)];
  if (Number.isNaN(x) && Number.isNaN(y)) return a.localeCompare(b);
  return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : x - y;
}

function sortBy(table, heading, column) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const th of table.tHead.rows[0].cells) th.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const body = table.tBodies[0], text = group => group[0].cells[column].textContent.trim();
  const groups = groupsOf(body).map((group, n) => [group, n]);
  groups.sort(([a, n], [b, m]) => (down ? -1 : 1) * compare(text(a), text(b)) || n - m);
  body.append(...groups.flatMap(([group]) => group));
}

function sortable() {
  for (const table of document.querySelectorAll("table")) {
    if (!table.tHead || !table.tBodies.length || table.hasAttribute("data-fixed")) continue;
    if (groupsOf(table.tBodies[0]).length < 2) continue;
    table.classList.add("sorts");
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sortBy(table, heading, column));
    });
  }
}

sortable();
