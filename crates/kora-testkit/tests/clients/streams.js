// A stream with ioredis: producers, a group whose consumers fail, claims, and trimming of what everyone is done with.
//
// usage: node streams.js PORT [ENTRIES], with ioredis where node finds it
//
// Every entry must be done by someone. A consumer that fails leaves its entries pending; the others claim them.
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");

const PRODUCERS = 4;
const CONSUMERS = 4;
const BATCH = 50;

async function produce(port, first, end) {
  const client = new Redis(port);
  for (let start = first; start < end; start += BATCH) {
    const pipeline = client.pipeline();
    for (let job = start; job < Math.min(start + BATCH, end); job++) pipeline.xadd("jobs", "*", "job", job);
    for (const [error] of await pipeline.exec()) assert.equal(error, null);
  }
  await client.quit();
}

// Reads new entries, and now and then forgets to acknowledge what it read, as if it had died.
async function consume(port, name, done, isOver) {
  const client = new Redis(port);
  while (!isOver()) {
    const reply = await client.xreadgroup("GROUP", "workers", name, "COUNT", BATCH, "BLOCK", 100, "STREAMS", "jobs", ">");
    const fresh = reply === null ? [] : reply[0][1];
    await finish(client, done, Math.random() < 0.1 ? [] : fresh);
    const [, claimed, deleted] = await client.xautoclaim("jobs", "workers", name, 300, "0", "COUNT", BATCH);
    assert.deepEqual(deleted, [], "nothing that is pending is trimmed");
    await finish(client, done, claimed);
  }
  await client.quit();
}

async function finish(client, done, entries) {
  if (entries.length === 0) return;
  for (const [, [field, job]] of entries) {
    assert.equal(field, "job");
    done.add(Number(job));
  }
  await client.xack("jobs", "workers", ...entries.map(([id]) => id));
}

// Trims what is done: everything before the first entry that is pending or was not given out.
async function trim(client) {
  const [[, , , , , , , last]] = await client.xinfo("GROUPS", "jobs");
  const [count, first] = await client.xpending("jobs", "workers");
  return client.xtrim("jobs", "MINID", count > 0 ? first : last);
}

async function queue(client, port, entries) {
  await client.del("jobs");
  await client.xgroup("CREATE", "jobs", "workers", "0", "MKSTREAM");
  const done = new Set();
  const share = Math.ceil(entries / PRODUCERS);
  const deadline = Date.now() + 300_000;
  const isOver = () => done.size === entries || Date.now() > deadline;
  const producers = Array.from({ length: PRODUCERS }, (_, index) =>
    produce(port, index * share, Math.min((index + 1) * share, entries)));
  const consumers = Array.from({ length: CONSUMERS }, (_, index) => consume(port, `consumer:${index}`, done, isOver));
  let trimmed = 0;
  while (!isOver()) {
    trimmed += await trim(client);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await Promise.all([...producers, ...consumers]);
  assert.equal(done.size, entries, "every entry is done");
  assert.deepEqual((await client.xpending("jobs", "workers"))[0], 0);
  trimmed += await client.xtrim("jobs", "MAXLEN", 0);
  assert.equal(trimmed, entries, "every entry is trimmed once");
  const info = await client.xinfo("STREAM", "jobs");
  assert.equal(info[info.indexOf("entries-added") + 1], entries);
}

async function basics(client) {
  await client.del("log");
  const ids = [];
  for (let index = 0; index < 300; index++) ids.push(await client.xadd("log", "*", "index", index, "text", "a text"));
  assert.equal(await client.xlen("log"), 300);
  const range = await client.xrange("log", ids[10], ids[12]);
  assert.deepEqual(range.map(([id]) => id), ids.slice(10, 13));
  assert.deepEqual(range[0][1], ["index", "10", "text", "a text"]);
  const [[last]] = await client.xrevrange("log", "+", "-", "COUNT", 1);
  assert.equal(last, ids[299]);
  const [[name, entries]] = await client.xread("COUNT", 5, "STREAMS", "log", ids[290]);
  assert.deepEqual([name, entries.length, entries[0][0]], ["log", 5, ids[291]]);
  assert.equal(await client.xdel("log", ids[0], "1-1"), 1);
  assert.equal(await client.xtrim("log", "MAXLEN", "~", 100), 199);
  assert.equal(await client.xadd("none", "NOMKSTREAM", "*", "a", "b"), null);
  await assert.rejects(client.xadd("log", "1-1", "a", "b"), /equal or smaller than the target stream top item/);
}

async function waits(client, port) {
  await client.del("news");
  const reader = new Redis(port);
  const reply = reader.xread("BLOCK", 10000, "STREAMS", "news", "$");
  // The reader must wait before there is news: the server says when it does.
  while (!/blocked_clients:1\r/.test(await client.info("clients"))) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const id = await client.xadd("news", "*", "headline", "it works");
  assert.deepEqual(await reply, [["news", [[id, ["headline", "it works"]]]]]);
  assert.equal(await reader.xread("BLOCK", 20, "STREAMS", "news", "$"), null);
  await reader.quit();
}

async function main() {
  const port = Number(process.argv[2]);
  const entries = Number(process.argv[3] ?? 20000);
  const client = new Redis(port);
  await basics(client);
  await waits(client, port);
  await queue(client, port, entries);
  await client.quit();
  console.log(`ioredis: ${entries} entries of a stream, each done and trimmed once`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
