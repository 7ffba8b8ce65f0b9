// BullMQ against a server: jobs of every kind go through queues that two worker processes share.
//
// usage: node bullmq.js PORT [COUNT], with bullmq and ioredis where node finds them
//
// A worker reports each job that it does to this process, so what is counted is what ran, not what the server says:
// every job ran exactly once (or as often as it asked to be tried), none early, and parents after their children.
"use strict";

const assert = require("node:assert/strict");
const { fork } = require("node:child_process");
const { FlowProducer, Queue, QueueEvents, Worker } = require("bullmq");
const Redis = require("ioredis");

const WORKERS = 2;
const BATCH = 500;
const FLOW_CHILDREN = 10;
const RATE = { max: 50, duration: 250 };
const REPEATS = 10;
const REPEAT_MS = 100;
const SECONDS_MAX = 300;
let awaited = "nothing";

const KINDS = {
  plain: { concurrency: 50 },
  retried: { concurrency: 20 },
  priority: { concurrency: 1 },
  delayed: { concurrency: 50 },
  repeated: { concurrency: 5 },
  limited: { concurrency: 20, limiter: RATE },
  flows: { concurrency: 50 },
};

// ---- the workers' side

async function perform(kind, job) {
  const run = { kind, id: job.id, number: job.data.number, at: Date.now(), attempt: job.attemptsMade };
  if (kind === "flows") run.children = Object.values(await job.getChildrenValues());
  process.send(run);
  if (kind === "retried" && job.attemptsMade === 0) throw new Error("the first try fails");
  if (kind === "flows" && job.name !== "leaf") return run.children.reduce((sum, value) => sum + value, 0);
  return job.data.number * 2;
}

async function serve(port) {
  const workers = Object.entries(KINDS).map(([kind, options]) =>
    new Worker(kind, (job) => perform(kind, job), { connection: { port }, ...options }));
  for (const worker of workers) worker.on("error", fail);
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  process.once("disconnect", () => process.exit());
  process.send({ isReady: true });
  process.once("message", async () => {
    await Promise.all(workers.map((worker) => worker.close()));
    process.exit();
  });
}

// ---- the side that gives work and checks what was done

/** The worker processes, and what ran in them: lists of runs by the kind of job. */
class Crew {
  constructor(port) {
    this.runs = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, []]));
    this.children = Array.from({ length: WORKERS }, () => fork(__filename, ["worker", String(port)]));
  }

  async start() {
    await Promise.all(this.children.map((child, worker) => new Promise((resolve, reject) => {
      child.on("message", (run) => (run.isReady ? resolve() : this.runs[run.kind].push({ ...run, worker })));
      child.on("exit", (code) => (code === 0 ? undefined : fail(new Error(`a worker ended: ${code}`))));
      child.on("error", reject);
    })));
  }

  async stop() {
    const ended = this.children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of this.children) child.send("stop");
    await Promise.all(ended);
  }
}

/** Waits for what is awaited. It may never come: the bound on the whole run ends that, and says what was awaited. */
async function until(what, isTrue) {
  awaited = what;
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function addAll(queue, jobs) {
  for (let start = 0; start < jobs.length; start += BATCH) await queue.addBulk(jobs.slice(start, start + BATCH));
}

function numbers(count) {
  return Array.from({ length: count }, (_, number) => number);
}

/** Waits until all jobs of a queue ended, then holds what ran against what was asked for. */
async function settle(queue, crew, runsExpected, completed) {
  await until(`${completed} jobs of ${queue.name}`, async () => {
    const now = await queue.getJobCounts("completed", "failed");
    assert.equal(now.failed, 0, `${queue.name}: jobs failed`);
    return now.completed >= completed;
  });
  const counts = await queue.getJobCounts();
  for (const [state, count] of Object.entries(counts)) {
    assert.equal(count, state === "completed" ? completed : 0, `${queue.name}: ${count} jobs are ${state}`);
  }
  const runs = crew.runs[queue.name];
  const key = ({ number, attempt }) => `${number}/${attempt}`;
  assert.equal(runs.length, runsExpected, `${queue.name}: number of runs`);
  assert.equal(new Set(runs.map(key)).size, runsExpected, `${queue.name}: no run is doubled`);
  return runs;
}

async function plain(queue, crew, count) {
  const events = new QueueEvents("plain", { connection: queue.opts.connection });
  const heard = new Map();
  events.on("completed", ({ jobId, returnvalue }) => heard.set(jobId, (heard.get(jobId) ?? []).concat(returnvalue)));
  await events.waitUntilReady();
  const start = Date.now();
  await addAll(queue, numbers(count).map((number) => (
    { name: "double", data: { number }, opts: { jobId: `job-${number}` } })));
  const again = await queue.add("double", { number: -1 }, { jobId: "job-0" });
  assert.equal(again.id, "job-0", "a job with a known id is not added again");
  const runs = await settle(queue, crew, count, count);
  const rate = Math.round(count / ((Date.now() - start) / 1000));
  assert.equal(new Set(runs.map(({ worker }) => worker)).size, WORKERS, "all workers work");
  await until("the event of each job", () => heard.size === count);
  for (const { id, number } of runs) {
    assert.deepEqual(heard.get(id).map(Number), [number * 2], "one event, with the result");
  }
  for (const job of await queue.getJobs(["completed"], 0, 99)) {
    assert.equal(job.returnvalue, job.data.number * 2);
    assert.ok(job.finishedOn >= job.processedOn && job.processedOn >= job.timestamp);
  }
  await events.close();
  return rate;
}

async function retried(queue, crew, count) {
  const opts = { attempts: 2, backoff: { type: "fixed", delay: 100 } };
  await addAll(queue, numbers(count).map((number) => ({ name: "try", data: { number }, opts })));
  const runs = await settle(queue, crew, 2 * count, count);
  const first = new Map(runs.filter(({ attempt }) => attempt === 0).map(({ number, at }) => [number, at]));
  for (const { number, at } of runs.filter(({ attempt }) => attempt === 1)) {
    assert.ok(at - first.get(number) >= 95, "the second try waits");
  }
}

/** Jobs wait in a paused queue. Each worker then takes one at a time, so what each took is in order. */
async function priority(queue, crew, count) {
  await queue.pause();
  await addAll(queue, numbers(count).map((number) => ({
    name: "rank", data: { number }, opts: { priority: 1 + (number * 7) % 10 } })));
  assert.equal((await queue.getJobCounts("prioritized")).prioritized, count);
  assert.equal(crew.runs.priority.length, 0, "a paused queue gives nothing out");
  await queue.resume();
  const runs = await settle(queue, crew, count, count);
  for (const worker of numbers(WORKERS)) {
    const order = runs.filter((run) => run.worker === worker)
      .map(({ number }) => ((number * 7) % 10) * count + number);
    assert.deepEqual(order, order.toSorted((a, b) => a - b), "by priority, and in the order added within one");
  }
}

async function delayed(queue, crew, count) {
  const due = numbers(count).map((number) => 200 + (number * 37) % 1500);
  const before = Date.now();
  await addAll(queue, numbers(count).map((number) => (
    { name: "later", data: { number }, opts: { delay: due[number] } })));
  const added = Date.now();
  const runs = await settle(queue, crew, count, count);
  for (const { number, at } of runs) {
    assert.ok(at >= before + due[number], `job ${number} ran ${before + due[number] - at} ms early`);
    assert.ok(at <= added + due[number] + 10_000, `job ${number} ran late`);
  }
}

async function repeated(queue, crew) {
  await queue.upsertJobScheduler("ticker", { every: REPEAT_MS, limit: REPEATS }, { name: "tick", data: { number: 1 } });
  await queue.upsertJobScheduler("clock", { pattern: "* * * * * *" }, { name: "second", data: { number: 2 } });
  assert.equal(await queue.getJobSchedulersCount(), 2);
  const ran = (number) => crew.runs.repeated.filter((run) => run.number === number);
  await until("ticks", () => ran(1).length >= REPEATS && ran(2).length >= 2);
  assert.equal(await queue.removeJobScheduler("clock"), true);
  await until("an idle scheduler", async () => {
    const counts = Object.entries(await queue.getJobCounts());
    return counts.every(([state, count]) => state === "completed" || count === 0);
  });
  const seconds = ran(2);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(ran(1).length, REPEATS, "as often as the limit says");
  assert.equal(ran(2).length, seconds.length, "no more once it is removed");
  const ids = crew.runs.repeated.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "each time is a job of its own");
  const span = ran(1).at(-1).at - ran(1)[0].at;
  assert.ok(span >= (REPEATS - 2) * REPEAT_MS, `${REPEATS} ticks in ${span} ms`);
}

async function limited(queue, crew, count) {
  await addAll(queue, numbers(count).map((number) => ({ name: "limit", data: { number } })));
  const runs = await settle(queue, crew, count, count);
  const times = runs.map(({ at }) => at).sort((a, b) => a - b);
  const windows = Math.ceil(count / RATE.max);
  const span = times.at(-1) - times[0];
  assert.ok(span >= (windows - 1) * RATE.duration * 0.9, `${count} jobs in ${span} ms`);
  // A window begins with its first job: any stretch of its length touches two at most.
  times.forEach((time, index) => {
    const later = times[index + 2 * RATE.max];
    assert.ok(later === undefined || later - time >= RATE.duration / 2, "more than the limit allows");
  });
}

async function flows(queue, crew, count) {
  const producer = new FlowProducer({ connection: queue.opts.connection });
  const trees = Math.max(1, Math.floor(count / (FLOW_CHILDREN + 2)));
  const node = (name, number, children) => ({ name, queueName: "flows", data: { number }, children });
  const tree = (index) => {
    const base = index * 100;
    const leaves = numbers(FLOW_CHILDREN).map((leaf) => node("leaf", base + leaf));
    return node("root", base + 99, [node("middle", base + 98, leaves)]);
  };
  for (let start = 0; start < trees; start += 20) {
    await producer.addBulk(numbers(Math.min(20, trees - start)).map((index) => tree(start + index)));
  }
  const total = trees * (FLOW_CHILDREN + 2);
  const runs = await settle(queue, crew, total, total);
  const byNumber = new Map(runs.map((run) => [run.number, run]));
  for (const index of numbers(trees)) {
    const base = index * 100;
    const [middle, root] = [byNumber.get(base + 98), byNumber.get(base + 99)];
    const values = numbers(FLOW_CHILDREN).map((leaf) => 2 * (base + leaf));
    assert.deepEqual(middle.children.toSorted((a, b) => a - b), values, "a parent sees each child's result");
    assert.deepEqual(root.children, [values.reduce((sum, value) => sum + value, 0)]);
    const lastLeaf = Math.max(...numbers(FLOW_CHILDREN).map((leaf) => byNumber.get(base + leaf).at));
    assert.ok(root.at >= middle.at && middle.at >= lastLeaf);
  }
  await producer.close();
  return total;
}

async function main() {
  const port = Number(process.argv[2]);
  const count = Number(process.argv[3] ?? 10000);
  const client = new Redis(port);
  await client.flushall();
  const crew = new Crew(port);
  await crew.start();
  // The stream of events is long enough to hold those of all jobs: a reader that is late misses none.
  const options = { connection: { port }, streams: { events: { maxLen: 20 * count } } };
  const queues = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, new Queue(kind, options)]));
  const some = Math.max(20, Math.floor(count / 10));
  const rate = await plain(queues.plain, crew, count);
  await retried(queues.retried, crew, Math.ceil(some / 5));
  await priority(queues.priority, crew, Math.ceil(some / 5));
  await delayed(queues.delayed, crew, some);
  await repeated(queues.repeated, crew);
  await limited(queues.limited, crew, some);
  const inFlows = await flows(queues.flows, crew, some);
  await crew.stop();
  for (const queue of Object.values(queues)) {
    await queue.obliterate();
    await queue.close();
  }
  // An obliterated queue leaves nothing but the window of its limiter, which ends by itself.
  await until("no keys", async () => (await client.dbsize()) === 0);
  await client.quit();
  const { version } = require("bullmq/package.json");
  console.log(`bullmq ${version}: ${count} jobs (${rate}/s), ${some} delayed, ${some} limited, ${inFlows} in flows, `
    + "none lost or doubled");
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

if (process.argv[2] === "worker") {
  serve(Number(process.argv[3])).catch(fail);
} else {
  setTimeout(() => fail(new Error(`not done after ${SECONDS_MAX} s, awaited: ${awaited}`)), SECONDS_MAX * 1000).unref();
  main().catch(fail);
}
