// The cart add with Fastify 5 and ioredis on Node; its JSON schemas validate and serialise.
//
// One process and one connection to the store, whose commands of one tick leave together
// (auto-pipelining). Verified tokens are kept.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import fastify from "fastify";
import { Redis } from "ioredis";
import { createLocalJWKSet, jwtVerify } from "jose";
import client from "prom-client";

const CART_TTL = 30 * 24 * 60 * 60 * 1000;
const products = new Set(process.env.BENCH_PRODUCTS.split(","));
const keys = createLocalJWKSet(JSON.parse(process.env.BENCH_JWKS));
const redis = new Redis(process.env.BENCH_VALKEY_URL, { enableAutoPipelining: true });
redis.defineCommand("addToCart", {
  numberOfKeys: 1,
  lua: readFileSync(new URL("cart_add.lua", import.meta.url), "utf8"),
});

const labelNames = ["method", "route", "status"];
const requests = new client.Counter({ name: "http_requests_total", help: "Requests.", labelNames });
const duration = new client.Histogram({
  name: "http_request_duration_seconds",
  help: "Duration.",
  labelNames,
});

const line = {
  type: "object",
  required: ["sku", "quantity"],
  additionalProperties: false,
  properties: {
    sku: { type: "string", pattern: "^[A-Z0-9][A-Z0-9-]{1,31}$" },
    quantity: { type: "integer", minimum: 1, maximum: 99 },
  },
};
const cart = {
  type: "object",
  properties: {
    version: { type: "integer" },
    lines: {
      type: "array",
      items: {
        type: "object",
        properties: { sku: { type: "string" }, quantity: { type: "integer" } },
      },
    },
    updated_at: { type: "string" },
  },
};

const verified = new Map();

async function authenticate(request, reply) {
  const token = (request.headers.authorization ?? "").slice("Bearer ".length);
  let known = verified.get(token);
  if (!known) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: "cartwheel" });
      known = { subject: payload.sub, until: payload.exp * 1000 };
      verified.set(token, known);
    } catch {
      return reply.code(401).send({ error: "invalid token" });
    }
  }
  if (Date.now() >= known.until) return reply.code(401).send({ error: "invalid token" });
  request.subject = known.subject;
}

function toCart(fields) {
  const cart = { version: 0, lines: [], updated_at: null };
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "version") cart.version = Number(fields[i + 1]);
    else if (fields[i] === "updated_at") {
      cart.updated_at = new Date(Number(fields[i + 1])).toISOString();
    } else cart.lines.push({ sku: fields[i], quantity: Number(fields[i + 1]) });
  }
  cart.lines.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  return cart;
}

const app = fastify({
  requestIdHeader: "x-request-id",
  genReqId: () => randomUUID(),
  // As strict as the other variants: "1" is no integer, and an unknown member is an error.
  ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
});

app.addHook("onSend", async (request, reply) => {
  reply.header("x-request-id", request.id);
});
app.addHook("onResponse", async (request, reply) => {
  const labels = {
    method: request.method,
    route: request.routeOptions.url ?? "unmatched",
    status: reply.statusCode,
  };
  requests.inc(labels);
  duration.observe(labels, reply.elapsedTime / 1000);
});
app.setErrorHandler((error, _request, reply) => {
  const status = error.validation ? 422 : (error.statusCode ?? 500);
  reply.code(status).send({ error: error.message });
});

app.post(
  "/v1/cart/items",
  { onRequest: authenticate, schema: { body: line, response: { 200: cart } } },
  async (request, reply) => {
    const { sku, quantity } = request.body;
    if (!products.has(sku)) return reply.code(404).send({ error: "no such product" });
    const fields = await redis.addToCart(`cart:${request.subject}`, CART_TTL, sku, quantity);
    if (!fields) return reply.code(409).send({ error: "the cart cannot hold that much" });
    return toCart(fields);
  },
);

await app.ready();
app.server.listen({ fd: Number(process.env.BENCH_FD) });
