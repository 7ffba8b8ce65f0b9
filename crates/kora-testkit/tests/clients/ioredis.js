// ioredis against a server: connects by its defaults, ready check included, then runs its basic calls.
//
// usage: node ioredis.js PORT, with ioredis where node finds it; encrypted if KORA_CLIENTS_CA names the certificate of an authority
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const Redis = require("ioredis");

const authority = process.env.KORA_CLIENTS_CA;
const way = authority ? { tls: { ca: fs.readFileSync(authority) } } : {};

async function strings(client) {
  assert.equal(await client.set("key", "value"), "OK");
  assert.equal(await client.get("key"), "value");
  assert.equal(await client.get("missing"), null);
  assert.equal(await client.set("key", "other", "NX"), null);
  assert.equal(await client.set("key", "other", "PX", 100000, "GET"), "value");
  assert.equal(await client.incrby("counter", 5), 5);
  assert.equal(await client.incrbyfloat("float", 0.5), "0.5");
  assert.deepEqual(await client.mset({ a: 1, b: 2 }), "OK");
  assert.deepEqual(await client.mget("a", "b", "missing"), ["1", "2", null]);
  assert.deepEqual(await client.getBuffer("a"), Buffer.from("1"));
  await assert.rejects(client.incr("key"), /value is not an integer or out of range/);
}

async function keys(client) {
  const ttl = await client.pttl("key");
  assert.ok(ttl > 90000 && ttl <= 100000);
  assert.equal(await client.exists("key", "missing"), 1);
  assert.equal(await client.rename("key", "renamed"), "OK");
  assert.equal(await client.type("renamed"), "string");
  assert.equal(await client.unlink("renamed", "a", "b"), 3);
  assert.equal(await client.object("ENCODING", "counter"), "int");
}

async function pipelines(client) {
  const pipeline = client.pipeline();
  for (let index = 0; index < 10000; index++) pipeline.set(`key:${index}`, index);
  const replies = await pipeline.get("key:9999").exec();
  assert.equal(replies.length, 10001);
  assert.ok(replies.every(([error]) => error === null));
  assert.equal(replies[10000][1], "9999");
}

async function scans(client) {
  const found = new Set();
  for await (const names of client.scanStream({ match: "key:*", count: 100 })) {
    for (const name of names) found.add(name);
  }
  assert.equal(found.size, 10000);
}

async function main() {
  const client = new Redis(Number(process.argv[2]), way);
  await new Promise((resolve, reject) => client.once("ready", resolve).once("error", reject));
  assert.match(await client.info(), /redis_version:\d/);
  await client.flushall();
  await strings(client);
  await keys(client);
  await pipelines(client);
  await scans(client);
  const named = new Redis(Number(process.argv[2]), { connectionName: "tester", enableAutoPipelining: true, ...way });
  await Promise.all(Array.from({ length: 100 }, (_, index) => named.set(`auto:${index}`, index)));
  assert.match(await named.client("LIST"), /name=tester /);
  assert.equal(await named.quit(), "OK");
  await client.quit();
  console.log(`ioredis ${require("ioredis/package.json").version}: all calls as expected`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
