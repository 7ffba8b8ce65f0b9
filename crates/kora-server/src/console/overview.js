// The first view: what happens now and did in the last minutes.

const PERIOD_S = 2;
const LATE_NS = { p50: 0.5, p99: 0.99, p999: 0.999 };

const live = { samples: [], last: null, rows: [] };

/** The time that a share of calls did not exceed, of counts by time. */
function percentile(steps, share) {
  const total = steps.reduce((all, [, calls]) => all + calls, 0);
  if (!total) return NaN;
  let seen = 0;
  for (const [end, calls] of steps) {
    seen += calls;
    if (seen >= share * total) return end;
  }
  return NaN;
}

/** What happened between two readings. */
function between(before, now) {
  const seconds = (now.now_ms - before.now_ms) / 1000;
  const change = (name) => {
    const total = (reading) => Array.isArray(reading.figures[name]) ? sum(reading.figures[name]) : reading.figures[name];
    return (total(now) - total(before)) / seconds;
  };
  const known = new Map(before.steps);
  const steps = now.steps.map(([end, calls]) => [end, calls - (known.get(end) || 0)]).filter(([, calls]) => calls > 0);
  const [hits, misses] = [change('keyspace_hits_total'), change('keyspace_misses_total')];
  const figures = now.figures;
  return {
    ms: now.now_ms,
    seconds,
    ops: change('commands_processed_total'),
    p50: percentile(steps, LATE_NS.p50), p99: percentile(steps, LATE_NS.p99), p999: percentile(steps, LATE_NS.p999),
    hit: hits + misses > 0 ? hits / (hits + misses) : NaN,
    looked: hits + misses,
    used: figures.memory_used_bytes, resident: figures.memory_resident_bytes, limit: figures.memory_max_bytes || NaN,
    input: change('net_input_bytes_total'), output: change('net_output_bytes_total'),
    clients: figures.connected_clients,
    keys: sum(now.shards.map((shard) => shard.keys)),
    evicted: change('evicted_keys_total'), expired: change('expired_keys_total'),
    cpu: change('cpu_seconds'),
    busy: (figures.eventloop_duration_seconds_total || []).map((total, at) => (total - before.figures.eventloop_duration_seconds_total[at]) / seconds),
    share: (figures.commands_processed_total || []).map((total, at) => (total - before.figures.commands_processed_total[at]) / seconds),
  };
}

/** What each command did between two readings, the busiest first. */
function commandRows(before, now, seconds) {
  const known = new Map(before.commands.map((row) => [row.name, row]));
  return now.commands.map((row) => {
    const old = known.get(row.name) || { calls: 0, us: 0, failed: 0 };
    const calls = row.calls - old.calls;
    return { name: row.name, rate: calls / seconds, mean: calls > 0 ? (row.us - old.us) / calls * 1000 : NaN, ns: row.ns || [],
      failed: row.failed + row.rejected, calls: row.calls, time: (row.us - old.us) / seconds / 1e6 };
  }).sort((a, b) => b.time - a.time || b.calls - a.calls);
}

async function readLive() {
  const now = await api('/api/live');
  const before = live.last;
  live.last = now;
  // The counts begin anew after a restart, and CONFIG RESETSTAT.
  const isAnew = before && (sum(now.figures.commands_processed_total) < sum(before.figures.commands_processed_total) || now.process !== before.process);
  if (!before || isAnew || now.now_ms - before.now_ms < 200) return;
  const sample = between(before, now);
  live.rows = commandRows(before, now, sample.seconds);
  live.samples.push(sample);
  if (live.samples.length > SPAN) live.samples.shift();
}

function tile(name, key, tone) {
  const value = h('div', { class: 'value' }, '–');
  const note = h('div', { class: 'note' });
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  const element = h('section', { class: 'panel tile', 'aria-label': name }, h('div', { class: 'name' }, name), value, note, canvas);
  return { element, set(shown, remark) {
    const [number, ...unit] = shown.split(' ');
    value.replaceChildren(number, unit.length ? h('small', {}, unit.join(' ')) : '');
    note.textContent = note.title = remark || '';
    spark(canvas, live.samples.map((sample) => sample[key]), tone);
  } };
}

const bar = (name, part, shown, tone) => {
  const fill = h('span');
  fill.style.width = Math.max(0, Math.min(1, part || 0)) * 100 + '%';
  return h('div', { class: 'item' }, h('span', {}, name), h('span', { class: 'track ' + (tone || '') }, fill), h('span', { class: 'n' }, shown));
};

function overview() {
  const tiles = {
    ops: tile('Commands per second', 'ops', 'one'), p99: tile('Latency, 99 %', 'p99', 'two'), used: tile('Memory', 'used', 'three'),
    hit: tile('Hit ratio', 'hit', 'one'), clients: tile('Clients', 'clients', 'four'), keys: tile('Keys', 'keys', 'four'),
  };
  const charts = {
    ops: new Chart('Throughput', [{ name: 'commands/s', tone: 'one', key: 'ops', filled: true }], count),
    late: new Chart('Latency', [{ name: '50 %', tone: 'one', key: 'p50' }, { name: '99 %', tone: 'two', key: 'p99' }, { name: '99.9 %', tone: 'three', key: 'p999' }], duration, { log: true }),
    memory: new Chart('Memory', [{ name: 'used', tone: 'three', key: 'used', filled: true }, { name: 'resident', tone: 'four', key: 'resident' },
      { name: 'limit', tone: 'bad', key: 'limit', dashed: true }], bytes, { bytes: true }),
    net: new Chart('Network', [{ name: 'in/s', tone: 'one', key: 'input' }, { name: 'out/s', tone: 'two', key: 'output' }], bytes, { bytes: true }),
  };
  const places = Object.fromEntries(['commands', 'shards', 'workers', 'databases', 'facts'].map((name) => [name, h('div')]));
  places.shards.className = places.workers.className = 'body bars';
  places.facts.className = 'body';
  const element = h('div', {},
    h('div', { class: 'grid tiles' }, Object.values(tiles).map((it) => it.element)),
    h('div', { class: 'grid charts' }, Object.values(charts).map((it) => it.element)),
    h('div', { class: 'grid lower' },
      panel('Commands', h('span', { class: 'muted small' }, 'by time spent now; percentiles since the start'), places.commands),
      h('div', { class: 'grid double' },
        h('div', { class: 'grid' }, panel('Shards', h('span', { class: 'muted small' }, 'memory and keys of each'), places.shards), panel('Workers', h('span', { class: 'muted small' }, 'share of time at work'), places.workers)),
        h('div', { class: 'grid' }, panel('Databases', null, places.databases), panel('Process', null, places.facts)))));

  function show() {
    const now = live.last, sample = live.samples[live.samples.length - 1];
    if (!now) return;
    const figures = now.figures;
    if (sample) {
      tiles.ops.set(count(sample.ops), `${trim(sample.cpu)} cores busy`);
      tiles.p99.set(duration(sample.p99), `50 % ${duration(sample.p50)} · 99.9 % ${duration(sample.p999)}`);
      tiles.used.set(bytes(sample.used), sample.limit ? `${percent(sample.used / sample.limit)} of ${bytes(sample.limit)}` : `peak ${bytes(figures.used_memory_peak_bytes)}`);
      tiles.hit.set(percent(sample.hit), `${count(sample.looked)} look-ups/s`);
      tiles.clients.set(count(sample.clients), `${count(figures.blocked_clients)} wait · limit ${count(figures.maxclients)}`);
      tiles.keys.set(count(sample.keys), `${count(sample.expired)} expire, ${count(sample.evicted)} evicted /s`);
      charts.ops.set(live.samples); charts.late.set(live.samples); charts.memory.set(live.samples); charts.net.set(live.samples);
    }
    places.commands.replaceChildren(live.rows.length ? table(
      [['command'], ['calls/s', true], ['mean', true], ['50 %', true], ['99 %', true], ['99.9 %', true], ['calls', true], ['errors', true]],
      live.rows.slice(0, 14).map((row) => [h('span', { class: 'mono' }, row.name), count(row.rate), duration(row.mean), ...[0, 1, 2].map((at) => duration(row.ns[at])), count(row.calls),
        row.failed ? h('span', { class: 'bad' }, count(row.failed)) : '0'])) : empty('No command was called yet.'));
    const most = Math.max(1, ...now.shards.map((shard) => shard.bytes));
    places.shards.replaceChildren(...now.shards.map((shard, at) => bar('shard ' + at, shard.bytes / most, `${bytes(shard.bytes)} · ${count(shard.keys)}` + (shard.waiting ? ` +${shard.waiting}` : ''))));
    places.workers.replaceChildren(...now.workers.map((worker, at) => bar('worker ' + at, sample?.busy[at], sample ? `${percent(sample.busy[at])} · ${worker.connections}` : '–', 'two')));
    places.databases.replaceChildren(now.databases.length ? table([['database'], ['keys', true], ['with a deadline', true], ['mean time left', true]],
      now.databases.map((it) => ['db' + it.db, count(it.keys), count(it.expires), it.ttl_ms ? age(it.ttl_ms / 1000) : '–'])) : empty('There are no keys.'));
    places.facts.replaceChildren(facts(now));
  }
  return { element, show, leave() {} };
}

function facts(now) {
  const figures = now.figures;
  const rows = [
    ['Up for', age(figures.uptime_seconds)],
    ['Workers', `${figures.workers}, ${figures.serving_workers} of them serve connections`],
    ['Memory limit', figures.memory_max_bytes ? `${bytes(figures.memory_max_bytes)}, ${now.policy}` : `none, ${now.policy}`],
    ['Snapshot', figures.snapshot_in_progress ? 'is being saved' : !figures.snapshot_last_success ? h('span', { class: 'bad' }, 'the last one failed')
      : `${age(now.now_ms / 1000 - figures.snapshot_last_save_timestamp_seconds)} ago, ${count(figures.changes_since_snapshot)} changes since`],
    ['Log', !figures.log_enabled ? 'off' : now.log_failure ? h('span', { class: 'bad' }, now.log_failure)
      : `${bytes(figures.log_size_bytes)}, ${count(Math.max(0, figures.log_appended_record - figures.log_durable_record))} records not durable yet`],
    ['Subscriptions', `${count(figures.pubsub_channels)} channels, ${count(figures.pubsub_patterns)} patterns`],
    ['Errors', count(sum(figures.error_replies_total)) + ' replies'],
    ['System', now.os],
  ];
  return h('dl', { class: 'facts' }, rows.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
