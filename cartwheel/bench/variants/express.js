// The cart add with Express 5, zod and ioredis on Node.
//
// One process and one connection to the store, whose commands of one tick leave together
// (auto-pipelining). Verified tokens are kept.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import express from "express";
import { Redis } from "ioredis";
import { createLocalJWKSet, jwtVerify } from "jose";
import client from "prom-client";
import { z } from "zod";

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

const Line = z.strictObject({
  sku: z.string().regex(/^[A-Z0-9][A-Z0-9-]{1,31}$/),
  quantity: z.number().int().min(1).max(99),
});

const verified = new Map();

async function authenticate(request, response, next) {
  const token = (request.headers.authorization ?? "").slice("Bearer ".length);
  let known = verified.get(token);
  if (!known) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer: "cartwheel" });
      known = { subject: payload.sub, until: payload.exp * 1000 };
      verified.set(token, known);
    } catch {
      return response.status(401).json({ error: "invalid token" });
    }
  }
  if (Date.now() >= known.until) {
    return response.status(401).json({ error: "invalid token" });
  }
  request.subject = known.subject;
  next();
}

function observe(request, response, next) {
  const started = performance.now();
  response.setHeader("x-request-id", request.headers["x-request-id"] ?? randomUUID());
  response.on("finish", () => {
    const route = request.route?.path ?? "unmatched";
    requests.inc({ method: request.method, route, status: response.statusCode });
    duration.observe(
      { method: request.method, route, status: response.statusCode },
      (performance.now() - started) / 1000,
    );
  });
  next();
}

function toCart(fields) {
  const cart = { version: 0, lines: [], updated_at: null };
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "version") cart.version = Number(fields[i + 1]);
    else if (fields[i] === "updated_at") cart.updated_at = new Date(Number(fields[i + 1]));
    else cart.lines.push({ sku: fields[i], quantity: Number(fields[i + 1]) });
  }
  cart.lines.sort((a, b) => (a.sku < b.sku ? -1 : 1));
  return cart;
}

const app = express();
app.disable("x-powered-by");
app.set("etag", false);
app.use(observe);
app.use(express.json());
app.post("/v1/cart/items", authenticate, async (request, response) => {
  const line = Line.safeParse(request.body);
  if (!line.success) return response.status(422).json({ error: "invalid line" });
  const { sku, quantity } = line.data;
  if (!products.has(sku)) return response.status(404).json({ error: "no such product" });
  const fields = await redis.addToCart(`cart:${request.subject}`, CART_TTL, sku, quantity);
  if (!fields) return response.status(409).json({ error: "the cart cannot hold that much" });
  response.json(toCart(fields));
});
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ error: error.message });
});

app.listen({ fd: Number(process.env.BENCH_FD) });
