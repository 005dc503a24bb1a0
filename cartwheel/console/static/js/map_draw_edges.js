/** Draws the edges, the labels on them, and from where requests come. */

import { setAttribute, setText, svg } from "./dom.js";
import { ifChanged, Keyed } from "./map_keyed.js";
import { pointAt } from "./map_routes.js";
import { edgeWidth } from "./map_scales.js";
import { perSecond } from "./numbers.js";
import { signedText } from "./map_signs.js";

const MANY = 0.05;

export class Edges {
  #idle;
  #edges;
  #labels;
  #outside;

  /** Edges are beneath the services, labels above. */
  constructor({ below, above }) {
    const [idle, edges] = [svg("g"), svg("g")];
    this.#outside = svg("g", { class: "map-outside", "data-id": "outside", role: "img", tabindex: "-1", "aria-label": "Outside" });
    below.append(idle, edges, this.#outside);
    this.#idle = new Keyed(idle);
    this.#edges = new Keyed(edges);
    this.#labels = new Keyed(above);
  }

  draw({ edges, idle, labels, outside, layout }) {
    const { em } = layout;
    this.#idle.sync(idle.map((edge) => [edge.key, edge]), {
      make: () => svg("path", { class: "map-idle" }),
      update: (element, { key, route }) => {
        setAttribute(element, "data-idle", `edge:${key}`);
        setAttribute(element, "d", route.d);
      },
    });
    this.#edges.sync(edges.map((edge) => [edge.key, edge]), {
      make: () => svg("g", { class: "map-edge", role: "img", tabindex: "-1" },
        ["map-hit", "map-way", "map-tip"].map((name) => svg("path", { class: name }))),
      update: (element, edge) => drawEdge(element, edge, em),
    });
    this.#labels.sync(labels.map((label) => [label.key, label]), {
      make: () => svg("g", { class: "map-label" }),
      update: (element, label) => drawLabel(element, label, em),
    });
    drawOutside(this.#outside, outside, layout);
  }
}

function drawEdge(element, { key, source, target, rate, errors, route }, em) {
  setAttribute(element, "data-id", `edge:${key}`);
  setAttribute(element, "aria-label", `Calls from ${source} to ${target}`);
  setAttribute(element, "class", `map-edge${errors > MANY ? " is-failing" : ""}`);
  const [hit, way, tip] = element.children;
  setAttribute(hit, "d", route.d);
  setAttribute(way, "d", route.d);
  const width = (edgeWidth(rate) * em) / 16;
  setAttribute(way, "stroke-width", width.toFixed(2));
  setAttribute(tip, "d", arrow(route, em, width));
}

function arrow(route, em, width) {
  const { x, y } = route.points.at(-1);
  const { angle } = pointAt(route, route.length - 0.3 * em);
  const size = 0.32 * em + 0.5 * width;
  const corner = (turn) => `${(x - size * 1.3 * Math.cos(angle) + turn * size * Math.sin(angle)).toFixed(1)} ` +
    `${(y - size * 1.3 * Math.sin(angle) - turn * size * Math.cos(angle)).toFixed(1)}`;
  return `M${x.toFixed(1)} ${y.toFixed(1)}L${corner(0.7)}L${corner(-0.7)}Z`;
}

function drawLabel(element, { x, y, width, height, parts }, em) {
  ifChanged(element, [x, y, parts, em], () => element.replaceChildren(
    svg("rect", { x, y, width, height, rx: 0.35 * em }),
    ...parts.map((part) => signedText(part, { em, x: x + part.x, y: y + part.y })),
  ));
}

function drawOutside(element, { x, y, rate }, { em, isVertical }) {
  if (!element.children.length) {
    element.append(svg("circle", {}), svg("circle", { class: "map-hit" }), svg("text", {}, "Outside"),
      svg("text", { class: "map-rate" }));
  }
  const [dot, hit, label, figure] = element.children;
  for (const [circle, radius] of [[dot, 0.5 * em], [hit, 1.2 * em]]) {
    setAttribute(circle, "cx", x);
    setAttribute(circle, "cy", y);
    setAttribute(circle, "r", radius);
  }
  const [aside, above, below] = isVertical ? [em, -0.2, 0.9] : [0, -0.9, 1.5];
  for (const [one, shift] of [[label, above], [figure, below]]) {
    setAttribute(one, "x", x + aside);
    setAttribute(one, "y", y + shift * em);
    setAttribute(one, "text-anchor", isVertical ? "start" : "middle");
  }
  setText(figure, perSecond(rate));
}
