// What receivers hear: slot by slot over what was sent, and one record at a time.
"use strict";

const currentLevel = () => data.captures.levels[state.level];
const currentRecord = () => currentLevel().pictures[state.single];

function sentPicture(box, width, level, frame) {
  const { captures } = data;
  const sent = arrayOf(level.sent), bands = level.sent.shape[1], most = Math.max(1, captures.sites);
  const edges = captures.edges_mhz, rows = captures.frequency_mhz.length;
  // One row a bin of the spectrum above, so that both line up.
  // A gap that is narrower than a bin, as at the carrier, is not seen.
  const half = rows > 1 ? (captures.frequency_mhz[1] - captures.frequency_mhz[0]) / 2 : 0;
  const band = captures.frequency_mhz.map((f) => {
    const inside = edges.findIndex(([low, high]) => f >= low && f < high);
    return inside >= 0 ? inside : edges.findIndex(([low, high]) => f + half > low && f - half < high);
  });
  const blank = [128, 128, 128, 40], table = isDark() ? NIGHT_BLUES : BLUES;
  return picture(box, width, {
    rows, columns: level.slot.length,
    pixel: (row, column) => (band[row] < 0 || band[row] >= bands ? blank : shade(table, sent[column * bands + band[row]] / Math.min(most, 4))),
    read: (row, column) => band[row] < 0 ? "" :
      `slot ${level.slot[column]}, sub-channel ${band[row]}: ${sent[column * bands + band[row]]} of ${most} sites occupy it`,
    ...frame,
  });
}

function drawWaterfall(box, width) {
  const { captures } = data, level = currentLevel(), packed = level.waterfall[state.receiver];
  const name = captures.receivers[state.receiver], [low, high] = bounds(captures.frequency_mhz);
  const plot = levelsPicture(box, width, {
    packed, height: width < 500 ? 270 : 330, x: [0, level.slot.length], y: [low, high],
    xName: "capture, one a slot", yName: "frequency / MHz",
    label: `What ${name} hears in ${level.slot.length} slots at ${level.label}: mean spectrum of each capture, ` +
      `${number(packed.low)} to ${number(packed.high)} ${captures.unit}`,
    read: (row, column, value) =>
      `slot ${level.slot[column]} (record ${level.record[column]}), ${number(captures.frequency_mhz[row], 2)} MHz: ${number(value)} ${captures.unit}`,
  });
  mark(plot, level);
  plot.svg.style.cursor = "pointer";
  plot.svg.addEventListener("click", (event) => {
    const place = (event.clientX - plot.svg.getBoundingClientRect().left - plot.rect.left) / plot.rect.width;
    const slot = place * level.slot.length;
    const nearest = level.single.map((index, i) => [Math.abs(index + 0.5 - slot), i]).sort((a, b) => a[0] - b[0])[0];
    change({ single: nearest[1] });
  });
}

// Which captures can be looked at singly, and which one is.
function mark(plot, level) {
  level.single.forEach((index, i) => {
    const x = plot.sx(index + 0.5), y = plot.rect.top, chosen = i === state.single;
    const flag = draw("path", { d: `M${x} ${y + 1}l-5 -9h10z`, "fill-opacity": chosen ? 1 : 0.45 });
    flag.style.fill = "var(--focus)";
    plot.marks.append(flag);
    if (!chosen) return;
    const column = draw("rect", {
      x: plot.sx(index), y, width: Math.max(2, plot.sx(index + 1) - plot.sx(index)), height: plot.rect.height,
      fill: "none", "stroke-width": 1.5,
    });
    column.style.stroke = "#fff";
    plot.marks.append(column);
  });
}

function drawSent(box, width) {
  const level = currentLevel(), [low, high] = bounds(data.captures.frequency_mhz);
  const plot = sentPicture(box, width, level, {
    height: width < 500 ? 220 : 260, x: [0, level.slot.length], y: [low, high], xName: "capture, one a slot", yName: "frequency / MHz",
    label: `What was sent in the same ${level.slot.length} slots: how many sites occupy each sub-channel`,
  });
  mark(plot, level);
}

function drawSpectrogram(box, width) {
  const { captures } = data, record = currentRecord(), packed = record.spectrogram[state.receiver];
  const [low, high] = bounds(captures.frequency_mhz), [begin, end] = bounds(captures.time_us);
  const busy = occupied();
  const plot = levelsPicture(box, width, {
    packed, height: 320, x: [begin, end], y: [low, high], right: busy ? 40 : 12,
    xName: "time in the capture / µs", yName: "frequency / MHz",
    label: `Spectrogram of record ${record.record} at ${captures.receivers[state.receiver]}, ` +
      `${number(packed.low)} to ${number(packed.high)} ${captures.unit}` +
      (busy ? `; ${busy.filter(Boolean).length} of ${busy.length} sub-channels are occupied` : ""),
    read: (row, column, value) =>
      `${number(captures.time_us[column])} µs, ${number(captures.frequency_mhz[row], 2)} MHz: ${number(value)} ${captures.unit}`,
  });
  if (!busy) return;
  const left = plot.rect.left + plot.rect.width + 8;
  busy.forEach((sites, band) => {
    const [a, b] = captures.edges_mhz[band];
    const block = draw("rect", { x: left, y: plot.sy(b) + 0.5, width: 22, height: Math.max(1, plot.sy(a) - plot.sy(b) - 1), rx: 2 },
      draw("title", {}, `sub-channel ${band}: ${sites ? `occupied (${sites})` : "vacant"}`));
    block.style.fill = sites ? "var(--hot)" : "var(--cold)";
    plot.marks.append(block);
  });
}

// The mean over the frames of the picture above, as far as its bytes keep it.
function drawSpectrum(box, width) {
  const { captures } = data, record = currentRecord(), packed = record.spectrogram[state.receiver];
  const values = arrayOf(packed), [frames, bins] = packed.shape, frequency = captures.frequency_mhz;
  const level = Array.from({ length: bins }, (_, bin) => {
    let sum = 0;
    for (let frame = 0; frame < frames; frame++) sum += 10 ** (levelOf(packed, values[frame * bins + bin]) / 10);
    return 10 * Math.log10(sum / frames);
  });
  const busy = occupied() || [];
  const plot = axes(box, width, {
    height: 224, x: bounds(frequency), y: [Math.min(...level) - 2, Math.max(...level) + 3], right: 40,
    title: "Mean spectrum", xName: "frequency / MHz", yName: captures.unit,
    label: `Mean spectrum of record ${record.record}, ${number(Math.min(...level))} to ${number(Math.max(...level))} ${captures.unit}; ` +
      "occupied sub-channels are shaded",
  });
  busy.forEach((sites, band) => {
    if (!sites) return;
    const [a, b] = captures.edges_mhz[band];
    const block = draw("rect", { x: plot.sx(a), y: plot.rect.top, width: plot.sx(b) - plot.sx(a), height: plot.rect.height, "fill-opacity": 0.2 });
    block.style.fill = "var(--hot)";
    plot.marks.append(block);
  });
  line(plot.marks, level.map((value, bin) => [plot.sx(frequency[bin]), plot.sy(value)]), { "stroke-width": 1.6 });
  plot.marks.lastChild.style.stroke = "var(--ink)";
}

function occupied() {
  const level = currentLevel();
  if (!level.sent) return null;
  const sent = arrayOf(level.sent), bands = level.sent.shape[1], row = level.single[state.single];
  return [...sent.slice(row * bands, (row + 1) * bands)];
}

function drawCyclic(box, width) {
  const { captures } = data, record = currentRecord();
  if (!record.cyclic) {
    box.replaceChildren(make("p", { class: "note" }, "The captures are too short for a cyclic spectrum."));
    return;
  }
  const packed = record.cyclic[state.receiver], alpha = captures.alpha_khz, frequency = captures.cyclic_frequency_mhz;
  const [low, high] = bounds(alpha).map((value) => value / 1e3), [left, right] = bounds(frequency);
  levelsPicture(box, width, {
    packed, flip: true, height: 320, right: 40, x: [left, right], y: [low, high],
    xName: "frequency / MHz", yName: "cyclic frequency α / MHz",
    label: `Cyclic spectrum of record ${record.record} at ${captures.receivers[state.receiver]}: magnitude over frequency ` +
      `and cyclic frequency, ${number(packed.low)} to ${number(packed.high)} ${captures.unit}; α = 0 is the power spectrum`,
    read: (row, column, value) =>
      `α ${number(alpha[row], 0)} kHz, ${number(frequency[column], 2)} MHz: ` +
      (Number.isFinite(value) ? `${number(value)} ${captures.unit}` : "beyond the band"),
  });
}

function drawProfile(box, width) {
  const { captures } = data, record = currentRecord();
  if (!record.cyclic) return;
  const packed = record.cyclic[state.receiver], values = arrayOf(packed), [rows, columns] = packed.shape;
  const top = Array.from({ length: rows }, (_, row) => {
    const cells = values.subarray(row * columns, (row + 1) * columns).filter((step) => step !== MISSING);
    return cells.length ? levelOf(packed, Math.max(...cells)) : NaN;
  });
  const known = top.filter(Number.isFinite);
  const alpha = captures.alpha_khz.map((value) => value / 1e3);
  const plot = axes(box, width, {
    height: 224, right: 40, x: [0, Math.max(...alpha)], y: [Math.min(...known) - 2, Math.max(...known) + 2],
    title: "Largest over frequency", xName: "cyclic frequency α / MHz", yName: captures.unit,
    label: `Largest magnitude of the cyclic spectrum over frequency, from ${number(Math.max(...known))} ${captures.unit} at α = 0 down`,
  });
  const rate = captures.symbol_rate_khz;
  line(plot.marks, top.map((value, i) => [plot.sx(alpha[i]), plot.sy(value)]), { "stroke-width": 1.6 });
  plot.marks.lastChild.style.stroke = "var(--accent)";
  const told = byId("cyclic-told");
  if (told && rate && alpha.length > 1) {
    const step = (alpha[1] - alpha[0]) * 1e3;
    told.textContent = step > rate / 2
      ? `A stored value covers ${number(step, 0)} kHz of α: lines of the symbol rate, ${number(rate, 1)} kHz, lie closer than that; longer captures tell them apart.`
      : `Multiples of the symbol rate, ${number(rate, 1)} kHz, are where OFDM symbols repeat.`;
  }
}

function tellRecord() {
  const { captures } = data, record = currentRecord(), told = byId("record-told");
  if (!told) return;
  const snr = record.snr_db ? record.snr_db[state.receiver] : null;
  const busy = occupied();
  told.textContent = [
    `Record ${record.record} at ${captures.receivers[state.receiver]}`,
    record.split ? `split ${record.split}` : null,
    snr === null ? null : `realised SNR ${number(snr)} dB`,
    busy ? `${busy.filter(Boolean).length} of ${busy.length} sub-channels occupied` : null,
  ].filter(Boolean).join(" · ");
}

function offerRecords() {
  const level = currentLevel();
  offer("capture-record", "single", level.pictures.map((one, i) => `record ${one.record} (slot ${level.slot[level.single[i]]})`));
}

function setUpCaptures() {
  const { captures } = data;
  if (!captures || !captures.levels.length) return;
  // The clearest level first: the highest SNR.
  state.level = captures.levels.length - 1;
  offer("capture-receiver", "receiver", captures.receivers);
  offer("capture-level", "level", captures.levels.map((level) => level.label));
  offerRecords();
  hear(["level"], () => {
    if (state.single >= currentLevel().pictures.length) change({ single: 0 });
    offerRecords();
    tellRecord();
  });
  hear(["receiver", "single"], tellRecord);
  const keys = ["receiver", "level", "single"];
  figure("waterfall", drawWaterfall, keys);
  if (captures.levels[0].sent) {
    figure("sent", drawSent, ["level", "single"]);
    const box = byId("sent");
    themed.push(() => box.clientWidth > 0 && drawSent(box, box.clientWidth));
  }
  figure("spectrogram", drawSpectrogram, keys);
  figure("spectrum", drawSpectrum, keys);
  figure("cyclic", drawCyclic, keys);
  figure("profile", drawProfile, keys);
  tellRecord();
}
