// Keys: found by SCAN, a page at a time, and shown by type. Nothing is asked for that may be large without a bound.

const PAGE = 100;
const TEXT_BYTES = 16384;
const KINDS = { 'ReJSON-RL': 'JSON', vectorset: 'vectors' };
const kindOf = (type) => KINDS[type] || type;

function keys() {
  const list = h('ul', { class: 'keys found', 'aria-label': 'Keys found' });
  const detail = h('div', {}, h('section', { class: 'panel' }, empty('Choose a key.')));
  const foot = h('span', {});
  const more = h('button', { type: 'button', onclick: () => scan() }, 'More');
  const pattern = h('input', { class: 'wide mono', placeholder: 'pattern, such as user:*', 'aria-label': 'Pattern', spellcheck: false, autocomplete: 'off' });
  const type = h('select', { 'aria-label': 'Type' }, [['', 'all types'], ['string'], ['list'], ['hash'], ['set'], ['zset', 'sorted set'], ['stream'], ['ReJSON-RL', 'JSON'], ['vectorset', 'vector set']]
    .map(([value, name]) => h('option', { value }, name || value)));
  const db = h('select', { 'aria-label': 'Database', onchange: () => { state.db = Number(db.value); begin(); } },
    Array.from({ length: state.session.databases }, (_, at) => h('option', { value: at, selected: at === state.db }, 'db ' + at)));
  const search = h('form', { class: 'row', onsubmit: (event) => { event.preventDefault(); begin(); } }, pattern, type, db, h('button', { class: 'main' }, 'Find'));
  const element = h('div', { class: 'split' },
    h('section', { class: 'panel', 'aria-label': 'Keys' }, h('header', {}, search), list, h('div', { class: 'foot' }, foot, h('span', { class: 'end' }), more)), detail);
  let cursor = '0', found = 0, run = 0;

  function begin() {
    cursor = '0'; found = 0; run += 1;
    list.replaceChildren();
    scan();
  }

  /** Goes on until there is a page more, the end is reached, or much was looked at for nothing. */
  async function scan() {
    const mine = run;
    more.disabled = true;
    foot.textContent = 'looking …';
    try {
      let added = 0;
      // A name without wildcards is that key, however many others there are.
      const isName = pattern.value && !/[*?[\\]/.test(pattern.value);
      if (isName && cursor === '0' && !found) {
        const kind = text(await one('TYPE', pattern.value));
        if (mine !== run) return;
        if (kind !== 'none') {
          list.append(row(pattern.value, kind));
          foot.textContent = 'the key of this name';
          more.hidden = true;
          return;
        }
      }
      more.hidden = false;
      for (let turn = 0; turn < 40 && added < PAGE; turn += 1) {
        const [next, names] = await one('SCAN', cursor, ...(pattern.value ? ['MATCH', pattern.value] : []), 'COUNT', turn < 2 ? PAGE : 2000, ...(type.value ? ['TYPE', type.value] : []));
        if (mine !== run) return;
        const types = names.length ? await ask(...names.map((name) => ['TYPE', name])) : [];
        if (mine !== run) return;
        names.forEach((name, at) => list.append(row(name, types[at])));
        added += names.length; found += names.length; cursor = text(next);
        if (cursor === '0') break;
      }
      const isEnd = cursor === '0';
      foot.textContent = `${found} key${found === 1 ? '' : 's'}` + (isEnd ? (found ? ', all of them' : ' found') : ' so far');
      more.disabled = isEnd;
      more.hidden = isEnd;
    } catch (error) {
      if (error.status === 401 && state.session.mode !== 'anybody') return expired();
      foot.textContent = error.message;
      more.disabled = false;
    }
  }

  function row(name, type) {
    const button = h('button', { type: 'button', onclick: () => {
      list.querySelectorAll('[aria-current]').forEach((other) => other.removeAttribute('aria-current'));
      button.setAttribute('aria-current', 'true');
      open(detail, name);
    } }, h('span', { class: 'name', title: text(name) }, text(name)), h('span', { class: 'kind', 'data-kind': kindOf(text(type)) }, kindOf(text(type))));
    return h('li', {}, button);
  }

  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...list.querySelectorAll('button')];
    buttons[buttons.indexOf(document.activeElement) + step]?.focus();
    event.preventDefault();
  });
  begin();
  return { element, show() {}, leave() { run += 1; } };
}

/** Shows one key. */
async function open(place, key) {
  await fill(place, async () => {
    const [type, ttl, encoding, size] = await ask(['TYPE', key], ['PTTL', key], ['OBJECT', 'ENCODING', key], ['MEMORY', 'USAGE', key]);
    if (text(type) === 'none') return h('section', { class: 'panel' }, empty('The key is gone.'));
    const kind = text(type);
    const body = h('div', {});
    const remarks = [kindOf(kind), !isError(encoding) && kind !== 'ReJSON-RL' ? text(encoding) : null, isError(size) ? null : bytes(Number(size)),
      isError(ttl) ? null : ttl < 0 ? 'no deadline' : `expires in ${age(ttl / 1000)}`].filter(Boolean);
    const view = VIEWS[kind];
    const element = h('section', { class: 'panel', 'aria-label': 'Key' },
      h('header', {}, h('span', { class: 'keyname' }, text(key)), h('span', { class: 'muted small' }, remarks.join(' · ')),
        h('span', { class: 'end' }, h('button', { type: 'button', class: 'quiet', onclick: () => open(place, key) }, 'Reload'))), body);
    fill(body, () => view ? view(key, body) : empty(`Values of type ${kind} are not shown here.`));
    if (matchMedia('(max-width: 940px)').matches) setTimeout(() => element.scrollIntoView({ block: 'start', behavior: 'smooth' }));
    return element;
  });
}

/** A table that grows by pages: `next` gives rows and whether there are more. */
async function paged(columns, next, total) {
  const rows = [];
  const place = h('div');
  const foot = h('div', { class: 'foot' });
  const turn = async () => {
    const { rows: page, isEnd } = await next(rows.length);
    rows.push(...page);
    place.replaceChildren(rows.length ? table(columns, rows) : empty('Nothing in here.'));
    foot.replaceChildren(h('span', {}, total === undefined ? `${rows.length} shown` : `${rows.length.toLocaleString('en')} of ${Number(total).toLocaleString('en')}`),
      isEnd ? '' : h('button', { type: 'button', onclick: () => fill(foot, turn) }, 'More'));
  };
  await turn();
  return [place, foot];
}

const value = (item) => h('pre', {}, clip(text(item)));
const clip = (line) => line.length > 2000 ? line.slice(0, 2000) + ` … (${line.length.toLocaleString('en')} characters)` : line;

/** Pages of HSCAN, SSCAN. */
function scanned(command, key, width) {
  let cursor = '0';
  return async () => {
    const rows = [];
    do {
      const [next, items] = await one(command, key, cursor, 'COUNT', PAGE);
      cursor = text(next);
      for (let at = 0; at < items.length; at += width) rows.push(items.slice(at, at + width).map(value));
    } while (cursor !== '0' && rows.length < PAGE);
    return { rows, isEnd: cursor === '0' };
  };
}

const VIEWS = {
  async string(key, place) {
    const [length, start] = await ask(['STRLEN', key], ['GETRANGE', key, 0, TEXT_BYTES - 1]);
    if (isError(start)) throw new Refused(200, start.error);
    const shown = pretty(start);
    const cut = length > TEXT_BYTES ? h('div', { class: 'foot' }, `the first ${bytes(TEXT_BYTES)} of ${bytes(length)}`) : null;
    return [h('pre', { class: 'value' }, shown), cut].filter(Boolean);
  },
  async list(key) {
    const total = await one('LLEN', key);
    return paged([['place', true], ['element']], async (from) => {
      const items = await one('LRANGE', key, from, from + PAGE - 1);
      return { rows: items.map((item, at) => [from + at, value(item)]), isEnd: from + items.length >= total || !items.length };
    }, total);
  },
  async hash(key) { return paged([['field', false, 'slim'], ['value']], scanned('HSCAN', key, 2), await one('HLEN', key)); },
  async set(key) { return paged([['member']], scanned('SSCAN', key, 1), await one('SCARD', key)); },
  async zset(key) {
    const total = await one('ZCARD', key);
    return paged([['rank', true], ['score', true], ['member']], async (from) => {
      const items = listOf(await one('ZRANGE', key, from, from + PAGE - 1, 'WITHSCORES'));
      const pairs = Array.isArray(items[0]) ? items : pairsOf(items);
      return { rows: pairs.map(([member, score], at) => [from + at, text(score), value(member)]), isEnd: from + pairs.length >= total || !pairs.length };
    }, total);
  },
  async stream(key) {
    const [total, groups] = await ask(['XLEN', key], ['XINFO', 'GROUPS', key]);
    let from = '-';
    const entries = await paged([['entry', false, 'slim'], ['fields']], async () => {
      const items = await one('XRANGE', key, from, '+', 'COUNT', PAGE);
      if (items.length) from = '(' + text(items[items.length - 1][0]);
      return { rows: items.map(([id, fields]) => [h('span', { class: 'mono' }, text(id)), h('pre', {}, clip(pairsOf(fields).map(([name, item]) => text(name) + ': ' + text(item)).join('\n')))]), isEnd: items.length < PAGE };
    }, total);
    if (isError(groups) || !groups.length) return entries;
    const rows = groups.map(objectOf).map((group) => [text(group.name), text(group.consumers), text(group.pending), text(group['last-delivered-id']), text(group.lag)]);
    return [table([['group'], ['consumers', true], ['pending', true], ['last delivered'], ['lag', true]], rows), ...entries];
  },
  async 'ReJSON-RL'(key) {
    const [type, size] = await ask(['JSON.TYPE', key], ['MEMORY', 'USAGE', key]);
    if (!isError(size) && size > 2 << 20) {
      const names = text(type).includes('object') ? listOf(await one('JSON.OBJKEYS', key)) : [];
      return [empty(`The value takes ${bytes(size)}: only its members are listed.`), table([['member']], names.slice(0, 1000).map((name) => [text(name)]))];
    }
    return h('pre', { class: 'value' }, pretty(await one('JSON.GET', key)));
  },
  async vectorset(key) {
    const [info, sample] = await ask(['VINFO', key], ['VRANDMEMBER', key, 50]);
    const facts = h('dl', { class: 'facts body' }, pairsOf(info).map(([name, item]) => [h('dt', {}, text(name)), h('dd', {}, text(item))]));
    const near = h('div');
    const element = (name) => h('button', { type: 'button', class: 'quiet mono', onclick: () => fill(near, () => neighbours(key, name)) }, text(name));
    return [facts, h('div', { class: 'foot' }, 'Some elements; choose one to see what is near it.'), h('div', { class: 'body row' }, listOf(sample).map(element)), near];
  },
};

async function neighbours(key, name) {
  const items = pairsOf(await one('VSIM', key, 'ELE', name, 'WITHSCORES', 'COUNT', 20));
  return table([['near ' + text(name)], ['similarity', true]], items.map(([element, score]) => [text(element), Number(text(score)).toFixed(4)]));
}

/** Text with JSON laid out and its parts told apart, where it is JSON. */
function pretty(content) {
  if (isHex(content)) return hexView(content.hex);
  const line = text(content);
  if (!/^\s*[[{]/.test(line)) return line;
  try { return highlight(JSON.stringify(JSON.parse(line), null, 2)); } catch { return line; }
}

function highlight(json) {
  const fragment = document.createDocumentFragment();
  const parts = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\btrue\b|\bfalse\b|\bnull\b)/g;
  let at = 0;
  for (const part of json.matchAll(parts)) {
    fragment.append(json.slice(at, part.index));
    fragment.append(h('span', { class: part[3] !== undefined ? 'json-n' : part[2] !== undefined ? 'json-k' : 'json-s' }, part[1] ?? part[3]), part[2] ?? '');
    at = part.index + part[0].length;
  }
  fragment.append(json.slice(at));
  return fragment;
}

/** Bytes in rows of sixteen. */
function hexView(hex) {
  const rows = [];
  for (let at = 0; at < Math.min(hex.length, 8192); at += 32) {
    const row = hex.slice(at, at + 32);
    const pairs = row.replace(/../g, '$& ').padEnd(48);
    rows.push((at / 2).toString(16).padStart(6, '0') + '  ' + pairs + ' ' + row.replace(/../g, (pair) => { const code = parseInt(pair, 16); return code > 31 && code < 127 ? String.fromCharCode(code) : '.'; }));
  }
  return rows.join('\n') + (hex.length > 8192 ? '\n…' : '');
}
