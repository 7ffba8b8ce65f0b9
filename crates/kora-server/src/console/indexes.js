// Indexes of FT and collections of DOC, each with a box for questions.

function indexes() {
  const place = h('div', { class: 'grid' }, h('section', { class: 'panel' }, empty('looking …')));
  const element = h('div', { class: 'split' }, place, h('div', { id: 'index' }, h('section', { class: 'panel' }, empty('Choose an index or a collection.'))));
  const detail = element.lastChild;

  function list(title, names, choose, none) {
    const items = names.map((name) => h('li', {}, h('button', { type: 'button', onclick: (event) => {
      place.querySelectorAll('[aria-current]').forEach((other) => other.removeAttribute('aria-current'));
      event.currentTarget.setAttribute('aria-current', 'true');
      fill(detail, () => choose(name));
    } }, h('span', { class: 'name' }, text(name)))));
    return panel(title, h('span', { class: 'muted small' }, names.length || ''), items.length ? h('ul', { class: 'keys' }, items) : empty(none));
  }

  fill(place, async () => {
    const [found, collections] = await ask(['FT._LIST'], ['DOC.LIST']);
    return [
      isError(found) ? panel('Indexes', null, empty(found.error)) : list('Indexes', listOf(found), ofIndex, 'There is no index: FT.CREATE makes one.'),
      isError(collections) ? panel('Collections', null, empty(collections.error)) : list('Collections', listOf(collections), ofCollection, 'There is no collection: DOC.CREATE makes one.'),
    ];
  });
  return { element, show() {}, leave() {} };
}

async function ofIndex(name) {
  const info = objectOf(await one('FT.INFO', name));
  const fields = listOf(info.attributes).map((attribute) => {
    const flat = listOf(attribute).map(text), of = (word) => flat[flat.indexOf(word) + 1] ?? '';
    return [of('attribute'), of('identifier'), of('type'), flat.slice(flat.indexOf('type') + 2).join(' ')];
  });
  const definition = objectOf(info.index_definition);
  const remarks = [`${count(Number(text(info.num_docs)))} documents`, text(definition.key_type), 'prefixes ' + listOf(definition.prefixes).map(text).join(', ')].join(' · ');
  const query = h('input', { class: 'wide mono', value: '*', 'aria-label': 'Query', spellcheck: false });
  const results = h('div', {}, empty('Ask: words, @field:(words), @number:[1 5], @tag:{one}'));
  const run = (event) => {
    event?.preventDefault();
    fill(results, () => pagesOf(async (from) => {
      const begun = performance.now();
      const reply = await one('FT.SEARCH', name, query.value || '*', 'LIMIT', from, 20, 'DIALECT', 2);
      return { ...hits(reply), ms: performance.now() - begun };
    }));
  };
  return h('section', { class: 'panel' },
    h('header', {}, h('span', { class: 'keyname' }, text(name)), h('span', { class: 'muted small' }, remarks)),
    table([['field'], ['path'], ['type'], ['options']], fields),
    h('div', { class: 'foot' }, h('form', { class: 'row wide', onsubmit: run }, query, h('button', { class: 'main' }, 'Search'))), results);
}

/** What FT.SEARCH found, in either protocol's form. */
function hits(reply) {
  if (isMap(reply)) {
    const parts = objectOf(reply);
    const rows = listOf(parts.results).map(objectOf).map((hit) => [text(hit.id), pairsOf(hit.extra_attributes)]);
    return { total: Number(text(parts.total_results)), rows };
  }
  const [total, ...flat] = listOf(reply);
  const rows = [];
  for (let at = 0; at + 1 < flat.length; at += 2) rows.push([text(flat[at]), pairsOf(flat[at + 1])]);
  return { total: Number(text(total)), rows };
}

/** Rows a page at a time, with where one is. */
async function pagesOf(next, from = 0, place = h('div')) {
  const { total, rows, ms } = await next(from);
  const step = (label, to) => h('button', { type: 'button', onclick: () => fill(place, async () => [...(await pagesOf(next, to)).childNodes]) }, label);
  const body = rows.length ? table([['document', false, 'slim'], ['fields']], rows.map(([id, fields]) => [h('span', { class: 'mono' }, id),
    h('pre', {}, ...fields.flatMap(([name, item]) => text(name) === '$' ? [pretty(item), '\n'] : [h('span', { class: 'json-k' }, text(name)), ': ' + clip(text(item)) + '\n']))])) : empty('Nothing was found.');
  const range = rows.length ? `${from + 1} to ${from + rows.length}${total === undefined ? '' : ` of ${total.toLocaleString('en')}`}` : '';
  place.replaceChildren(body, h('div', { class: 'foot' }, h('span', {}, `${range} · ${trim(ms)} ms with the way here and back`),
    from > 0 ? step('Before', Math.max(0, from - 20)) : '', (total === undefined ? rows.length === 20 : from + 20 < total) ? step('More', from + 20) : ''));
  return place;
}

async function ofCollection(name) {
  const db = state.db;
  state.db = 0;
  const [info, fields] = await ask(['DOC.INFO', name], ['DOC.INDEXES', name]).finally(() => { state.db = db; });
  const condition = h('input', { class: 'wide mono', placeholder: "age > 30 AND address.city = 'London'", 'aria-label': 'Condition', spellcheck: false });
  const order = h('input', { class: 'mono', placeholder: 'order by', 'aria-label': 'Order', spellcheck: false });
  const results = h('div', {}, empty('Ask for documents: all of them without a condition.'));
  const run = (event) => {
    event?.preventDefault();
    fill(results, () => pagesOf(async (from) => {
      const begun = performance.now();
      const [path, direction] = order.value.trim().split(/\s+/);
      const reply = await one('DOC.FIND', name, ...(condition.value.trim() ? ['WHERE', condition.value] : []), ...(path ? ['ORDER', 'BY', path, ...(direction ? [direction] : [])] : []), 'LIMIT', 20, 'OFFSET', from, 'WITHIDS');
      return { rows: listOf(reply).map(([id, document]) => [text(id), [['$', document]]]), ms: performance.now() - begun };
    }));
  };
  const facts = isError(info) ? empty(info.error) : h('dl', { class: 'facts body' }, pairsOf(info).filter(([label]) => text(label) !== 'indexes').map(([label, item]) => [h('dt', {}, text(label)), h('dd', {}, clip(text(item)))]));
  return h('section', { class: 'panel' },
    h('header', {}, h('span', { class: 'keyname' }, text(name))), facts,
    isError(fields) || !listOf(fields).length ? '' : table([['index on'], ['type']], pairsOf(fields).map(([path, type]) => [text(path), text(type)])),
    h('div', { class: 'foot' }, h('form', { class: 'row wide', onsubmit: run }, condition, order, h('button', { class: 'main' }, 'Find'))), results);
}
