// The frame: views, login, light and dark, the clock.

const VIEWS_OF_PAGE = { overview: ['Overview', overview], keys: ['Keys', keys], indexes: ['Indexes', indexes], activity: ['Activity', activity], shell: ['Commands', shell] };
let view = null;
let isOver = false;

function go(name) {
  state.view = name in VIEWS_OF_PAGE ? name : 'overview';
  view?.leave();
  for (const tab of $('#tabs').children) {
    const isThis = tab.dataset.view === state.view;
    tab.setAttribute('aria-selected', String(isThis));
    tab.tabIndex = isThis ? 0 : -1;
    if (isThis) tab.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
  view = VIEWS_OF_PAGE[state.view][1]();
  $('#main').replaceChildren(view.element);
  view.show();
  if (location.hash.slice(1) !== state.view) history.replaceState(null, '', '#' + state.view);
}

function tabs() {
  const bar = $('#tabs');
  bar.replaceChildren(...Object.entries(VIEWS_OF_PAGE).map(([name, [title]]) => h('button', { type: 'button', role: 'tab', 'data-view': name, onclick: () => go(name) }, title)));
  bar.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...bar.children];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus();
    go(next.dataset.view);
  });
}

// Light and dark.

const media = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (document.documentElement.dataset.theme || (media.matches ? 'dark' : 'light')) === 'dark';

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  try { if (name) localStorage.setItem('kora-theme', name); } catch { /* Without storage it is chosen anew each time. */ }
  $('#theme').textContent = isDark() ? 'Light' : 'Dark';
  view?.show();
}

// Login.

function form(done) {
  const user = h('input', { autocomplete: 'username', placeholder: 'default', spellcheck: false });
  const password = h('input', { type: 'password', autocomplete: 'current-password' });
  const problem = h('p', { class: 'bad small', role: 'alert' });
  const enter = h('button', { class: 'main' }, 'Log in');
  const submit = async (event) => {
    event.preventDefault();
    enter.disabled = true;
    problem.textContent = '';
    try {
      await api('/api/login', { user: user.value, password: password.value });
      done();
      await begin();
    } catch (error) {
      problem.textContent = error.message;
      password.select();
    } finally { enter.disabled = false; }
  };
  return h('section', { class: 'panel login', 'aria-label': 'Log in' }, h('header', {}, h('h2', {}, 'Log in')),
    h('form', { onsubmit: submit }, h('label', { class: 'field' }, h('span', { class: 'muted small' }, 'User'), user), h('label', { class: 'field' }, h('span', { class: 'muted small' }, 'Password'), password), problem, enter));
}

function loginDialog() {
  const dialog = h('dialog', {}, form(() => dialog.close()));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

async function logout() {
  await api('/api/logout', {});
  await begin();
}

/** The session has ended. */
async function expired() {
  if (isOver) return;
  isOver = true;
  await begin();
  notice('Your session has ended.');
}

async function begin() {
  notice('');
  isOver = false;
  try { state.session = await api('/api/session'); }
  catch (error) { notice(error.message); setTimeout(begin, 3000); return; }
  const { mode, user, version } = state.session;
  $('#instance').textContent = `${version} · ${location.host}`;
  const log = $('#log');
  log.hidden = mode === 'stranger';
  log.textContent = mode === 'anybody' ? 'Log in' : 'Log out';
  log.onclick = mode === 'anybody' ? loginDialog : logout;
  $('#user').textContent = mode === 'anybody' ? 'read only' : mode === 'reader' ? `${user}, read only` : user;
  $('#tabs').hidden = mode === 'stranger';
  live.last = null; live.samples = [];
  if (mode === 'stranger') {
    view?.leave();
    view = null;
    $('#main').replaceChildren(form(() => {}));
    $('#main input').focus();
    return;
  }
  go(location.hash.slice(1) || 'overview');
  tick();
}

// The clock.

let timer = null;

async function tick() {
  clearTimeout(timer);
  if (document.hidden || state.session.mode === 'stranger') return;
  const pulse = $('#pulse');
  try {
    await readLive();
    if (!$('#pulse').classList.contains('on')) notice('');
    pulse.className = 'pulse on';
    void pulse.offsetWidth;
    pulse.classList.add('beat');
    view?.show();
  } catch (error) {
    pulse.className = 'pulse off';
    if (error.status === 401) return expired();
    notice(error.message);
  }
  timer = setTimeout(tick, PERIOD_S * 1000);
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) tick(); });
window.addEventListener('hashchange', () => { const name = location.hash.slice(1); if (view && name !== state.view) go(name); });
window.addEventListener('resize', () => view?.show());
media.addEventListener('change', () => theme());
try { const chosen = localStorage.getItem('kora-theme'); if (chosen) document.documentElement.dataset.theme = chosen; } catch { /* As the system has it. */ }
$('#theme').addEventListener('click', () => theme(isDark() ? 'light' : 'dark'));
theme();
tabs();
begin();
