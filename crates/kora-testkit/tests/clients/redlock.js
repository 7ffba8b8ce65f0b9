// Redlock against a server: locks of several resources, and a majority of three databases that stand for three servers.
//
// usage: node redlock.js PORT [COUNT], with redlock and ioredis where node finds them
//
// The proof is a counter that is read, added to after others had their turn, and written back: two holders at a time
// would lose one.
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");
const Redlock = require("redlock");

const CONTENDERS = 8;
const DATABASES = 3;
const SECONDS_MAX = 180;
const OPTIONS = { retryCount: 10_000, retryDelay: 3, retryJitter: 5 };

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A number that takes two steps to add to. */
class Counter {
  value = 0;

  async add() {
    const { value } = this;
    await new Promise((resolve) => setImmediate(resolve));
    this.value = value + 1;
  }
}

/** Connections to the databases that stand for servers. */
function connect(port) {
  return range(DATABASES).map((db) => new Redis({ port, db }));
}

async function contend(clients, counter, resource, rounds) {
  const redlock = new Redlock(clients, OPTIONS);
  for (const _ of range(rounds)) {
    const lock = await redlock.lock(resource, 30_000);
    await counter.add();
    await lock.unlock();
  }
}

async function exclusion(crowd, count) {
  const counter = new Counter();
  const rounds = Math.ceil(count / CONTENDERS);
  await Promise.all(crowd.map((clients) => contend(clients, counter, "guard", rounds)));
  assert.equal(counter.value, rounds * CONTENDERS);
  for (const client of crowd[0]) assert.equal(await client.dbsize(), 0, "who is done leaves nothing");
}

/** Each holds two of three resources, so all exclude each other by some resource. */
async function several(crowd, count) {
  const counter = new Counter();
  const pairs = [["a", "b"], ["b", "c"], ["c", "a"]];
  const rounds = Math.ceil(count / CONTENDERS);
  await Promise.all(crowd.map((clients, index) => contend(clients.slice(0, 1), counter, pairs[index % 3], rounds)));
  assert.equal(counter.value, rounds * CONTENDERS);
}

async function ownership(clients) {
  const once = new Redlock(clients, { retryCount: 0 });
  const lock = await once.lock("owned", 10_000);
  await assert.rejects(once.lock("owned", 10_000), /LockError|attempts to lock/);
  const longer = await lock.extend(60_000);
  for (const client of clients) {
    const ttl = await client.pttl("owned");
    assert.ok(ttl > 50_000 && ttl <= 60_000, `${ttl}`);
  }
  await longer.unlock();
  await assert.rejects(longer.unlock(), /Unable to fully release|already expired/);
  const short = await once.lock("owned", 200);
  await pause(300);
  const next = await once.lock("owned", 10_000);
  await assert.rejects(short.extend(1000));
  assert.equal(await clients[0].get("owned"), next.value, "who is late can't take it back");
  await next.unlock();
}

/** One of three servers that disagrees does not matter, two do. */
async function majority(clients) {
  const once = new Redlock(clients, { retryCount: 0 });
  await clients[0].set("split", "another's");
  const lock = await once.lock("split", 10_000);
  assert.equal(await clients[1].get("split"), lock.value);
  await clients[1].del("split");
  await clients[1].set("split", "another's");
  await assert.rejects(lock.extend(10_000));
  await clients[2].del("split");
  await assert.rejects(once.lock("split", 10_000));
  assert.equal(await clients[2].get("split"), null, "a lock that failed is given back where it was got");
  assert.equal(await clients[0].get("split"), "another's");
  await Promise.all(clients.map((client) => client.del("split")));
}

async function main() {
  const port = Number(process.argv[2]);
  const count = Number(process.argv[3] ?? 1000);
  const crowd = range(CONTENDERS).map(() => connect(port));
  await crowd[0][0].flushall();
  const start = Date.now();
  await exclusion(crowd, count);
  await several(crowd, count);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  await crowd[0][0].script("FLUSH");
  await ownership(crowd[0]);
  await majority(crowd[0]);
  await Promise.all(crowd.flat().map((client) => client.quit()));
  const { version } = require("redlock/package.json");
  console.log(`redlock ${version}: ${2 * count} times held in ${seconds} s, never by two`);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

setTimeout(() => fail(new Error(`not done after ${SECONDS_MAX} s`)), SECONDS_MAX * 1000).unref();
main().catch(fail);
