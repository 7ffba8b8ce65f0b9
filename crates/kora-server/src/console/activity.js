// Who is connected, what was slow, which keys are hot.

function activity() {
  const places = { slow: h('div'), clients: h('div'), hot: h('div') };
  const filter = h('input', { placeholder: 'filter', 'aria-label': 'Filter of clients', oninput: () => clients() });
  const element = h('div', { class: 'grid' },
    panel('Slow commands', h('span', { class: 'muted small' }, 'SLOWLOG GET 50'), places.slow),
    panel('Clients', filter, places.clients),
    panel('Hot keys', null, places.hot));
  let lines = [];
  let isBusy = false, turn = 0;

  function clients() {
    const found = lines.filter((client) => !filter.value || Object.values(client).join(' ').includes(filter.value));
    places.clients.replaceChildren(found.length ? table(
      [['address'], ['name'], ['user'], ['last command'], ['db', true], ['age', true], ['idle', true], ['input', true], ['output', true], ['memory', true], ['flags']],
      found.slice(0, 200).map((client) => [h('span', { class: 'mono' }, client.addr), client.name, client.user, h('span', { class: 'mono' }, client.cmd), client.db, age(Number(client.age)), age(Number(client.idle)),
        bytes(Number(client['tot-net-in'] ?? client.qbuf)), bytes(Number(client['tot-net-out'] ?? client.omem)), bytes(Number(client['tot-mem'])), client.flags]))
      : empty('No such client.'));
    if (found.length > 200) places.clients.append(h('div', { class: 'foot' }, `200 of ${found.length} shown`));
  }

  async function read() {
    if (isBusy) return;
    isBusy = true;
    try {
      await fill(places.slow, async () => slow(await one('SLOWLOG', 'GET', 50)));
      await fill(places.clients, async () => {
        lines = text(await one('CLIENT', 'LIST')).trim().split('\n').map((line) => Object.fromEntries(line.split(' ').map((field) => {
          const at = field.indexOf('=');
          return [field.slice(0, at), field.slice(at + 1)];
        })));
        clients();
      });
      await fill(places.hot, hotKeys);
    } finally { isBusy = false; }
  }
  read();
  return { element, show() { turn += 1; if (turn % 2 === 0) read(); }, leave() {} };
}

function slow(entries) {
  if (!entries.length) return empty('No command was slow: slowlog-log-slower-than says what is.');
  return table([['when', false, 'slim'], ['took', true], ['command', false, 'cut'], ['client', false, 'slim'], ['name']], entries.map(([, at, us, args, client, name]) =>
    [new Date(at * 1000).toLocaleString('en-GB'), duration(us * 1000), h('span', { class: 'mono', title: args.map(text).join(' ') }, args.map(text).join(' ')), h('span', { class: 'mono' }, text(client)), text(name ?? '')]));
}

async function hotKeys() {
  const [found] = await ask(['STATS.HOTKEYS', 30]);
  if (isError(found)) return empty('This server does not tell hot keys: ' + found.error);
  const cells = (values) => values.map((item, at) => at ? text(item) : h('span', { class: 'mono' }, text(item)));
  const rows = listOf(found).map((row) => cells(Array.isArray(row) ? row : pairsOf(row).map(([, item]) => item)));
  if (!rows.length) return empty('No key is hot.');
  if (typeof listOf(found)[0] !== 'object') return table([['key'], ['accesses', true]], pairsOf(found).map(([key, hits]) => [h('span', { class: 'mono' }, text(key)), text(hits)]));
  const names = isMap(listOf(found)[0]) ? listOf(found)[0].map.map(([name]) => [text(name)]) : rows[0].map((_, at) => [at ? 'figure ' + at : 'key']);
  return table(names.map((name, at) => [String(name), at > 0]), rows);
}
