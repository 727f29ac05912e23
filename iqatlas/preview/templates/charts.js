// Axes, stems, lines and bars as SVG; pictures of levels as canvas under such axes.
"use strict";

// Magma (matplotlib's, CC0), in eighths.
const MAGMA = [
  [0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122], [229, 80, 100], [251, 135, 97],
  [254, 194, 135], [252, 253, 191],
];
const BLUES = [[255, 255, 255], [169, 207, 232], [74, 152, 201], [23, 100, 171], [8, 51, 112]];
const NIGHT_BLUES = [[20, 29, 37], [27, 82, 122], [45, 135, 184], [122, 190, 226], [222, 241, 250]];

function shade(table, part) {
  const place = Math.min(Math.max(part, 0), 1) * (table.length - 1);
  const low = Math.min(Math.floor(place), table.length - 2);
  return table[low].map((value, i) => value + (place - low) * (table[low + 1][i] - value));
}

function ticks(low, high, most) {
  const raw = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999) || raw;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step || 0);
  // One tick tells no scale.
  return found.length < 2 && most < 12 ? ticks(low, high, most + 1) : found;
}

// Axes in a box of the page; gives scales and the group that marks go into.
function axes(box, width, { height, x, y, xName, yName, label, title, right = 12, lines = true }) {
  const room = { left: 58, right, top: title ? 24 : 10, bottom: 44 };
  const w = Math.max(60, width - room.left - room.right), h = height - room.top - room.bottom;
  const sx = (value) => room.left + ((value - x[0]) / (x[1] - x[0])) * w;
  const sy = (value) => room.top + h - ((value - y[0]) / (y[1] - y[0])) * h;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": label });
  const grid = draw("g", { class: "axis", "aria-hidden": "true" });
  const words = (value, step) => number(value, step < 0.1 ? 3 : step < 1 ? 2 : 1);
  const across = ticks(x[0], x[1], Math.max(2, Math.floor(w / 75)));
  for (const value of across) {
    grid.append(
      draw("line", { x1: sx(value), x2: sx(value), y1: lines ? room.top : room.top + h, y2: room.top + h + 4 }),
      draw("text", { x: sx(value), y: room.top + h + 17, "text-anchor": "middle" }, words(value, across[1] - across[0])),
    );
  }
  const up = ticks(y[0], y[1], Math.max(2, Math.floor(h / 38)));
  for (const value of up) {
    grid.append(
      draw("line", { x1: room.left - 4, x2: lines ? room.left + w : room.left, y1: sy(value), y2: sy(value) }),
      draw("text", { x: room.left - 8, y: sy(value) + 4, "text-anchor": "end" }, words(value, up[1] - up[0])),
    );
  }
  const middle = room.top + h / 2;
  grid.append(
    draw("rect", { class: "frame", x: room.left, y: room.top, width: w, height: h, fill: "none" }),
    draw("text", { x: room.left + w / 2, y: height - 8, "text-anchor": "middle" }, xName),
    draw("text", { x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` }, yName),
  );
  if (title) grid.append(draw("text", { class: "title", x: room.left, y: 15, "font-weight": 600 }, title));
  const marks = draw("g");
  svg.append(grid, marks);
  box.replaceChildren(svg);
  return { svg, marks, sx, sy, rect: { left: room.left, top: room.top, width: w, height: h }, height };
}

// Cells as a picture under axes: rows run along y from the lowest, columns along x.
function picture(box, width, { rows, columns, pixel, read, ...frame }) {
  // Lines over a picture would be taken for part of it.
  const plot = axes(box, width, { ...frame, lines: false });
  const canvas = make("canvas", { width: columns, height: rows, "aria-hidden": "true" });
  const image = new ImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [r, g, b, a = 255] = pixel(row, column);
      image.data.set([r, g, b, a], 4 * ((rows - 1 - row) * columns + column));
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const { left, top, width: w, height: h } = plot.rect;
  Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${w}px`, height: `${h}px` });
  box.prepend(canvas);
  const readout = byId(`${box.id}-readout`);
  if (read && readout) {
    const tell = (event) => {
      const place = plot.svg.getBoundingClientRect();
      const column = Math.floor(((event.clientX - place.left - left) / w) * columns);
      const row = rows - 1 - Math.floor(((event.clientY - place.top - top) / h) * rows);
      const inside = column >= 0 && column < columns && row >= 0 && row < rows;
      readout.textContent = inside ? read(row, column) : "";
    };
    plot.svg.addEventListener("pointermove", tell);
    plot.svg.addEventListener("pointerleave", () => (readout.textContent = ""));
  }
  return plot;
}

function levelsPicture(box, width, { packed, flip, ...frame }) {
  const values = arrayOf(packed);
  const [outer, inner] = packed.shape; // time or cycles, then frequency
  const at = flip
    ? (row, column) => values[row * inner + column]
    : (row, column) => values[column * inner + row];
  levelKey(`${box.id}-key`, packed, data.captures.unit);
  const table = Array.from({ length: 256 }, (_, step) =>
    step === MISSING ? [128, 128, 128, 40] : shade(MAGMA, step / STEPS));
  return picture(box, width, {
    rows: flip ? outer : inner,
    columns: flip ? inner : outer,
    pixel: (row, column) => table[at(row, column)],
    ...frame,
    read: frame.read && ((row, column) => frame.read(row, column, levelOf(packed, at(row, column)))),
  });
}

function levelKey(id, packed, unit) {
  const key = byId(id);
  if (!key) return;
  const canvas = make("canvas", { width: 128, height: 1, "aria-hidden": "true" });
  const image = new ImageData(128, 1);
  for (let i = 0; i < 128; i++) image.data.set([...shade(MAGMA, i / 127), 255], 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  key.replaceChildren(number(packed.low), canvas, `${number(packed.high)} ${unit}`);
}

function bounds(middles) {
  if (middles.length < 2) return [middles[0] - 0.5, middles[0] + 0.5];
  const half = (middles[1] - middles[0]) / 2;
  return [middles[0] - half, middles[middles.length - 1] + half];
}

function line(marks, points, attributes) {
  const known = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (!known.length) return;
  const d = "M" + known.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  marks.append(draw("path", { d, fill: "none", "stroke-width": 2, "stroke-linejoin": "round", ...attributes }));
}

function legend(id, entries) {
  const list = byId(id);
  if (!list) return;
  list.replaceChildren(...entries.map(([kind, name]) => make("li", {}, make("i", { class: kind }), name)));
}

// Bars of several series that stand on each other.
function stack(plot, edges, series) {
  const { marks, sx, sy } = plot;
  const base = new Array(edges.length - 1).fill(0);
  for (const { counts, paint, name } of series) {
    let d = "";
    counts.forEach((count, i) => {
      if (!count) return;
      const x0 = sx(edges[i]), x1 = sx(edges[i + 1]) - 0.6;
      d += `M${x0.toFixed(2)} ${sy(base[i]).toFixed(2)}H${x1.toFixed(2)}V${sy(base[i] + count).toFixed(2)}H${x0.toFixed(2)}Z`;
      base[i] += count;
    });
    const bars = draw("path", { d, "fill-opacity": 0.88 }, draw("title", {}, name));
    bars.style.fill = paint;
    marks.append(bars);
  }
}
