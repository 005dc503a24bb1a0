/** A frame as things that have a place on the map: nothing here touches the page. */

import { fits, fitSigns, placeLabels, shortened, widthOf } from "./map_labels.js";
import { layOut, roomIn, wheelGrid } from "./map_layout.js";
import { assignSlots, gridSize, MAX_WHEELS, OUTSIDE, placeServices, tierOf } from "./map_places.js";
import { keyOf, routeEdges } from "./map_routes.js";
import { duration, percent, perSecond } from "./numbers.js";

const PHASES = ["serving", "ready", "starting", "draining", "crashed"];
const SOME = 0.0005;
const SLOWER = 1.5;
/** What has room for this rate has room for any: no figure comes and goes with its digits. */
const WIDEST = "0000/s";
/** The width of a letter of a name in its full size, in em. */
const NAME = 0.61;

/** What the map remembers from frame to frame, so that nothing jumps. */
export const nothingRemembered = () => ({
  places: new Map(), slots: new Map(), grids: new Map(), edges: new Map(), ways: null, labels: new Map(), slow: [],
});

/**
 * @param {object} before what is remembered
 * @param {{width: number, height: number, em: number, saysRates: boolean}} view
 * `saysRates`: numbers say what movement would
 * @returns {{scene: object, memory: object}}
 */
export function sceneOf(before, frame, view) {
  const names = frame.services.map((service) => service.name);
  const edges = rememberEdges(before.edges, [...frame.edges, ...edgesOfFaults(frame, names)]);
  const scaled = frame.autoscaler?.service;
  const places = placeServices(before.places, names, [...edges.values()]);
  const layout = layOut(places, { ...view, scaled });
  const memory = { ...before, places, edges, slots: new Map(), grids: new Map(before.grids) };
  const services = frame.services.map((service) => serviceScene(service, { frame, layout, before, memory }));
  memory.ways = waysOf(before.ways, [...edges.values()], layout);
  const { routes } = memory.ways;
  memory.slow = slowest(frame.edges, before.slow);
  const lines = frame.edges.filter((edge) => edge.rate > 0 && routes.has(keyOf(edge)))
    .map((edge) => ({ ...edge, key: keyOf(edge), route: routes.get(keyOf(edge)) }));
  const idle = [...routes].filter(([key]) => !lines.some((edge) => edge.key === key))
    .map(([key, route]) => ({ key, route }));
  const labels = labelsOf(frame, { view, routes, layout, services, slow: memory.slow, before: before.labels });
  memory.labels = new Map(labels.map((label) => [label.key, label]));
  return { scene: { layout, services, edges: lines, idle, labels, outside: outsideOf(frame, layout) }, memory };
}

/** A fault may be on an edge that nobody uses. */
function edgesOfFaults({ faults }, names) {
  return (faults ?? []).flatMap(({ targets }) => targets)
    .map((target) => target.split("->"))
    .filter((ends) => ends.length === 2 && ends.every((name) => names.includes(name) || name === OUTSIDE))
    .map(([source, target]) => ({ source, target, rate: 0, errors: 0 }));
}

/** The routes, made anew only if something has moved. */
function waysOf(before, edges, layout) {
  const key = JSON.stringify([edges.map(keyOf), [...layout.boxes], layout.outside, layout.em]);
  return before?.key === key ? before : { key, routes: routeEdges(edges, layout) };
}

function rememberEdges(before, edges) {
  const known = new Map(before);
  for (const edge of edges) {
    if (!known.has(keyOf(edge))) known.set(keyOf(edge), { source: edge.source, target: edge.target });
  }
  return known;
}

function outsideOf({ edges }, layout) {
  const rates = edges.filter((edge) => edge.source === OUTSIDE).map((edge) => edge.rate);
  return { ...layout.outside, rate: rates.reduce((total, rate) => total + rate, 0) };
}

function serviceScene(service, { frame, layout, before, memory }) {
  const { em } = layout;
  const box = layout.boxes.get(service.name);
  const room = roomIn(box, em, { hasStore: Boolean(service.store) });
  // The fault of a store that has no room of its own is one of its service.
  const ofStore = service.store && !room.hasStore ? storeTargets(service.name, service.store.kind) : [];
  const faults = faultsAt(frame, [service.name, ...service.replicas.map((replica) => replica.name), ...ofStore]);
  return {
    id: `service:${service.name}`,
    name: service.name,
    box,
    ...titleAndSigns(service, room, em),
    wheelArea: room.wheels,
    hasNone: !service.replicas.length,
    faults: faults.length ? nameOf(faults, box.width - em, em) : "",
    ...wheelsOf(service, { frame, area: room.wheels, em, before, memory }),
    store: room.hasStore ? storeScene(service, { frame, box, em }) : null,
  };
}

/** The signs in lines of their own; without room for one, the worst at the end of the title. */
function titleAndSigns(service, { title, signs: lines }, em) {
  const all = signsOf(service);
  if (lines.length) {
    const signs = fitSigns(all, { width: title.width, lines: lines.length, em })
      .map((one) => ({ ...one, x: title.x + one.x, y: lines[one.line] }));
    // The hub of an only wheel says it already.
    const left = title.width - (NAME * service.name.length + 0.4) * em;
    const isShown = service.replicas.length !== 1 && fits(WIDEST, left, em);
    return { title, signs, total: isShown ? perSecond(service.rate) : "" };
  }
  const worst = all.find(({ sign }) => sign);
  if (!worst) return { title, signs: [], total: "" };
  const text = fits(worst.text, title.width / 2 - em, em) ? worst.text : "";
  const width = widthOf({ ...worst, text }) * em;
  const rest = title.width - width - 0.3 * em;
  return {
    title: { ...title, width: rest },
    signs: [{ ...worst, text, x: title.x + title.width - width, y: title.y }],
    total: "",
  };
}

function storeScene(service, { frame, box, em }) {
  const { store } = service;
  const faults = faultsAt(frame, storeTargets(service.name, store.kind));
  const failed = store.errors > SOME ? ` ${percent(store.errors)}` : "";
  const width = box.width - 2.2 * em;
  const rate = perSecond(store.rate);
  const usual = fits(`${store.kind} ${WIDEST}${failed}`, width, em) ? `${store.kind} ${rate}` : rate;
  const text = faults.length ? nameOf(faults, width, em) : usual;
  return { id: `store:${service.name}`, text, failed, hasFault: faults.length > 0 };
}

/** One wheel for each replica; for very many, one for each phase. */
function wheelsOf(service, { frame, area, em, before, memory }) {
  const { name, replicas } = service;
  const wheels = replicas.length > MAX_WHEELS ? groups(service) : replicas.map((replica) => ({
    id: `replica:${name}/${replica.name}`, name: replica.name, count: 1, ...measured(replica),
    hasFault: faultsAt(frame, [replica.name]).length > 0,
  }));
  const most = frame.autoscaler?.service === name ? Math.min(frame.autoscaler.max, MAX_WHEELS) : 0;
  const count = Math.max(wheels.length, Math.min(service.desired, MAX_WHEELS));
  const grid = gridSize(before.grids.get(name), { needed: count <= most ? most : tierOf(count), at: frame.at });
  const slots = slotsOf(before.slots.get(name) ?? new Map(), wheels.map((wheel) => wheel.id), grid.size);
  memory.slots.set(name, slots);
  memory.grids.set(name, grid);
  const { radius, centres } = wheelGrid(grid.size, area, em);
  const placed = wheels.map((wheel) => ({ ...wheel, radius, ...centres[slots.get(wheel.id)] }));
  const taken = new Set(slots.values());
  return { wheels: placed, free: centres.filter((_, slot) => !taken.has(slot) && slot < most), radius };
}

/** What is known of a replica that does not respond is old. */
export function measured(replica) {
  if (!isSilent(replica)) return replica;
  return { ...replica, rate: null, cpu: null, memory: null, in_flight: null, isSilent: true };
}

/** In a grid that has shrunk those that no longer fit move, and with them all. */
function slotsOf(before, ids, size) {
  const slots = assignSlots(before, ids);
  return Math.max(-1, ...slots.values()) < size ? slots : assignSlots(new Map(), ids);
}

function groups({ name, replicas }) {
  return PHASES.map((phase) => replicas.filter((replica) => replica.phase === phase))
    .filter((members) => members.length)
    .map((members) => ({
      id: `group:${name}/${members[0].phase}`,
      name: `${members.length} × ${members[0].phase}`,
      phase: members[0].phase,
      count: members.length,
      rate: mean(members.map((member) => member.rate)),
      cpu: mean(members.map((member) => member.cpu)),
      hasFault: false,
    }));
}

function mean(numbers) {
  const known = numbers.filter((number) => number !== null && number !== undefined);
  return known.length ? known.reduce((total, number) => total + number, 0) / known.length : null;
}

/** What is not as usual about a service, the worst first. */
export function signsOf(service) {
  const of = (phase) => service.replicas.filter((replica) => replica.phase === phase);
  const ready = of("ready").length + of("serving").length;
  const crashed = of("crashed");
  const silent = service.replicas.filter(isSilent).length;
  const reason = crashed.map((replica) => replica.reason).find(Boolean);
  return [
    crashed.length && { sign: "cross", tone: "bad", text: `${crashed.length} crashed` },
    reason && { sign: "", tone: "bad", text: reason },
    silent && { sign: "clock", tone: "bad", text: `${silent} no response` },
    service.errors > SOME && { sign: "diamond", tone: "bad", text: percent(service.errors) },
    service.shed > 0.05 && { sign: "shed", tone: "waiting", text: `${perSecond(service.shed)} shed` },
    ready !== service.desired && { sign: "clock", tone: "waiting", text: `${ready}/${service.desired} ready` },
    of("draining").length && { sign: "", tone: "quiet", text: `${of("draining").length} draining` },
  ].filter(Boolean);
}

/** Whether a replica that is ready, or was so, could not be asked for its figures. */
const isSilent = ({ phase, reason }) => (
  phase === "starting"
    ? (reason ?? "").startsWith("does not respond")
    : ["ready", "serving"].includes(phase) && Boolean(reason)
);

/** By what a fault may name a store. */
export const storeTargets = (service, kind) => [kind, `store of ${service}`];

export const faultsAt = (frame, targets) =>
  (frame.faults ?? []).filter((fault) => fault.targets.some((target) => targets.includes(target)));

function nameOf(faults, width, em) {
  const more = faults.length > 1 ? ` +${faults.length - 1}` : "";
  return shortened(faults[0].fault || faults[0].title, width - more.length * 0.5 * em, em) + more;
}

/** The two slowest edges; those that were keep their labels unless another is clearly slower. */
export function slowest(edges, before) {
  const score = (edge) => edge.p95 * (before.includes(keyOf(edge)) ? SLOWER : 1);
  return edges.filter((edge) => edge.rate > 0 && edge.p95 !== null && edge.p95 !== undefined)
    .sort((a, b) => score(b) - score(a)).slice(0, 2).map(keyOf);
}

/** What stands at an edge: failures, retries, breakers, faults; then the p95 of the slowest. */
export function linesOf(edge, faults, { isSlow, saysRates, em }) {
  const name = faults.length ? nameOf(faults, 7.5 * em, em) : "";
  const signs = [
    name && { sign: "bolt", tone: "bad", text: name },
    edge.errors > SOME && { sign: "diamond", tone: "bad", text: percent(edge.errors) },
    edge.open_breakers > 0 && { sign: "breaker", tone: "bad", text: `${edge.open_breakers} open` },
    edge.retries > 0.05 && { sign: "retry", tone: "waiting", text: perSecond(edge.retries) },
  ].filter(Boolean);
  if (saysRates && edge.rate > 0) signs.push({ sign: "", tone: "quiet", text: perSecond(edge.rate) });
  if (isSlow) signs.push({ sign: "", tone: "quiet", text: duration(edge.p95) });
  return signs;
}

function labelsOf(frame, { view, routes, layout, services, slow, before }) {
  const { em, width, height } = layout;
  const names = services.map((service) => service.name);
  const used = new Set(frame.edges.map(keyOf));
  const wanted = [...frame.edges, ...edgesOfFaults(frame, names).filter((edge) => !used.has(keyOf(edge)))]
    .map((edge) => ({ key: keyOf(edge), edge, faults: faultsAt(frame, [keyOf(edge)]) }))
    .map((one) => ({
      ...one,
      lines: linesOf(one.edge, one.faults, { isSlow: slow.includes(one.key), saysRates: view.saysRates, em }),
    }))
    .filter(({ lines }) => lines.length);
  const weight = ({ lines }) => lines.filter(({ sign }) => sign).length;
  wanted.sort((a, b) => weight(b) - weight(a) || (b.edge.p95 ?? 0) - (a.edge.p95 ?? 0));
  const obstacles = [...services.map(({ box, faults }) => aroundBox(box, faults, em)), aroundOutside(layout)];
  const places = placeLabels(wanted, { routes, obstacles, em, before, bounds: { x: 0, y: 0, width, height } });
  return wanted.filter(({ key }) => places.has(key))
    .map(({ key }) => ({ key, ...places.get(key) }));
}

function aroundBox(box, faults, em) {
  const above = faults ? 0.9 * em : 0;
  return { x: box.x, y: box.y - above, width: box.width, height: box.height + above };
}

function aroundOutside({ outside, em }) {
  return { x: outside.x - 1.9 * em, y: outside.y - 1.2 * em, width: 3.8 * em, height: 3.6 * em };
}
