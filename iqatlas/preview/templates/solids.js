// The city as solids that can be turned: a small WebGL renderer of its own.
"use strict";

const BUILDING_SHADERS = [
  `attribute vec3 at; attribute vec3 normal; attribute float tall;
   uniform mat4 view; uniform float size; varying float light; varying float high; varying float far; varying float rise;
   void main() {
     vec3 sun = normalize(vec3(-0.45, -0.6, 0.85));
     light = tall < 0.0 ? 1.0 : 0.66 + 0.36 * max(dot(normal, sun), 0.0) + 0.08 * normal.z;
     high = max(tall, 0.0); rise = tall < 0.0 ? 99.0 : at.z;
     gl_Position = view * vec4(at, 1.0); far = clamp(gl_Position.w / (size * 3.2), 0.0, 1.0);
   }`,
  `precision mediump float; varying float light; varying float high; varying float far; varying float rise;
   uniform vec3 low; uniform vec3 top; uniform vec3 sky;
   void main() {
     vec3 body = mix(low, top, high) * light * mix(0.84, 1.0, clamp((rise + 0.5) / 12.0, 0.0, 1.0));
     gl_FragColor = vec4(mix(body, sky, far * far * 0.55), 1.0);
   }`,
];
// A ray is a strip that faces the viewer: a line of WebGL is one pixel wide.
const RAY_SHADERS = [
  `attribute vec3 at; attribute vec3 other; attribute float side; attribute vec4 paint;
   uniform mat4 view; uniform vec2 pixels; uniform float wide; varying vec4 ink;
   void main() {
     vec4 a = view * vec4(at, 1.0); vec4 b = view * vec4(other, 1.0);
     vec2 way = (b.xy / max(b.w, 1.0) - a.xy / max(a.w, 1.0)) * pixels;
     vec2 across = length(way) > 0.0 ? normalize(vec2(-way.y, way.x)) : vec2(0.0);
     gl_Position = a + vec4(across * side * wide / pixels * a.w, -0.0004 * a.w, 0.0); ink = paint;
   }`,
  `precision mediump float; varying vec4 ink; uniform float strength;
   void main() { gl_FragColor = vec4(ink.rgb, ink.a * strength); }`,
];

function program(gl, [vertex, fragment]) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  return gl.getProgramParameter(made, gl.LINK_STATUS) ? made : null;
}

// Corners of every face, with its normal and how high its building is.
function faceCorners(solids) {
  const vertex = arrayOf(solids.vertex), face = arrayOf(solids.face), per = arrayOf(solids.faces_of);
  const step = solids.step_m, out = new Float32Array(face.length * 7);
  const tallest = Math.max(30, ...solids.top_m);
  let building = 0, left = per[0] || 0;
  for (let f = 0; f < face.length / 3; f++) {
    while (left === 0) left = per[++building];
    left--;
    const p = [0, 1, 2].map((k) => [0, 1, 2].map((axis) => vertex[3 * face[3 * f + k] + axis] * step));
    const u = p[1].map((v, i) => v - p[0][i]), w = p[2].map((v, i) => v - p[0][i]);
    const n = [u[1] * w[2] - u[2] * w[1], u[2] * w[0] - u[0] * w[2], u[0] * w[1] - u[1] * w[0]];
    const length = Math.hypot(...n) || 1, tall = Math.min(1, solids.top_m[building] / tallest);
    for (let k = 0; k < 3; k++) out.set([...p[k], n[0] / length, n[1] / length, n[2] / length, tall], 7 * (3 * f + k));
  }
  return out;
}

// Column-major product and camera, as WebGL takes them.
function product(a, b) {
  const out = new Array(16).fill(0);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++) for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}

function camera({ yaw, pitch, distance, target }, aspect, near, far) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  const right = [cy, sy, 0], up = [-sy * sp, cy * sp, cp], back = [sy * cp, -cy * cp, sp];
  const eye = target.map((value, i) => value + back[i] * distance);
  const dot = (a) => a[0] * eye[0] + a[1] * eye[1] + a[2] * eye[2];
  const view = [
    right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    -dot(right), -dot(up), -dot(back), 1,
  ];
  const focal = 1 / Math.tan(0.35);
  const lens = [focal / Math.max(1, aspect), 0, 0, 0, 0, focal * Math.min(1, aspect), 0, 0, 0, 0,
    (far + near) / (near - far), -1, 0, 0, (2 * far * near) / (near - far), 0];
  return product(lens, view);
}

// Strips of all rays: two triangles a piece.
function strips(lines) {
  const out = [];
  for (const { points, paint, alpha } of lines) {
    for (let i = 0; i + 1 < points.length; i++) {
      const [a, b] = [points[i], points[i + 1]];
      for (const [at, other, side] of [[a, b, 1], [a, b, -1], [b, a, -1], [b, a, -1], [a, b, -1], [b, a, 1]]) {
        // Seen from its other end the way is turned about, and so is the side.
        out.push(...at, ...other, side, ...paint, alpha);
      }
    }
  }
  return new Float32Array(out);
}

function turningView(box, solids, raysOf) {
  const canvas = make("canvas", {
    tabindex: 0, role: "application", "aria-roledescription": "3-D view",
    "aria-label": `3-D view of ${solids.top_m.length} buildings, ${solids.sites.length} sites and ` +
      `${solids.uavs.length} UAVs. Arrow keys turn it, plus and minus zoom, 0 starts over.`,
  });
  const gl = canvas.getContext("webgl", { alpha: false, antialias: true, preserveDrawingBuffer: true });
  const city = gl && program(gl, BUILDING_SHADERS), rays = gl && program(gl, RAY_SHADERS);
  if (!city || !rays) {
    box.replaceChildren(make("p", { class: "note" }, "This browser has no WebGL: the map shows the same city."));
    return null;
  }
  const labels = make("div", { id: "labels", "aria-hidden": "true" });
  box.replaceChildren(canvas, labels);
  const reach = Math.max(solids.size_m[0], solids.size_m[1], 100);
  const start = { yaw: -0.5, pitch: 0.78, distance: reach * 1.6, target: [-reach * 0.03, -reach * 0.06, 0] };
  const eye = { ...start };

  const corners = faceCorners(solids), big = reach * 6;
  const ground = [[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]].flatMap(([x, y]) => [x * big, y * big, -0.3, 0, 0, 1, -1]);
  const buffer = (values) => {
    const made = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, made);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    return made;
  };
  const cityBuffer = buffer(corners), groundBuffer = buffer(new Float32Array(ground));
  const rayBuffer = gl.createBuffer();
  let rayCount = 0, asked = false;

  let enabled = [];
  function use(which, bound, layout) {
    gl.useProgram(which);
    // What the other program reads is not read from this one's corners.
    enabled.forEach((place) => gl.disableVertexAttribArray(place));
    enabled = [];
    gl.bindBuffer(gl.ARRAY_BUFFER, bound);
    const stride = 4 * layout.reduce((sum, [, size]) => sum + size, 0);
    let offset = 0;
    for (const [name, size] of layout) {
      const place = gl.getAttribLocation(which, name);
      gl.enableVertexAttribArray(place);
      enabled.push(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, stride, offset);
      offset += 4 * size;
    }
  }
  const FACES = [["at", 3], ["normal", 3], ["tall", 1]];
  const STRIPS = [["at", 3], ["other", 3], ["side", 1], ["paint", 4]];
  const uniform = (which, name) => gl.getUniformLocation(which, name);

  function paint() {
    asked = false;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width || !height) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const view = camera(eye, width / height, reach / 200, reach * 12);
    const sky = colour("sky");
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(...sky, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.disable(gl.BLEND);
    const solid = (bound, count, low, high) => {
      use(city, bound, FACES);
      gl.uniformMatrix4fv(uniform(city, "view"), false, view);
      gl.uniform1f(uniform(city, "size"), reach);
      gl.uniform3fv(uniform(city, "sky"), sky);
      gl.uniform3fv(uniform(city, "low"), low);
      gl.uniform3fv(uniform(city, "top"), high);
      gl.drawArrays(gl.TRIANGLES, 0, count);
    };
    solid(groundBuffer, 6, colour("ground"), colour("ground"));
    solid(cityBuffer, corners.length / 7, colour("solid"), colour("solid-high"));
    if (rayCount) {
      use(rays, rayBuffer, STRIPS);
      gl.uniformMatrix4fv(uniform(rays, "view"), false, view);
      gl.uniform2f(uniform(rays, "pixels"), canvas.width / 2, canvas.height / 2);
      gl.uniform1f(uniform(rays, "wide"), 1.25 * ratio);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
      gl.depthMask(false);
      for (const [hidden, strength] of [[true, 0.22], [false, 1]]) {
        gl.depthFunc(hidden ? gl.GREATER : gl.LEQUAL);
        gl.uniform1f(uniform(rays, "strength"), strength);
        gl.drawArrays(gl.TRIANGLES, 0, rayCount);
      }
      gl.depthFunc(gl.LEQUAL);
      gl.depthMask(true);
    }
    placeLabels(view, width, height);
    canvas.dataset.yaw = eye.yaw.toFixed(3);
    canvas.dataset.pitch = eye.pitch.toFixed(3);
    canvas.dataset.distance = eye.distance.toFixed(1);
  }

  function placeLabels(view, width, height) {
    const named = [...solids.sites.map((site, i) => [site.name, site.at, siteColour(i), "mast"]),
      ...solids.uavs.map((uav) => [uav.name, uav.track[Math.min(trackPlace(uav), uav.track.length - 1)], "var(--uav)", "uav"])];
    const taken = [];
    labels.replaceChildren(...named.slice(0, 24).flatMap(([name, at, paintIt, kind]) => {
      const w = view[3] * at[0] + view[7] * at[1] + view[11] * at[2] + view[15];
      if (w <= 0) return [];
      const x = (view[0] * at[0] + view[4] * at[1] + view[8] * at[2] + view[12]) / w;
      const y = (view[1] * at[0] + view[5] * at[1] + view[9] * at[2] + view[13]) / w;
      if (Math.abs(x) > 0.98 || Math.abs(y) > 0.98) return [];
      const tag = make("span", {}, name);
      // A name stands above its place, or below it, or higher, where it covers no other.
      const across = ((x + 1) / 2) * width, half = 4 * name.length + 6, there = ((1 - y) / 2) * height;
      const free = (down) => !taken.some(([l, t, h]) => Math.abs(l - across) < h + half && Math.abs(t - down) < 21);
      const down = [0, 48, -22, 70, -44].map((offset) => there + offset).find(free) ?? there;
      taken.push([across, down, half]);
      const dot = make("i", { class: kind });
      for (const [mark, top] of [[tag, down], [dot, there]]) {
        mark.style.left = `${across}px`;
        mark.style.top = `${top}px`;
      }
      tag.style.color = dot.style.background = paintIt;
      return [tag, dot];
    }));
  }

  function ask() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(paint);
  }
  function reload() {
    const values = strips([...masts(solids), ...raysOf()]);
    gl.bindBuffer(gl.ARRAY_BUFFER, rayBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    rayCount = values.length / 11;
    ask();
  }
  themed.push(reload);
  new ResizeObserver(ask).observe(canvas);
  steer(canvas, eye, start, reach, ask);
  reload();
  return reload;
}
