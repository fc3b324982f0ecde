import { draw } from './dom.js';

/** Seconds that are shown. */
const SHOWN = 60;
/** The figure beside it is the mean of so many: encoders send in bursts. */
const MEAN_OF = 4;
const HEIGHT = 24;

/** Bits per second of one stream, from how many bytes it had at each event. */
export class Rate {
  #last;
  #rates = [];

  /** @param at milliseconds, of the server. */
  add(at, bytes) {
    const last = this.#last;
    if (last !== undefined && at <= last.at) return;
    this.#last = { at, bytes };
    if (last === undefined || bytes < last.bytes) return;
    this.#rates.push(((bytes - last.bytes) * 8000) / (at - last.at));
    if (this.#rates.length > SHOWN) this.#rates.shift();
  }

  /** Oldest first. */
  get rates() {
    return this.#rates;
  }

  /** Undefined until there are two events. */
  get now() {
    const recent = this.#rates.slice(-MEAN_OF);
    return recent.length === 0 ? undefined : recent.reduce((sum, rate) => sum + rate, 0) / recent.length;
  }
}

/** A small graph that ends at its right edge now; the number beside it is what is read out. */
export class Sparkline {
  #area = draw('path', { class: 'area' });
  #line = draw('path', { class: 'line', 'vector-effect': 'non-scaling-stroke' });
  element = draw(
    'svg',
    {
      class: 'sparkline',
      viewBox: `0 0 ${SHOWN - 1} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    this.#area,
    this.#line,
  );

  draw(rates) {
    if (rates.length < 2) return;
    // Of a steady stream the line is above the middle, and does not dance.
    const top = Math.max(...rates) * 1.25 || 1;
    const from = SHOWN - rates.length;
    const points = rates.map((rate, i) => `${from + i} ${(HEIGHT - (rate / top) * HEIGHT).toFixed(2)}`);
    const path = `M${points.join('L')}`;
    this.#line.setAttribute('d', path);
    this.#area.setAttribute('d', `${path}V${HEIGHT}H${from}Z`);
  }
}
