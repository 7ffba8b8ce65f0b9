// Publish and subscribe with ioredis: duplicates of one connection listen, and go on listening after they were cut off.
//
// usage: node pubsub.js PORT [COUNT], with ioredis where node finds it
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");

const PUBLISHERS = 3;
const LISTENERS = 4;
const SECONDS_MAX = 120;

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

async function until(isTrue) {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** What each publisher sent, as one listener heard it: lists of numbers. */
class Ears {
  constructor(client) {
    this.client = client;
    this.heard = range(PUBLISHERS).map(() => []);
    client.on("message", (channel, text) => this.note(channel, text));
    client.on("pmessage", (pattern, channel, text) => {
      assert.equal(pattern, "room:*");
      this.note(channel, text);
    });
  }

  note(channel, text) {
    const [publisher, number] = text.split(" ").map(Number);
    assert.equal(channel, `room:${number % 3}`);
    this.heard[publisher].push(number);
  }
}

async function publish(client, publisher, count) {
  for (let start = 0; start < count; start += 25) {
    const numbers = range(Math.min(25, count - start)).map((index) => start + index);
    const batch = start % 2 === 0 ? client.pipeline() : client.multi();
    for (const number of numbers) batch.publish(`room:${number % 3}`, `${publisher} ${number}`);
    for (const [error, reached] of await batch.exec()) assert.deepEqual([error, reached], [null, LISTENERS]);
  }
}

async function deliveries(client, count) {
  const ears = range(LISTENERS).map(() => new Ears(client.duplicate()));
  await Promise.all(ears.map(({ client: one }, index) =>
    (index % 2 === 0 ? one.subscribe("room:0", "room:1", "room:2") : one.psubscribe("room:*"))));
  const publishers = range(PUBLISHERS).map(() => client.duplicate());
  await Promise.all(publishers.map((one, index) => publish(one, index, count)));
  await until(() => ears.every(({ heard }) => heard.every((numbers) => numbers.length >= count)));
  await Promise.all(ears.map(({ client: one }) => one.ping()));
  for (const { heard } of ears) {
    for (const numbers of heard) assert.deepEqual(numbers, range(count), "each once, in order");
  }
  await assert.rejects(ears[0].client.get("key"), /subscriber mode/);
  assert.equal(await ears[0].client.unsubscribe("room:0"), 2);
  assert.equal(await client.publish("room:0", "0 0"), LISTENERS - 1);
  assert.equal(await ears[0].client.unsubscribe(), 0);
  assert.equal(await ears[0].client.get("key"), null, "it is an ordinary connection again");
  await Promise.all([...ears.map((one) => one.client), ...publishers].map((one) => one.quit()));
}

/** A connection that the server cut off comes back, and listens to what it listened to. */
async function comesBack(client) {
  const listener = client.duplicate({ retryStrategy: () => 20 });
  const heard = [];
  listener.on("message", (channel, text) => heard.push(text));
  listener.on("pmessage", (pattern, channel, text) => heard.push(text));
  await listener.subscribe("back");
  await listener.psubscribe("ba?k");
  const closed = new Promise((resolve) => listener.once("close", resolve));
  assert.equal(await client.client("KILL", "TYPE", "pubsub"), 1);
  await closed;
  await until(async () => (await client.publish("back", "again")) === 2);
  await until(() => heard.filter((text) => text === "again").length >= 2);
  await listener.quit();
}

async function bytes(client) {
  const listener = client.duplicate();
  const sent = Buffer.from(range(256));
  await listener.subscribe("bytes");
  const got = new Promise((resolve) => listener.once("messageBuffer", (channel, message) => resolve(message)));
  assert.equal(await client.publish("bytes", sent), 1);
  assert.deepEqual(await got, sent);
  await listener.quit();
}

async function main() {
  const port = Number(process.argv[2]);
  const count = Number(process.argv[3] ?? 3000);
  const client = new Redis(port);
  await client.flushall();
  const start = Date.now();
  await deliveries(client, count);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  await comesBack(client);
  await bytes(client);
  await until(async () => (await client.pubsub("CHANNELS")).length === 0 && (await client.pubsub("NUMPAT")) === 0);
  await client.quit();
  console.log(`ioredis: ${count * PUBLISHERS * LISTENERS} messages heard in ${seconds} s, each once and in order`);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

setTimeout(() => fail(new Error(`not done after ${SECONDS_MAX} s`)), SECONDS_MAX * 1000).unref();
main().catch(fail);
