/**
 * The one clock of the page: spokes that turn and calls that travel, drawn on one canvas. It stands
 * while nothing is asked, while nobody looks, and for who wants no movement; then the same picture
 * is drawn once for each frame.
 */

import { wheelParts } from "./map_layout.js";
import { pointAt } from "./map_routes.js";
import { spacing, travelSpeed, turnsPerSecond } from "./map_scales.js";

/**
 * Each picture a second costs a browser without a GPU about 0.4 % of a core, whatever is in it. So
 * the picture of a frame is one of them, and the next one comes this much later.
 */
const INTERVAL = 210;
const SPOKES = 8;
const TURNING = ["ready", "serving", "draining"];

export class Motion {
  #canvas;
  #context;
  #em = 16;
  #wheels = new Map();
  #edges = new Map();
  #timer = 0;
  #last = 0;
  #colors = {};
  /** Where circles pass beneath: one layer less to put together for each picture. */
  #labels = [];

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
  }

  /** Show a scene; `isStill`: without movement. */
  show(scene, { isStill }) {
    const moves = !isStill && (scene.edges.length > 0 || scene.services.some(isAsked));
    // What stands is in its place at once.
    if (!moves) this.stop();
    this.#fit(scene.layout);
    this.#takeWheels(scene.services.flatMap((service) => service.wheels));
    this.#takeEdges(scene.edges);
    this.#labels = scene.labels;
    this.#colors = colorsOf(this.#canvas);
    if (moves) this.#move();
    else this.#draw();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  #move() {
    if (!this.#timer) this.#last = performance.now();
    this.stop();
    this.#timer = setInterval(() => this.#tick(), INTERVAL);
    this.#tick();
  }

  #tick() {
    const now = performance.now();
    const seconds = Math.min(0.5, (now - this.#last) / 1000);
    this.#last = now;
    for (const wheel of this.#wheels.values()) turn(wheel, seconds);
    for (const edge of this.#edges.values()) travel(edge, seconds, this.#em);
    this.#draw();
  }

  #fit({ width, height, em }) {
    this.#em = em;
    const scale = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width === wide && this.#canvas.height === high) return;
    this.#canvas.width = wide;
    this.#canvas.height = high;
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
  }

  #takeWheels(wheels) {
    const turning = wheels.filter((wheel) => TURNING.includes(wheel.phase));
    this.#wheels = new Map(turning.map((wheel) => {
      const old = this.#wheels.get(wheel.id);
      const { x, y } = (this.#timer && old) || wheel;
      return [wheel.id, { ...wheel, x, y, angle: old?.angle ?? 0, toX: wheel.x, toY: wheel.y }];
    }));
  }

  #takeEdges(edges) {
    this.#edges = new Map(edges.map((edge) => {
      const { offset, gap, count } = this.#edges.get(edge.key) ?? { offset: 0, gap: 0, count: 0 };
      return [edge.key, { ...edge, offset, gap: (this.#timer && gap) || gapOf(edge, this.#em), count }];
    }));
  }

  #draw() {
    const context = this.#context;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.lineWidth = 0.1 * this.#em;
    context.lineCap = "round";
    context.strokeStyle = this.#colors.spokes;
    for (const wheel of this.#wheels.values()) drawSpokes(context, wheel, this.#em);
    for (const edge of this.#edges.values()) this.#drawCalls(edge);
  }

  #drawCalls(edge) {
    const context = this.#context;
    const radius = 0.2 * this.#em;
    for (const { at, failed } of callsOf(edge)) {
      const { x, y } = pointAt(edge.route, at);
      if (this.#labels.some((label) => isIn(label, x, y))) continue;
      context.fillStyle = failed ? this.#colors.failed : this.#colors.calls;
      context.beginPath();
      if (failed) diamond(context, x, y, 1.7 * radius);
      else context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
  }
}

const isIn = (box, x, y) => x > box.x - 2 && x < box.x + box.width + 2 && y > box.y - 2 && y < box.y + box.height + 2;

const isAsked = ({ wheels }) => wheels.some((wheel) => wheel.rate > 0);

function turn(wheel, seconds) {
  wheel.angle = (wheel.angle + turnsPerSecond(wheel.rate) * seconds * 2 * Math.PI) % (2 * Math.PI);
  const share = Math.min(1, 6 * seconds);
  wheel.x += (wheel.toX - wheel.x) * share;
  wheel.y += (wheel.toY - wheel.y) * share;
}

const gapOf = ({ rate }, em) => (spacing(rate) * em) / 16;

/** Move the calls of an edge on. A new rate soon changes the distances between them all. */
export function travel(edge, seconds, em) {
  edge.gap += (gapOf(edge, em) - edge.gap) * Math.min(1, 2 * seconds);
  edge.offset += (travelSpeed(edge.p95) * seconds * em) / 16;
  const entered = Math.floor(edge.offset / edge.gap);
  edge.offset -= entered * edge.gap;
  edge.count += entered;
}

/** Where the calls of an edge are, the newest first: every tenth failed if a tenth of them fails. */
export function callsOf({ offset, gap, count, errors, route }) {
  const calls = [];
  for (let at = offset, number = count; at <= route.length; at += gap, number -= 1) {
    calls.push({ at, failed: Math.floor((number + 1) * errors) > Math.floor(number * errors) });
  }
  return calls;
}

function drawSpokes(context, { x, y, radius, angle, phase }, em) {
  const [from, to] = wheelParts(radius, em).spokes;
  context.globalAlpha = phase === "draining" ? 0.4 : 1;
  context.beginPath();
  for (let spoke = 0; spoke < SPOKES; spoke += 1) {
    const direction = angle + (spoke * 2 * Math.PI) / SPOKES;
    const [cos, sin] = [Math.cos(direction), Math.sin(direction)];
    context.moveTo(x + from * cos, y + from * sin);
    context.lineTo(x + to * cos, y + to * sin);
  }
  context.stroke();
  context.globalAlpha = 1;
}

function diamond(context, x, y, size) {
  context.moveTo(x, y - size);
  context.lineTo(x + size, y);
  context.lineTo(x, y + size);
  context.lineTo(x - size, y);
}

/** Colours as the style sheet has them: registered properties are computed, `light-dark()` too. */
function colorsOf(canvas) {
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(`--map-${name}`);
  return { spokes: color("spokes"), calls: color("calls"), failed: color("failed") };
}
