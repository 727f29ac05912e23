// Radio paths: over the map, in the 3-D view, and as power over delay.
"use strict";

const RAYS_A_LINK = 14;

// The strongest paths as lines from site over corners to UAV, from the middle of the scene.
function rayLines() {
  const { paths, solids } = data;
  if (!paths || !solids) return [];
  const found = [], drawn = new Set();
  paths.receivers.forEach((_, receiver) => {
    const name = paths.uavs[receiver];
    // The antennas of one UAV have the same ways.
    if (state.every ? drawn.has(name) : receiver !== state.receiver) return;
    drawn.add(name);
    const uav = solids.uavs.find((one) => one.name === name);
    if (!uav) return;
    const end = uav.track[Math.min(trackPlace(uav), uav.track.length - 1)];
    paths.sites.forEach((siteName, site) => {
      const begin = solids.sites.find((one) => one.name === siteName);
      if (!begin) return;
      const link = paths.links[state.waypoint][receiver][site];
      const order = link.level_db.map((_, i) => i).sort((a, b) => link.level_db[b] - link.level_db[a]).slice(0, RAYS_A_LINK);
      for (const i of order) {
        const corners = [];
        for (let k = 0; k + 2 < link.corner_m[i].length; k += 3) corners.push(link.corner_m[i].slice(k, k + 3));
        const below = link.level_db[order[0]] - link.level_db[i];
        found.push({ points: [begin.at, ...corners, end], site, alpha: Math.min(1, Math.max(0.12, 1 - below / 30)) * 0.85 });
      }
    });
  });
  return found;
}

const solidRays = () => rayLines().map((ray) => ({ ...ray, paint: colour(`c${ray.site % SITE_COLOURS}`) }));

function drawMapRays() {
  const map = byId("map"), group = byId("map-rays");
  if (!map || !group || !data.solids) return;
  const { west, north, scale } = map.dataset, [cx, cy] = data.solids.middle_m;
  // The weak ones lie below the strong ones.
  group.replaceChildren(...rayLines().sort((a, b) => a.alpha - b.alpha).map(({ points, site, alpha }) => {
    const places = points.map(([x, y]) => `${((x + cx - west) * scale).toFixed(1)} ${((north - y - cy) * scale).toFixed(1)}`);
    const ray = draw("path", { d: `M${places.join("L")}`, opacity: alpha.toFixed(2) });
    ray.style.stroke = siteColour(site);
    return ray;
  }));
}

function drawDelays(box, width) {
  const { paths } = data;
  const links = paths.links[state.waypoint][state.receiver];
  const every = links.flatMap((link) => link.delay_us.map((delay, i) => [delay, link.level_db[i]]));
  if (!every.length) {
    box.replaceChildren(make("p", { class: "note" }, "No path reaches this receiver."));
    return;
  }
  const top = Math.max(...every.map(([, level]) => level));
  const floor = Math.max(Math.min(...every.map(([, level]) => level)) - 3, top - 70);
  const delays = every.filter(([, level]) => level > floor).map(([delay]) => delay);
  const [first, last] = [Math.min(...delays), Math.max(...delays)];
  const margin = 0.03 * (last - first) + 0.05;
  const name = paths.receivers[state.receiver];
  const plot = axes(box, width, {
    height: width < 500 ? 300 : 430, x: [first - margin, last + margin], y: [floor, top + 4],
    xName: "absolute delay / µs", yName: "path gain / dB",
    label: `Power over delay at ${name}: ${every.length} paths from ${links.length} sites, ` +
      `${number(first, 2)} to ${number(last, 2)} µs, strongest ${number(top)} dB`,
  });
  links.forEach((link, site) => link.delay_us.forEach((delay, i) => {
    const level = link.level_db[i];
    if (level <= floor) return;
    const x = plot.sx(delay), y = plot.sy(level), kind = link.kind[i];
    const stem = draw("line", { x1: x, x2: x, y1: plot.sy(floor), y2: y, "stroke-opacity": 0.55, "stroke-width": 1.3 });
    const head = draw("path", { d: HEADS[kind](x, y) },
      draw("title", {}, `${paths.sites[site]}, ${paths.kinds[kind]}: ${number(delay, 3)} µs, ${number(level)} dB, Doppler ${number(link.doppler_hz[i])} Hz`));
    stem.style.stroke = head.style.fill = siteColour(site);
    plot.marks.append(stem, head);
  }));
}

// Shapes tell kinds apart without colour.
const HEADS = [
  (x, y) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
  (x, y) => `M${x - 4} ${y - 4}h8v8h-8z`,
  (x, y) => `M${x - 5} ${y - 1.5}h10v3h-10z`,
  (x, y) => `M${x} ${y - 5}l5 9h-10z`,
  (x, y) => `M${x} ${y - 6}l5 6l-5 6l-5 -6z`,
];

function setUpRadio() {
  const { paths, solids } = data;
  const box = byId("solids");
  const reload = box && solids ? turningView(box, solids, solidRays) : null;
  const redraw = () => {
    drawMapRays();
    if (reload) reload();
    document.querySelectorAll("#map .uav").forEach((mark, i) => {
      const uav = solids.uavs[i];
      mark.classList.toggle("chosen", !!paths && !state.every && !!uav && uav.name === paths.uavs[state.receiver]);
    });
  };
  if (!paths) return;
  for (const id of ["map-receiver", "delay-receiver"]) offer(id, "receiver", paths.receivers);
  const times = paths.waypoints.map((waypoint, i) =>
    paths.time_s[i] === null ? `waypoint ${waypoint}` : `${number(paths.time_s[i], 2)} s (waypoint ${waypoint})`);
  for (const id of ["map-waypoint", "delay-waypoint"]) offer(id, "waypoint", times);
  // Who asks for one UAV's paths doesn't want all of them.
  byId("map-receiver").addEventListener("change", () => change({ every: false }));
  const every = byId("map-every");
  every.dataset.state = "every";
  every.checked = state.every;
  every.addEventListener("change", () => change({ every: every.checked }));
  hear(["receiver", "waypoint", "every"], redraw);
  redraw();
  figure("delays", drawDelays, ["receiver", "waypoint"]);
  const shapes = ["●", "■", "▬", "▲", "◆"];
  const kinds = new Set(paths.links.flat(2).flatMap((link) => link.kind));
  const names = [...kinds].sort().map((kind) => make("li", {}, `${shapes[kind]} ${paths.kinds[kind]}`));
  legend("delays-legend", paths.sites.map((name, site) => [`c${site % SITE_COLOURS}`, name]));
  byId("delays-legend").append(...names);
}
