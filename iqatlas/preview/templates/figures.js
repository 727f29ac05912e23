// Distributions and detectors, and what starts the page.
"use strict";

const RECEIVER_COLOURS = ["c1", "c0", "c2", "c3", "c4", "c5"];
const receiverColour = (i) => RECEIVER_COLOURS[i % RECEIVER_COLOURS.length];

function highest(rows) {
  const sums = rows[0].map((_, bin) => rows.reduce((sum, row) => sum + row[bin], 0));
  return Math.max(1, ...sums);
}

function drawSnr(box, width) {
  const { snr, receivers } = data.distributions;
  const plot = axes(box, width, {
    height: 345, x: [snr.edges[0], snr.edges[snr.edges.length - 1]], y: [0, highest(snr.counts) * 1.06],
    xName: "realised SNR / dB", yName: "captures",
    label: `Histogram of the realised SNR of ${receivers.length} receivers, ${number(snr.edges[0])} to ` +
      `${number(snr.edges[snr.edges.length - 1])} dB`,
  });
  stack(plot, snr.edges, snr.counts.map((counts, i) => ({ counts, paint: `var(--${receiverColour(i)})`, name: receivers[i] })));
}

function drawPower(box, width) {
  const { power, receivers, sites } = data.distributions;
  const rows = power.counts[state.receiver];
  const plot = axes(box, width, {
    height: 280, x: [power.edges[0], power.edges[power.edges.length - 1]], y: [0, highest(rows) * 1.06],
    xName: `signal power at ${receivers[state.receiver]} / dBm`, yName: "captures",
    label: `Histogram of the received power of ${sites.length} sites at ${receivers[state.receiver]}, ` +
      `${number(power.edges[0])} to ${number(power.edges[power.edges.length - 1])} dBm`,
  });
  stack(plot, power.edges, rows.map((counts, site) => ({ counts, paint: siteColour(site), name: sites[site] })));
  const silent = power.silent[state.receiver].reduce((sum, count) => sum + count, 0);
  byId("power-readout").textContent = silent ? `${number(silent, 0)} captures in which a site sends nothing are left out.` : "";
}

function drawShare(box, width) {
  const { occupied, occupied_by_site: bySite } = data.distributions;
  const plot = axes(box, width, {
    height: 325, x: [-0.5, occupied.length - 0.5], y: [0, Math.min(1, Math.max(...occupied) * 1.15 + 0.02)],
    xName: "sub-channel", yName: "share of captures occupied",
    label: `Share of captures in which each of ${occupied.length} sub-channels is occupied: ` +
      occupied.slice(0, 32).map((share, i) => `${i}: ${number(share * 100, 0)}%`).join(", "),
  });
  const edges = occupied.map((_, i) => i - 0.4);
  occupied.forEach((share, i) => {
    const bar = draw("rect", { x: plot.sx(edges[i]), y: plot.sy(share), width: Math.max(1, plot.sx(0.8) - plot.sx(0)), height: plot.sy(0) - plot.sy(share), rx: 2 },
      draw("title", {}, `sub-channel ${i}: ${number(share * 100, 1)}%`));
    bar.style.fill = "var(--cold)";
    plot.marks.append(bar);
  });
  (bySite || []).forEach((shares, site) => {
    line(plot.marks, shares.map((share, i) => [plot.sx(i), plot.sy(share)]), { "stroke-width": 1.6 });
    if (plot.marks.lastChild) plot.marks.lastChild.style.stroke = siteColour(site);
  });
}

function drawDetection(box, width) {
  const { curves, designed } = data.validation;
  const all = curves.flatMap((curve) => curve.snr_db);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const plot = axes(box, width, {
    height: 320, x: low === high ? [low - 1, high + 1] : [low, high], y: [0, 1.02], xName: "SNR at full load / dB", yName: "probability",
    label: `Energy detector: probability of detection and of false alarm over SNR for ${curves.length} receivers; designed false alarm ${designed}`,
  });
  line(plot.marks, [[plot.sx(low), plot.sy(designed)], [plot.sx(high), plot.sy(designed)]], { "stroke-dasharray": "2 4", "stroke-width": 1.5 });
  plot.marks.lastChild.style.stroke = "var(--muted)";
  curves.forEach((curve, i) => {
    const paint = `var(--${receiverColour(i)})`;
    curve.snr_db.forEach((snr, k) => {
      const [a, b] = curve.interval[k], x = plot.sx(snr);
      line(plot.marks, [[x, plot.sy(a)], [x, plot.sy(b)]], { "stroke-width": 4, "stroke-opacity": 0.35 });
      plot.marks.lastChild.style.stroke = paint;
    });
    for (const [values, dash] of [[curve.p_d, null], [curve.p_fa, "5 4"]]) {
      const points = curve.snr_db.map((snr, k) => [plot.sx(snr), values[k] === null ? NaN : plot.sy(values[k])]);
      line(plot.marks, points, { "stroke-dasharray": dash });
      if (plot.marks.lastChild) plot.marks.lastChild.style.stroke = paint;
    }
  });
}

function drawF1(box, width) {
  const { curves, trivial } = data.validation;
  const all = curves.flatMap((curve) => curve.snr_db);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const plot = axes(box, width, {
    height: 320, x: low === high ? [low - 1, high + 1] : [low, high], y: [0, 1.02], xName: "SNR at full load / dB", yName: "F1 of the occupied",
    label: `Energy detector: F1 of occupied sub-channels over SNR for ${curves.length} receivers; saying always occupied gives ${number(trivial, 2)}`,
  });
  line(plot.marks, [[plot.sx(low), plot.sy(trivial)], [plot.sx(high), plot.sy(trivial)]], { "stroke-dasharray": "2 4", "stroke-width": 1.5 });
  if (plot.marks.lastChild) plot.marks.lastChild.style.stroke = "var(--muted)";
  curves.forEach((curve, i) => {
    line(plot.marks, curve.snr_db.map((snr, k) => [plot.sx(snr), curve.f1_occupied[k] === null ? NaN : plot.sy(curve.f1_occupied[k])]), {});
    if (plot.marks.lastChild) plot.marks.lastChild.style.stroke = `var(--${receiverColour(i)})`;
  });
}

function setUpFigures() {
  const { distributions, validation } = data;
  if (distributions) {
    const names = distributions.receivers.map((name, i) => [receiverColour(i), name]);
    if (distributions.snr) figure("snr", drawSnr, []);
    if (distributions.power) {
      figure("power", drawPower, ["receiver"]);
      offer("power-receiver", "receiver", distributions.receivers);
      legend("power-legend", distributions.sites.map((name, i) => [`c${i % SITE_COLOURS}`, name]));
    }
    if (distributions.occupied) figure("share", drawShare, []);
    if (distributions.occupied_by_site) legend("share-legend", [["cold", "any site"], ...distributions.sites.map((name, i) => [`c${i % SITE_COLOURS}`, name])]);
    legend("snr-legend", names);
  }
  if (validation) {
    figure("detection", drawDetection, []);
    figure("f1", drawF1, []);
    legend("detection-legend", validation.curves.map((curve, i) => [receiverColour(i), curve.receiver]));
  }
}

// The section that is read is marked in the navigation.
function followSections() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver((entries) => {
    const seen = entries.find((entry) => entry.isIntersecting);
    if (!seen) return;
    for (const [id, link] of links) {
      if (id === seen.target.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of document.querySelectorAll("main section")) watcher.observe(section);
}

setUpRadio();
setUpCaptures();
setUpFigures();
followSections();
showTheme();
root.dataset.ready = "true";
