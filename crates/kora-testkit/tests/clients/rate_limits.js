// rate-limiter-flexible against a server: of many calls at once, exactly as many pass as there are points.
//
// usage: node rate_limits.js PORT [COUNT], with rate-limiter-flexible and ioredis where node finds them
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");
const { BurstyRateLimiter, RateLimiterQueue, RateLimiterRedis, RateLimiterUnion } = require("rate-limiter-flexible");

const CLIENTS = 5;
const SECONDS_MAX = 120;

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a call of a limiter came to: its result, whether it passed or not. Errors are errors. */
async function outcome(call) {
  try {
    return { passed: true, result: await call };
  } catch (result) {
    if (result instanceof Error) throw result;
    return { passed: false, result };
  }
}

/** The same limiter on several connections. */
function limiters(clients, options) {
  return clients.map((storeClient) => new RateLimiterRedis({ storeClient, ...options }));
}

async function points(clients, count) {
  const allowed = Math.floor(count / 2);
  const many = limiters(clients, { keyPrefix: "points", points: allowed, duration: 600 });
  const outcomes = await Promise.all(range(count).map((index) => outcome(many[index % CLIENTS].consume("user"))));
  assert.equal(outcomes.filter(({ passed }) => passed).length, allowed);
  const consumed = outcomes.map(({ result }) => result.consumedPoints).sort((a, b) => a - b);
  assert.deepEqual(consumed, range(count).map((index) => index + 1), "each call saw a count of its own");
  assert.ok(outcomes.every(({ result }) => result.msBeforeNext > 0 && result.msBeforeNext <= 600_000));
  const state = await many[0].get("user");
  assert.deepEqual([state.consumedPoints, state.remainingPoints], [count, 0]);
  return outcomes.length;
}

async function adjustments([client]) {
  const [limiter] = limiters([client], { keyPrefix: "adjust", points: 10, duration: 600 });
  assert.equal(await limiter.get("user"), null);
  assert.equal((await limiter.consume("user", 4)).remainingPoints, 6);
  assert.equal((await limiter.penalty("user", 3)).consumedPoints, 7);
  assert.equal((await limiter.reward("user", 5)).consumedPoints, 2);
  assert.equal((await limiter.set("user", 9, 50)).consumedPoints, 9);
  const ttl = await client.ttl("adjust:user");
  assert.ok(ttl > 45 && ttl <= 50, `${ttl}`);
  assert.equal((await limiter.consume("user")).remainingPoints, 0);
  assert.equal((await outcome(limiter.consume("user"))).passed, false);
  await limiter.block("user", 100);
  const blocked = await outcome(limiter.consume("user"));
  assert.ok(!blocked.passed && blocked.result.msBeforeNext > 95_000);
  assert.equal(await limiter.delete("user"), true);
  assert.equal(await limiter.delete("user"), false);
  assert.equal((await limiter.consume("user")).consumedPoints, 1);
  await client.set("adjust:text", "text");
  await assert.rejects(limiter.consume("text"), /value is not an integer or out of range/);
}

/** Over two and more windows of a second, no more than each window's points pass. */
async function windows(clients, count) {
  const many = limiters(clients, { keyPrefix: "windows", points: 20, duration: 1 });
  const start = Date.now();
  let passed = 0;
  let calls = 0;
  while (calls < count || Date.now() - start < 2500) {
    const outcomes = await Promise.all(many.map((limiter) => outcome(limiter.consume("user"))));
    passed += outcomes.filter((one) => one.passed).length;
    calls += CLIENTS;
    await pause(10);
  }
  const begun = Math.floor((Date.now() - start) / 1000) + 1;
  assert.ok(passed <= 20 * begun && passed >= 20 * 2, `${passed} passed in ${begun} windows`);
}

async function blocks(clients) {
  const many = limiters(clients, { keyPrefix: "blocks", points: 3, duration: 1, blockDuration: 600 });
  for (const _ of range(3)) await many[0].consume("user");
  assert.equal((await outcome(many[1].consume("user"))).passed, false);
  await pause(1100);
  const outcomes = await Promise.all(many.map((limiter) => outcome(limiter.consume("user"))));
  const isBlocked = ({ passed, result }) => !passed && result.msBeforeNext > 590_000;
  assert.ok(outcomes.every(isBlocked), "blocked beyond its window");
}

async function endless([client]) {
  const [limiter] = limiters([client], { keyPrefix: "endless", points: 2, duration: 0 });
  const outcomes = await Promise.all(range(5).map(() => outcome(limiter.consume("user"))));
  assert.equal(outcomes.filter(({ passed }) => passed).length, 2);
  assert.equal(await client.ttl("endless:user"), -1);
}

async function composed(clients, count) {
  const [narrow] = limiters(clients, { keyPrefix: "narrow", points: 5, duration: 600 });
  const [wide] = limiters(clients, { keyPrefix: "wide", points: 8, duration: 600 });
  const union = new RateLimiterUnion(narrow, wide);
  const together = await Promise.all(range(10).map(() => outcome(union.consume("user"))));
  assert.equal(together.filter(({ passed }) => passed).length, 5);
  const [steady] = limiters(clients, { keyPrefix: "steady", points: 5, duration: 600 });
  const [burst] = limiters(clients, { keyPrefix: "burst", points: 4, duration: 600 });
  const bursty = new BurstyRateLimiter(steady, burst);
  const bursts = await Promise.all(range(20).map(() => outcome(bursty.consume("user"))));
  assert.equal(bursts.filter(({ passed }) => passed).length, 9);
  const [paced] = limiters(clients, { keyPrefix: "paced", points: Math.ceil(count / 4), duration: 1 });
  const queue = new RateLimiterQueue(paced, { maxQueueSize: count });
  const start = Date.now();
  await Promise.all(range(count).map(() => queue.removeTokens(1, "user")));
  assert.ok(Date.now() - start >= 2900, "the last quarter is for the fourth window");
}

async function main() {
  const port = Number(process.argv[2]);
  const count = Number(process.argv[3] ?? 1000);
  const clients = range(CLIENTS).map(() => new Redis(port));
  await clients[0].flushall();
  await points(clients, count);
  await adjustments(clients);
  await windows(clients, count);
  await blocks(clients);
  await endless(clients);
  await composed(clients, Math.ceil(count / 10));
  await Promise.all(clients.map((client) => client.quit()));
  const { version } = require("rate-limiter-flexible/package.json");
  console.log(`rate-limiter-flexible ${version}: ${count} calls at once, exactly those allowed passed`);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

setTimeout(() => fail(new Error(`not done after ${SECONDS_MAX} s`)), SECONDS_MAX * 1000).unref();
main().catch(fail);
