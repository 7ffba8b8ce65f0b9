'use strict';
// Elements, numbers for people, and what is asked of the server. Text goes into the page as text only: nothing here makes markup of data.

const $ = (selector, root = document) => root.querySelector(selector);

function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name in element && name !== 'list') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const panel = (title, end, ...body) =>
  h('section', { class: 'panel', 'aria-label': title }, h('header', {}, h('h2', {}, title), end ? h('span', { class: 'end' }, end) : null), body);

const empty = (text) => h('p', { class: 'empty' }, text);

/** A table; a column is [heading, is a number, class of its cells]. */
function table(columns, rows) {
  const cell = (value, at) => {
    const properties = { class: [columns[at][1] ? 'n' : '', columns[at][2] || ''].join(' ').trim() };
    const content = value instanceof Node ? value : String(value ?? '');
    if (columns[at][2] === 'cut' && !(value instanceof Node)) properties.title = content;
    return h('td', properties, content);
  };
  return h('div', { class: 'scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, columns.map(([name, isNumber, style]) => h('th', { class: isNumber ? 'n' : style || '', scope: 'col' }, name)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map(cell))))));
}

// Numbers.

function count(value) {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return trim(value / 1e9) + ' G';
  if (size >= 1e6) return trim(value / 1e6) + ' M';
  if (size >= 1e4) return trim(value / 1e3) + ' k';
  return size >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : trim(value);
}

function trim(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function bytes(value) {
  if (!Number.isFinite(value)) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  while (Math.abs(value) >= 1024 && at < units.length - 1) { value /= 1024; at += 1; }
  return (at === 0 ? Math.round(value) : trim(value)) + ' ' + units[at];
}

function duration(ns) {
  if (!Number.isFinite(ns)) return '–';
  if (ns < 1e3) return Math.round(ns) + ' ns';
  if (ns < 1e6) return trim(ns / 1e3) + ' µs';
  if (ns < 1e9) return trim(ns / 1e6) + ' ms';
  return trim(ns / 1e9) + ' s';
}

function age(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 60) return Math.round(seconds) + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min';
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h ' + Math.floor(seconds % 3600 / 60) + ' min';
  return Math.floor(seconds / 86400) + ' d ' + Math.floor(seconds % 86400 / 3600) + ' h';
}

const percent = (part) => Number.isFinite(part) ? (part * 100).toFixed(part > 0.9995 || part === 0 ? 0 : 1) + ' %' : '–';
const sum = (list) => (list || []).reduce((total, value) => total + value, 0);
const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');

// The server.

class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

async function api(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  let response;
  try { response = await fetch(path, { ...options, credentials: 'same-origin', cache: 'no-store' }); }
  catch { throw new Refused(0, 'the server does not answer'); }
  const answer = await response.json().catch(() => ({ error: 'the answer is not JSON' }));
  if (!response.ok) throw new Refused(response.status, answer.error || response.statusText);
  return answer;
}

const state = { session: { mode: 'anybody', user: '', databases: 16 }, db: 0, view: 'overview' };

/** Replies of commands, which run together. */
async function ask(...commands) {
  const replies = [];
  for (let at = 0; at < commands.length; at += 512) {
    replies.push(...(await api('/api/command', { db: state.db, commands: commands.slice(at, at + 512) })).replies);
  }
  return replies;
}

/** The reply of one command; an error of the server's is thrown. */
async function one(...args) {
  const [reply] = await ask(args);
  if (isError(reply)) throw new Refused(200, reply.error);
  return reply;
}

// Replies. What is no plain JSON is an object with one member: see json.rs.

const isError = (reply) => reply !== null && typeof reply === 'object' && 'error' in reply;
const isHex = (reply) => reply !== null && typeof reply === 'object' && 'hex' in reply;
const isMap = (reply) => reply !== null && typeof reply === 'object' && !Array.isArray(reply) && 'map' in reply;
const listOf = (reply) => Array.isArray(reply) ? reply : isMap(reply) ? reply.map.flat() : reply?.set ?? [];

/** Pairs of a map, which may come as a flat list. */
function pairsOf(reply) {
  if (isMap(reply)) return reply.map;
  const flat = listOf(reply);
  if (flat.length && flat.every((item) => Array.isArray(item) && item.length === 2)) return flat;
  const pairs = [];
  for (let at = 0; at + 1 < flat.length; at += 2) pairs.push([flat[at], flat[at + 1]]);
  return pairs;
}

const objectOf = (reply) => Object.fromEntries(pairsOf(reply).map(([name, value]) => [text(name), value]));

/** A value as one line of text. */
function text(value) {
  if (value === null || value === undefined) return '(nil)';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(text).join(' ');
  if (isHex(value)) return escapeHex(value.hex);
  if ('error' in value) return value.error;
  if ('int' in value) return value.int;
  if ('double' in value) return value.double;
  if ('set' in value) return value.set.map(text).join(' ');
  if ('map' in value) return value.map.map(([name, item]) => text(name) + ': ' + text(item)).join(', ');
  return JSON.stringify(value);
}

/** Bytes that are no UTF-8, with what is printable as it is. */
const escapeHex = (hex) => hex.replace(/../g, (pair) => {
  const code = parseInt(pair, 16);
  return code >= 32 && code < 127 && code !== 92 ? String.fromCharCode(code) : '\\x' + pair;
});

/** A reply as redis-cli shows it. */
function tree(reply, indent = '') {
  const numbered = (items, mark) => {
    if (!items.length) return mark === '~' ? '(empty set)' : '(empty array)';
    const width = String(items.length).length;
    return items.map((item, at) => {
      const head = String(at + 1).padStart(width) + mark + ' ';
      return (at ? indent : '') + head + tree(item, indent + ' '.repeat(head.length));
    }).join('\n');
  };
  if (reply === null) return '(nil)';
  if (typeof reply === 'number') return '(number) ' + reply;
  if (typeof reply === 'boolean') return '(' + reply + ')';
  if (typeof reply === 'string') return reply.includes('\n') && indent === '' ? reply : JSON.stringify(reply);
  if (Array.isArray(reply)) return numbered(reply, ')');
  if (isError(reply)) return '(error) ' + reply.error;
  if (isHex(reply)) return '"' + escapeHex(reply.hex) + '"';
  if ('set' in reply) return numbered(reply.set, '~');
  if ('map' in reply) {
    if (!reply.map.length) return '(empty map)';
    return reply.map.map(([name, value], at) => (at ? indent : '') + text(name) + ' → ' + tree(value, indent + '    ')).join('\n');
  }
  return '(number) ' + text(reply);
}

// What goes wrong.

function notice(message) {
  const place = $('#notice');
  place.hidden = !message;
  place.textContent = message || '';
}

/** Fills a place with what `make` gives, or with why there is nothing. */
async function fill(place, make) {
  try {
    const content = await make();
    if (content) place.replaceChildren(...[content].flat());
  } catch (error) {
    if (error.status === 401 && state.session.mode !== 'anybody') return expired();
    place.replaceChildren(h('p', { class: 'empty' }, error.message));
  }
}
