// What is pending, a row for each stream.

import { Rows, h, setText, show } from "./dom.js";
import { duration, number } from "./words.js";

export class StreamsView {
  #rows;
  #table;
  #empty = h("p", { class: "empty" }, "Nothing is pending.");

  constructor() {
    const body = h("tbody");
    const heads = ["What", "Pending", "Oldest", "Expected"].map((head) => h("th", { scope: "col" }, head));
    this.#table = h("table", {}, h("thead", {}, h("tr", {}, ...heads)), body);
    this.#rows = new Rows(body, (stream) => `${stream.lane}:${stream.channel}:${stream.kind}`, streamRow);
    this.element = h("section", { class: "card" }, h("h3", {}, "Pending"), this.#table, this.#empty);
  }

  update(streams) {
    this.#rows.update(streams);
    show(this.#table, streams.length > 0);
    show(this.#empty, streams.length === 0);
  }
}

function streamRow(stream) {
  const pending = h("td", { class: "figure", "data-head": "Pending" });
  const oldest = h("td", { class: "figure", "data-head": "Oldest" });
  const expected = h("td", { "data-head": "Expected" });
  const what = h("th", { scope: "row" },
    h("span", { class: "stream-name" }, stream.name), h("span", { class: "tag" }, `${stream.lane} lane`));
  return {
    element: h("tr", {}, what, pending, oldest, expected),
    update(now) {
      setText(pending, number(now.pending));
      setText(oldest, duration(now.oldest_ms));
      setText(expected, now.expected);
    },
  };
}
