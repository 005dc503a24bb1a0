/** All figures of one thing on the map, in words and with units. */

import { OUTSIDE } from "./map_places.js";
import { keyOf } from "./map_routes.js";
import { faultsAt, measured, storeTargets } from "./map_scene.js";
import { cores, duration, memory, percent, perSecond } from "./numbers.js";

const WORDS = {
  starting: "Starting",
  ready: "Ready, not asked lately",
  serving: "Serving",
  draining: "Draining: finishes its requests",
  crashed: "Crashed",
};

/**
 * @param {string} id as the elements of the map have it
 * @returns {{title: string, rows: [string, string][], faults: string[]}|null} null: it is gone
 */
export function factsOf(frame, id) {
  const [kind, rest] = id === OUTSIDE ? [OUTSIDE, ""] : [id.slice(0, id.indexOf(":")), id.slice(id.indexOf(":") + 1)];
  return { [OUTSIDE]: outside, service, replica, group, store, edge }[kind](frame, rest);
}

function outside({ edges }) {
  const rows = edges.filter((one) => one.source === OUTSIDE)
    .map((one) => [`To ${one.target}`, perSecond(one.rate)]);
  return { title: "Outside: where requests come from", rows, faults: [] };
}

function service(frame, name) {
  const found = frame.services.find((one) => one.name === name);
  if (!found) return null;
  const count = (...phases) => found.replicas.filter((one) => phases.includes(one.phase)).length;
  return {
    title: name,
    rows: [
      ["Replicas", `${found.desired} desired, ${count("ready", "serving")} ready, ${count("serving")} serving`],
      ...unusual(count),
      ["Requests", perSecond(found.rate)],
      ["Failed", percent(found.errors)],
      ["Shed", perSecond(found.shed)],
      ["p95", duration(found.p95)],
    ],
    faults: titles(faultsAt(frame, [name])),
  };
}

const unusual = (count) => ["starting", "draining", "crashed"].filter((phase) => count(phase))
  .map((phase) => [WORDS[phase].split(":")[0], String(count(phase))]);

function replica(frame, id) {
  const [name, ...rest] = id.split("/");
  const found = frame.services.find((one) => one.name === name)?.replicas.find((one) => one.name === rest.join("/"));
  if (!found) return null;
  const { rate, cpu, memory: bytes, in_flight: inFlight } = measured(found);
  return {
    title: found.name,
    rows: [
      ["State", WORDS[found.phase] + (found.reason ? ` (${found.reason})` : "")],
      ["Requests", perSecond(rate)],
      ["CPU", cores(cpu)],
      ["Memory", memory(bytes)],
      ["In flight", String(inFlight ?? "–")],
      ["Restarts", String(found.restarts)],
    ],
    faults: titles(faultsAt(frame, [found.name])),
  };
}

function group(frame, id) {
  const [name, phase] = id.split("/");
  const members = frame.services.find((one) => one.name === name)?.replicas.filter((one) => one.phase === phase) ?? [];
  if (!members.length) return null;
  const total = (figure) => members.reduce((sum, one) => sum + (one[figure] ?? 0), 0);
  return {
    title: `${members.length} replicas of ${name}`,
    rows: [
      ["State", WORDS[phase]],
      ["Requests, all", perSecond(total("rate"))],
      ["CPU, all", cores(total("cpu"))],
      ["Memory, all", memory(total("memory"))],
      ["In flight, all", String(total("in_flight"))],
      ["Restarts, all", String(total("restarts"))],
    ],
    faults: [],
  };
}

function store(frame, name) {
  const found = frame.services.find((one) => one.name === name)?.store;
  if (!found) return null;
  return {
    title: `Store of ${name}: ${found.kind}`,
    rows: [["Operations", perSecond(found.rate)], ["Failed", percent(found.errors)], ["p95", duration(found.p95)]],
    faults: titles(faultsAt(frame, storeTargets(name, found.kind))),
  };
}

function edge(frame, key) {
  const found = frame.edges.find((one) => keyOf(one) === key);
  if (!found) return null;
  return {
    title: `${found.source} → ${found.target}`,
    rows: [
      [found.source === OUTSIDE ? "Requests" : "Calls", perSecond(found.rate)],
      ["Failed", percent(found.errors)],
      ["p95", duration(found.p95)],
      ["Retries", perSecond(found.retries)],
      ["Open circuit breakers", found.open_breakers ? `${found.open_breakers} of the caller's replicas` : "none"],
    ],
    faults: titles(faultsAt(frame, [key])),
  };
}

const titles = (faults) => faults.map((one) => one.title || one.fault);
