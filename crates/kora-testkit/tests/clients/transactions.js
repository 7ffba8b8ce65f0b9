// Transactions and scripts with ioredis: stock is sold by several ways at the same time, and never more than there is.
//
// usage: node transactions.js PORT [COUNT], with ioredis where node finds it
"use strict";

const assert = require("node:assert/strict");
const Redis = require("ioredis");

const BUYERS = 6;
const ITEMS = 5;
const SECONDS_MAX = 120;

const BUY = `
local left = tonumber(redis.call('HGET', KEYS[1], ARGV[1]))
if left < 1 then return nil end
redis.call('HINCRBY', KEYS[1], ARGV[1], -1)
return redis.call('RPUSH', KEYS[2], ARGV[1])`;

const ECHO = "return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}";
const SUM = "local t = 0 for _, v in ipairs(redis.call('MGET', unpack(KEYS))) do t = t + v end return t";

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

function connect(port) {
  return new Redis({ port, scripts: { buy: { lua: BUY, numberOfKeys: 2 } } });
}

/** What two connections see of stock and sales is always all of it. */
async function total(client) {
  const [[, stock], [, sold]] = await client.multi().hvals("stock").llen("sales").exec();
  return stock.reduce((sum, left) => sum + Number(left), 0) + sold;
}

async function buyByWatch(client, item) {
  for (;;) {
    await client.watch("stock");
    if (Number(await client.hget("stock", item)) < 1) {
      await client.unwatch();
      return false;
    }
    if (await client.multi().hincrby("stock", item, -1).rpush("sales", item).exec() !== null) return true;
  }
}

async function buy(client, buyer, isWatching) {
  let bought = 0;
  for (let misses = 0, turn = buyer; misses < ITEMS; turn++) {
    const item = `item:${turn % ITEMS}`;
    const isBought = isWatching ? await buyByWatch(client, item) : await client.buy("stock", "sales", item) !== null;
    misses = isBought ? 0 : misses + 1;
    bought += Number(isBought);
  }
  return bought;
}

async function sale(client, port, count) {
  const each = Math.ceil(count / ITEMS);
  await client.hset("stock", Object.fromEntries(range(ITEMS).map((item) => [`item:${item}`, each])));
  const buyers = range(BUYERS).map(() => connect(port));
  let isOver = false;
  const observer = (async () => {
    while (!isOver) assert.equal(await total(client), each * ITEMS, "stock and sales are changed together");
  })();
  const bought = await Promise.all(buyers.map((buyer, index) => buy(buyer, index, index % 2 === 0)));
  isOver = true;
  await observer;
  assert.equal(bought.reduce((sum, one) => sum + one, 0), each * ITEMS);
  assert.deepEqual(await client.hvals("stock"), range(ITEMS).map(() => "0"));
  const sales = await client.lrange("sales", 0, -1);
  for (const item of range(ITEMS)) assert.equal(sales.filter((name) => name === `item:${item}`).length, each);
  await Promise.all(buyers.map((buyer) => buyer.quit()));
  return each * ITEMS;
}

async function transactions(client) {
  assert.deepEqual(await client.multi().set("a", 1).incr("a").mget("a", "none").exec(),
    [[null, "OK"], [null, 2], [null, ["2", null]]]);
  const [[, first], [error], [, last]] = await client.multi().set("a", "text").incr("a").set("b", 2).exec();
  assert.deepEqual([first, last, await client.get("b")], ["OK", "OK", "2"]);
  assert.match(error.message, /value is not an integer or out of range/);
  await assert.rejects(client.multi().set("b", 3).call("GET").exec(), /EXECABORT/);
  assert.equal(await client.get("b"), "2");
  assert.equal(await client.multi({ pipeline: false }), "OK");
  assert.equal(await client.set("b", 4), "QUEUED");
  assert.equal(await client.get("b"), "QUEUED");
  assert.deepEqual(await client.exec(), [[null, "OK"], [null, "4"]]);
  assert.equal(await client.multi({ pipeline: false }), "OK");
  assert.equal(await client.set("b", 5), "QUEUED");
  assert.equal(await client.discard(), "OK");
  assert.equal(await client.get("b"), "4");
  await assert.rejects(client.call("EXEC"), /EXEC without MULTI/);
}

async function watches(client, port) {
  const other = new Redis(port);
  await client.watch("a");
  await other.set("a", "changed");
  assert.equal(await client.multi().set("b", "lost").exec(), null);
  assert.equal(await client.get("b"), "4");
  assert.deepEqual(await client.multi().set("b", "kept").exec(), [[null, "OK"]]);
  await other.quit();
}

async function scripts(client) {
  client.defineCommand("echo2", { numberOfKeys: 1, lua: ECHO });
  client.defineCommand("sum", { lua: SUM });
  assert.deepEqual(await client.echo2("b", "argument"), ["b", "argument", "kept"]);
  await client.script("FLUSH");
  assert.deepEqual(await client.echo2Buffer("b", "x"), ["b", "x", "kept"].map((text) => Buffer.from(text)));
  await client.mset("n1", 1, "n2", 2, "n3", 3.9);
  assert.equal(await client.sum(3, "n1", "n2", "n3"), 6, "numbers are cut");
  await client.script("FLUSH");
  const replies = await client.pipeline().set("b", "first").echo2("b", 1).sum(2, "n1", "n2").echo2("b", 2).exec();
  assert.deepEqual(replies, [[null, "OK"], [null, ["b", "1", "first"]], [null, 3], [null, ["b", "2", "first"]]]);
  await client.script("FLUSH");
  const fresh = client.duplicate();
  fresh.defineCommand("echo2", { numberOfKeys: 1, lua: ECHO });
  const inside = await fresh.multi().set("b", "second").echo2("b", 1).exec();
  assert.deepEqual(inside, [[null, "OK"], [null, ["b", "1", "second"]]], "it asks first what the server knows");
  await fresh.quit();
  await assert.rejects(client.eval("return redis.call('INCR', KEYS[1])", 1, "b"), /not an integer or out of range/);
  const lib = "#!lua name=lib\nredis.register_function('twice', function(keys, args) return 2 * args[1] end)";
  assert.equal(await client.call("FUNCTION", "LOAD", "REPLACE", lib), "lib");
  assert.equal(await client.call("FCALL", "twice", 0, 21), 42);
  assert.equal(await client.call("FUNCTION", "DELETE", "lib"), "OK");
}

async function main() {
  const port = Number(process.argv[2]);
  const count = Number(process.argv[3] ?? 2000);
  const client = connect(port);
  await client.flushall();
  const start = Date.now();
  const sold = await sale(client, port, count);
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  await transactions(client);
  await watches(client, port);
  await scripts(client);
  await client.quit();
  console.log(`ioredis: ${sold} sold in ${seconds} s by transactions and scripts, none twice`);
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

setTimeout(() => fail(new Error(`not done after ${SECONDS_MAX} s`)), SECONDS_MAX * 1000).unref();
main().catch(fail);
