// Requests a second: used against allowed, now and lately.

import { h, setAttribute, setText, svg } from "./dom.js";
import { rate } from "./words.js";

const [WIDTH, HEIGHT, SHOWN] = [240, 48, 120];

export class RateView {
  #now = h("p", { class: "count" });
  #detail = h("p", { class: "detail" });
  #area = svg("polygon", { class: "area" });
  #line = svg("polyline", { class: "line" });
  #allowed = svg("line", { class: "allowed", x1: 0, x2: WIDTH });
  #chart = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
    this.#area, this.#line, this.#allowed);

  element = h("div", { class: "card rate" },
    h("h3", {}, "Requests a second"), h("div", { class: "figures" }, this.#now, this.#detail), this.#chart);

  update({ rate: rates, used, limit }) {
    const now = used.at(-1) ?? 0;
    setText(this.#now, rate(now));
    setText(this.#detail, `of ${rate(rates.allowed)} allowed${whyOf(rates, limit)}`);
    const top = Math.max(rates.allowed, ...used, 0.001) * 1.08;
    const y = (value) => (HEIGHT - (value / top) * HEIGHT).toFixed(1);
    const step = WIDTH / (SHOWN - 1);
    const left = WIDTH - (used.length - 1) * step;
    const points = used.map((value, place) => `${(left + place * step).toFixed(1)},${y(value)}`);
    setAttribute(this.#line, "points", points.join(" "));
    setAttribute(this.#area, "points", [`${left.toFixed(1)},${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`].join(" "));
    setAttribute(this.#allowed, "y1", y(rates.allowed));
    setAttribute(this.#allowed, "y2", y(rates.allowed));
    setAttribute(this.#chart, "aria-label", `The last two minutes: ${rate(now)} of ${rate(rates.allowed)} requests a second now`);
  }
}

function whyOf(rates, limit) {
  if (limit) return `; learnt limit ${limit}`;
  const wanted = rates.set ?? rates.configured;
  if (rates.allowed < wanted) return `, on the way to ${rate(wanted)}`;
  return rates.set === null ? "" : ", set by an operator";
}
