// Lines over time, drawn on a canvas.

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

function prepare(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** A round number at or above a value. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.999) ?? value;
}

/** The same in units of 1024. */
function byteCeiling(value) {
  const unit = 1024 ** Math.max(0, Math.floor(Math.log(Math.max(value, 1)) / Math.log(1024)));
  return ceiling(value / unit) * unit;
}

const SPAN = 150; // samples that are kept

/** How many samples wide a chart is: it grows until all are there. */
const breadth = (samples) => [30, 60, 90].find((most) => samples <= most) ?? SPAN;

/** A small line without axes. */
function spark(canvas, values, tone = 'one') {
  const sheet = prepare(canvas);
  const known = values.filter(Number.isFinite);
  if (!sheet || known.length < 2) return;
  const { pen, width, height } = sheet;
  const most = Math.max(...known), least = Math.min(0, ...known);
  const x = (at) => width - (values.length - 1 - at) / (breadth(values.length) - 1) * width;
  const y = (value) => height - 2 - (value - least) / (most - least || 1) * (height - 6);
  trace(pen, values, x, y);
  pen.strokeStyle = color(tone);
  pen.lineWidth = 1.5;
  pen.lineJoin = 'round';
  pen.stroke();
  pen.lineTo(width, height);
  pen.lineTo(x(values.findIndex(Number.isFinite)), height);
  pen.closePath();
  pen.globalAlpha = 0.1;
  pen.fillStyle = color(tone);
  pen.fill();
  pen.globalAlpha = 1;
}

function trace(pen, values, x, y) {
  pen.beginPath();
  let isOpen = false;
  values.forEach((value, at) => {
    if (!Number.isFinite(value)) { isOpen = false; return; }
    if (isOpen) pen.lineTo(x(at), y(value)); else pen.moveTo(x(at), y(value));
    isOpen = true;
  });
}

/** A chart of several lines: `lines` are {name, tone, key, filled}, `show` writes a number, `log` chooses a logarithmic scale. */
class Chart {
  constructor(title, lines, show, options = {}) {
    Object.assign(this, { lines, show, options, samples: [], at: null });
    this.canvas = h('canvas', { role: 'img', 'aria-label': title });
    this.legend = h('div', { class: 'legend' });
    this.tip = h('div', { class: 'tip', hidden: true });
    this.element = panel(title, this.legend, h('div', { class: 'chart' }, this.canvas, this.tip));
    this.canvas.addEventListener('pointermove', (event) => { this.at = event.offsetX; this.draw(); });
    this.canvas.addEventListener('pointerleave', () => { this.at = null; this.draw(); });
  }

  set(samples) {
    this.samples = samples;
    const last = samples[samples.length - 1] || {};
    this.legend.replaceChildren(...this.lines.map((line) => {
      const mark = h('i');
      mark.style.background = `var(--${line.tone})`;
      return h('span', {}, mark, line.name + ' ', h('b', {}, this.show(last[line.key])));
    }));
    this.draw();
  }

  /** The ends of the scale, and the values at which lines are drawn across. */
  scale(values) {
    const most = Math.max(...values, 0);
    if (!this.options.log) {
      const top = (this.options.bytes ? byteCeiling : ceiling)(most * 1.04);
      return { low: 0, high: top, marks: [0, 0.25, 0.5, 0.75, 1].map((part) => part * top), place: (value) => value };
    }
    const least = Math.min(...values.filter((value) => value > 0));
    const low = Math.floor(Math.log10(Number.isFinite(least) ? least : 100));
    const high = Math.max(low + 1, Math.ceil(Math.log10(most || 1000)));
    const marks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
    return { low, high, marks, place: (value) => Math.log10(Math.max(value, 10 ** low)) };
  }

  draw() {
    const sheet = prepare(this.canvas);
    if (!sheet) return;
    const { pen, width, height } = sheet;
    const values = this.lines.flatMap((line) => this.samples.map((sample) => sample[line.key])).filter(Number.isFinite);
    const { low, high, marks, place } = this.scale(values.length ? values : [0]);
    const left = 62, bottom = height - 20, top = 8;
    const y = (value) => bottom - (place(value) - low) / (high - low || 1) * (bottom - top);
    const span = breadth(this.samples.length);
    const x = (at) => width - 4 - (this.samples.length - 1 - at) / (span - 1) * (width - 4 - left);
    pen.font = '11px ' + getComputedStyle(document.body).fontFamily;
    pen.textBaseline = 'middle';
    pen.lineWidth = 1;
    for (const mark of marks) {
      const across = Math.round(y(mark)) + 0.5;
      pen.strokeStyle = color('line');
      pen.beginPath(); pen.moveTo(left, across); pen.lineTo(width - 4, across); pen.stroke();
      pen.fillStyle = color('muted');
      pen.textAlign = 'right';
      pen.fillText(this.show(mark), left - 8, across);
    }
    pen.textBaseline = 'alphabetic';
    const minutes = span * PERIOD_S / 60;
    [[left, 'left', `−${minutes} min`], [(left + width - 4) / 2, 'center', `−${minutes / 2} min`], [width - 4, 'right', 'now']].forEach(([place, align, label]) => {
      pen.textAlign = align;
      pen.fillText(label, place, height - 4);
    });
    for (const line of this.lines) {
      const series = this.samples.map((sample) => sample[line.key]);
      trace(pen, series, x, y);
      pen.strokeStyle = color(line.tone);
      pen.lineWidth = 1.75;
      pen.lineJoin = 'round';
      pen.setLineDash(line.dashed ? [4, 4] : []);
      pen.stroke();
      pen.setLineDash([]);
      const first = series.findIndex(Number.isFinite);
      if (line.filled && first >= 0) {
        pen.lineTo(x(series.length - 1), bottom);
        pen.lineTo(x(first), bottom);
        pen.globalAlpha = 0.08;
        pen.fillStyle = color(line.tone);
        pen.fill();
        pen.globalAlpha = 1;
      }
    }
    this.point(pen, x, { left, top, bottom, width, span });
  }

  /** What stands where the pointer is. */
  point(pen, x, { left, top, bottom, width, span }) {
    this.tip.hidden = true;
    if (this.at === null || !this.samples.length) return;
    const step = (width - 4 - left) / (span - 1);
    const at = Math.round(this.samples.length - 1 - (width - 4 - this.at) / step);
    const sample = this.samples[at];
    if (!sample) return;
    pen.strokeStyle = color('muted');
    pen.beginPath(); pen.moveTo(x(at), top); pen.lineTo(x(at), bottom); pen.stroke();
    this.tip.hidden = false;
    this.tip.textContent = clock(sample.ms) + '  ' + this.lines.map((line) => line.name + ' ' + this.show(sample[line.key])).join('  ');
    const right = x(at) + 22 + this.tip.offsetWidth > width;
    this.tip.style.left = (right ? Math.max(14, x(at) + 6 - this.tip.offsetWidth) : x(at) + 24) + 'px';
  }
}
