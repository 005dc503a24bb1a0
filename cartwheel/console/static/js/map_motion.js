/**
 * The one clock of the page: spokes that turn and calls that travel, drawn on one canvas. It stands
 * while nothing is asked, while nobody looks, and for who wants no movement; then the same picture
 * is drawn once for each frame.
 */

import { wheelParts } from "./map_layout.js";
import { pointAt } from "./map_routes.js";
import { spacing, travelSpeed, turnsPerSecond } from "./map_scales.js";

/** Each picture costs a browser without a GPU about 0.4 % of a core: eight a second read well. */
const INTERVAL = 125;
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
  #isStill = true;
  #colors = {};
  /** Where circles pass beneath: one layer less to put together for each picture. */
  #labels = [];

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
  }

  get isMoving() {
    return this.#timer !== 0;
  }

  /** Show a scene; `isStill`: without movement. */
  show(scene, { isStill }) {
    const isFirst = !this.#edges.size;
    this.#fit(scene.layout);
    this.#takeWheels(scene.services.flatMap((service) => service.wheels));
    this.#takeEdges(scene.edges, isFirst || isStill || this.#isStill);
    this.#labels = scene.labels;
    this.#colors = colorsOf(this.#canvas);
    this.#isStill = isStill;
    const moves = !isStill && (this.#edges.size > 0 || scene.services.some(isAsked));
    if (moves && !this.#timer) this.#start();
    if (!moves) this.stop();
    if (!this.#timer) this.#draw();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  #start() {
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#tick(), INTERVAL);
    this.#draw();
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
    this.#edges.clear();
  }

  #takeWheels(wheels) {
    const turning = wheels.filter((wheel) => TURNING.includes(wheel.phase));
    this.#wheels = new Map(turning.map((wheel) => {
      const { x, y, angle } = this.#wheels.get(wheel.id) ?? { x: wheel.x, y: wheel.y, angle: 0 };
      return [wheel.id, { ...wheel, x, y, angle, toX: wheel.x, toY: wheel.y }];
    }));
    if (!this.#timer) for (const wheel of this.#wheels.values()) turn(wheel, 1);
  }

  #takeEdges(edges, isFilled) {
    this.#edges = new Map(edges.map((edge) => {
      const { calls, owed } = this.#edges.get(edge.key) ?? { calls: null, owed: 0 };
      const filled = { ...edge, owed, calls: calls ?? [] };
      if (isFilled || !calls) filled.calls = isFilled ? evenly(filled, this.#em) : [];
      return [edge.key, filled];
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

  #drawCalls({ calls, route }) {
    const context = this.#context;
    const radius = 0.2 * this.#em;
    for (const { at, failed } of calls) {
      const { x, y } = pointAt(route, at);
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

/** Move the calls of an edge on, and let new ones enter behind them. */
export function travel(edge, seconds, em) {
  const step = travelSpeed(edge.p95) * seconds * (em / 16);
  for (const call of edge.calls) call.at += step;
  edge.calls = edge.calls.filter((call) => call.at <= edge.route.length);
  const gap = (spacing(edge.rate) * em) / 16;
  const last = edge.calls.at(-1)?.at ?? gap;
  for (let at = Math.min(last - gap, step); at >= 0; at -= gap) edge.calls.push(nextCall(edge, at));
}

/** Calls at equal distances: the first picture, and the only one without movement. */
export function evenly(edge, em) {
  const gap = (spacing(edge.rate) * em) / 16;
  const calls = [];
  for (let at = edge.route.length - gap / 2; at >= 0; at -= gap) calls.push(nextCall(edge, at));
  return calls;
}

/** Every tenth call fails if the share of failures is a tenth. */
function nextCall(edge, at) {
  edge.owed += edge.errors;
  const failed = edge.owed >= 0.999;
  if (failed) edge.owed -= 1;
  return { at, failed };
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
