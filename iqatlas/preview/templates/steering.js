// Turning the 3-D view by pointer, fingers, keys and buttons; the lines that stand in it.
"use strict";

function steer(canvas, eye, start, reach, ask) {
  const turn = (yaw, pitch) => {
    eye.yaw += yaw;
    eye.pitch = Math.min(1.55, Math.max(0.06, eye.pitch + pitch));
    ask();
  };
  const zoom = (factor) => {
    eye.distance = Math.min(reach * 4, Math.max(reach * 0.12, eye.distance * factor));
    ask();
  };
  const reset = () => {
    Object.assign(eye, start);
    ask();
  };
  const moves = {
    left: () => turn(-0.12, 0), right: () => turn(0.12, 0), up: () => turn(0, 0.08), down: () => turn(0, -0.08),
    nearer: () => zoom(0.85), farther: () => zoom(1 / 0.85), reset,
  };
  const keys = {
    ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "nearer", "=": "nearer",
    "-": "farther", 0: "reset", Home: "reset",
  };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[keys[event.key]];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  });
  for (const button of document.querySelectorAll("[data-move]")) {
    button.addEventListener("click", () => moves[button.dataset.move]());
  }

  const fingers = new Map();
  let apart = 0;
  const gap = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) apart = gap();
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) {
      const now = gap();
      if (apart > 0 && now > 0) zoom(apart / now);
      apart = now;
    } else {
      turn((last.x - event.clientX) * 0.006, (event.clientY - last.y) * 0.005);
    }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  // The wheel scrolls the page unless the view is what one works in.
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(event.deltaY * 0.0012));
  }, { passive: false });

  const slow = byId("turning");
  let running = false;
  const step = () => {
    if (!running) return;
    turn(0.004, 0);
    requestAnimationFrame(step);
  };
  slow.addEventListener("click", () => {
    running = !running;
    slow.setAttribute("aria-pressed", String(running));
    step();
  });
}

// A mast under each site, a plumb line under each UAV, and the ways that UAVs fly.
function masts(solids) {
  const uav = colour("uav");
  const upright = (at) => [[at[0], at[1], 0], at];
  const mark = (at, paint, size) => [
    [[at[0] - size, at[1], at[2]], [at[0] + size, at[1], at[2]]],
    [[at[0], at[1] - size, at[2]], [at[0], at[1] + size, at[2]]],
    [[at[0], at[1], at[2] - size], [at[0], at[1], at[2] + size]],
  ].map((points) => ({ points, paint, alpha: 1 }));
  const size = Math.max(4, Math.max(...solids.size_m.slice(0, 2)) * 0.008);
  return [
    ...solids.sites.flatMap(({ at }, i) => {
      const paint = colour(`c${i % SITE_COLOURS}`);
      return [{ points: upright(at), paint, alpha: 0.9 }, ...mark(at, paint, size)];
    }),
    ...solids.uavs.flatMap((one) => {
      const at = one.track[Math.min(trackPlace(one), one.track.length - 1)];
      return [
        { points: upright(at), paint: uav, alpha: 0.25 },
        { points: one.track, paint: uav, alpha: 0.7 },
        ...mark(at, uav, size),
      ];
    }),
  ];
}

// Where on its shown track a UAV is at the chosen waypoint.
function trackPlace(uav) {
  const paths = data.paths;
  if (!paths || paths.of.waypoints < 2) return 0;
  return Math.round((paths.waypoints[state.waypoint] / (paths.of.waypoints - 1)) * (uav.track.length - 1));
}
