// A box for commands.

const past = { lines: [], at: 0 };

/** Words of a line, with quotes as redis-cli takes them. */
function words(line) {
  const found = [];
  let at = 0;
  while (at < line.length) {
    while (/\s/.test(line[at] ?? '')) at += 1;
    if (at >= line.length) break;
    let word = '';
    const quote = line[at] === '"' || line[at] === "'" ? line[at] : null;
    if (quote) {
      at += 1;
      for (;; at += 1) {
        if (at >= line.length) throw new Error('a quote is not closed');
        if (line[at] === quote) { at += 1; break; }
        if (line[at] !== '\\' || quote === "'" && line[at + 1] !== "'") { word += line[at]; continue; }
        at += 1;
        if (line[at] === 'x' && /^[0-9a-fA-F]{2}/.test(line.slice(at + 1))) { word += String.fromCharCode(parseInt(line.slice(at + 1, at + 3), 16)); at += 2; }
        else word += { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }[line[at]] ?? line[at] ?? '';
      }
    } else {
      while (at < line.length && !/\s/.test(line[at])) { word += line[at]; at += 1; }
    }
    found.push(word);
  }
  return found;
}

function shell() {
  const out = h('div', { class: 'out', 'aria-live': 'polite' });
  const input = h('input', { class: 'wide mono', placeholder: 'a command, such as GET key', 'aria-label': 'Command', spellcheck: false, autocomplete: 'off', autocapitalize: 'off' });
  const may = state.session.mode === 'user';
  const rights = may ? `as ${state.session.user}, under its rights` : 'only what reads: nobody has shown a password';
  out.append(h('p', { class: 'muted' }, `Commands run ${rights}. They stand for themselves: MULTI, SUBSCRIBE and the like are not for here.`));
  input.addEventListener('keydown', (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !past.lines.length) return;
    past.at = Math.max(0, Math.min(past.lines.length, past.at + step));
    input.value = past.lines[past.at] ?? '';
    event.preventDefault();
  });
  async function run(event) {
    event.preventDefault();
    const line = input.value.trim();
    if (!line) return;
    if (past.lines[past.lines.length - 1] !== line) past.lines.push(line);
    past.at = past.lines.length;
    input.value = '';
    const answer = h('pre', {}, '…');
    out.append(h('div', {}, h('pre', { class: 'asked' }, `db${state.db}> ${line}`), answer));
    try {
      const begun = performance.now();
      const [reply] = await ask(words(line));
      const shown = tree(reply);
      answer.textContent = shown.length > 200000 ? shown.slice(0, 200000) + '\n…' : shown;
      answer.classList.toggle('bad', isError(reply));
      const took = performance.now() - begun;
      if (took > 200) answer.append(h('span', { class: 'muted' }, `\n(${trim(took)} ms)`));
    } catch (error) {
      answer.textContent = error.message;
      answer.classList.add('bad');
      if (error.status === 401 && state.session.mode !== 'anybody') expired();
    }
    while (out.childElementCount > 60) out.firstChild.remove();
    out.scrollTop = out.scrollHeight;
  }
  const db = h('select', { 'aria-label': 'Database', onchange: () => { state.db = Number(db.value); } },
    Array.from({ length: state.session.databases }, (_, at) => h('option', { value: at, selected: at === state.db }, 'db ' + at)));
  const element = h('section', { class: 'panel shell', 'aria-label': 'Commands' }, h('header', {}, h('h2', {}, 'Commands'), h('span', { class: 'end' }, db)), out,
    h('form', { class: 'row', onsubmit: run }, input, h('button', { class: 'main' }, 'Run')));
  setTimeout(() => { if (matchMedia('(min-width: 721px)').matches) input.focus(); });
  return { element, show() {}, leave() {} };
}
