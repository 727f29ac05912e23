// What all figures share: the page's data, elements, colours of the theme, redrawing, pickers.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const SVG = document.querySelector("svg") ? document.querySelector("svg").namespaceURI : null;

function make(name, attributes = {}, ...parts) {
  const node = document.createElement(name);
  return fill(node, attributes, parts);
}

function draw(name, attributes = {}, ...parts) {
  return fill(document.createElementNS(SVG, name), attributes, parts);
}

function fill(node, attributes, parts) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...parts); // text stays text
  return node;
}

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// Arrays are little-endian, as is every machine that has a browser.
function arrayOf(packed) {
  if ("u8" in packed) return bytesOf(packed.u8);
  if ("i16" in packed) return new Int16Array(bytesOf(packed.i16).buffer);
  if ("u16" in packed) return new Uint16Array(bytesOf(packed.u16).buffer);
  return new Uint32Array(bytesOf(packed.u32).buffer);
}

const MISSING = 255, STEPS = 254;
const levelOf = (packed, step) =>
  step === MISSING ? NaN : packed.low + (step / STEPS) * (packed.high - packed.low);

// A custom property is resolved where it is used: the colour that it has in this theme.
const probe = make("span", { hidden: "" });
document.body.append(probe);
function colour(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map((part) => Number(part) / 255);
}

const SITE_COLOURS = 6;
const siteColour = (site) => `var(--c${site % SITE_COLOURS})`;
const number = (value, digits = 1) =>
  value === null || Number.isNaN(value)
    ? "–"
    : (value || 0).toLocaleString("en", { maximumFractionDigits: digits }).replace("-", "\u2212");

// State that several figures share, and who draws from which part of it.
const state = { receiver: 0, every: true, waypoint: 0, level: 0, single: 0 };
const listeners = [];
function hear(keys, update) {
  listeners.push({ keys, update });
}
function change(changes) {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  Object.assign(state, changes);
  for (const picker of document.querySelectorAll("[data-state]")) {
    const value = state[picker.dataset.state];
    if (picker.type === "checkbox") picker.checked = value;
    else picker.value = String(value);
  }
  for (const { keys, update } of listeners) if (keys.some((key) => changed.includes(key))) update();
}

function offer(id, key, names) {
  const picker = byId(id);
  if (!picker) return;
  picker.dataset.state = key;
  picker.replaceChildren(...names.map((name, index) => make("option", { value: index }, name)));
  picker.addEventListener("change", () => change({ [key]: Number(picker.value) }));
  picker.value = String(state[key]);
}

// Figures are redrawn where their width changes.
const figures = [];
function figure(id, paint, keys) {
  const box = byId(id);
  if (!box) return;
  const entry = { box, width: 0, paint: () => box.clientWidth > 0 && paint(box, box.clientWidth) };
  figures.push(entry);
  hear(keys, entry.paint);
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - entry.width) < 1) return;
    entry.width = box.clientWidth;
    entry.paint();
  }).observe(box);
}

// Light and dark: as the system has it until somebody chooses.
const themed = [];
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
function showTheme() {
  const button = byId("theme");
  button.hidden = false;
  button.textContent = isDark() ? "Light theme" : "Dark theme";
  for (const paint of themed) paint();
}
byId("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
systemDark.addEventListener("change", showTheme);
