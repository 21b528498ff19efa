// The picture of one account: made once, then kept up to date.

import { Rows, h, setAttribute, setText, show } from "./dom.js";
import { LettersView } from "./letters.js";
import { askedPause } from "./pausing.js";
import { RateView } from "./rate.js";
import { act } from "./relay.js";
import { forecastOf, headlineOf, noticesOf, stateOf } from "./state.js";
import { StreamsView } from "./streams.js";
import { toast } from "./talk.js";
import { ago, capital, duration, many, number } from "./words.js";

const LANES = [["high", "New sales"], ["low", "Everything else"]];
const SMALL = [
  ["in_flight", "In flight", "Being sent now"],
  ["waiting", "Waiting", "For the outcome of an earlier one of their key"],
  ["delayed", "Delayed", "Until they are due: a retry, or put ahead of time"],
];

export class AccountView {
  #failed;
  #channels = [];
  #parts = {};
  #lanes = {};
  #small = {};

  constructor(name, failed) {
    this.name = name;
    this.#failed = failed;
    this.element = this.#make();
  }

  update(account, away) {
    const { picture, spool } = account;
    const { state, headline, forecast, body } = this.#parts;
    const now = stateOf(account, away);
    this.#channels = account.channels;
    setText(state, now.word);
    setAttribute(state, "data-level", now.level);
    setText(headline, headlineOf(account, away));
    setText(forecast, forecastOf(account, away));
    this.#notices.update(noticesOf(account, away));
    show(body, picture !== null);
    setAttribute(body, "data-is-stale", Boolean(away));
    for (const button of this.element.querySelectorAll("[data-acts]")) button.disabled = Boolean(away);
    if (picture) this.#updateBody(picture, spool, away);
  }

  #updateBody(picture, spool, away) {
    for (const [lane] of LANES) {
      const streams = picture.streams.filter((stream) => stream.lane === lane);
      const oldest = Math.max(0, ...streams.map((stream) => stream.oldest_ms));
      const { count, detail } = this.#lanes[lane];
      setText(count, number(picture.lanes[lane].pending));
      setText(detail, streams.length ? `the oldest for ${duration(oldest)}` : "nothing is pending");
    }
    for (const [key] of SMALL) setText(this.#small[key], number(picture[key]));
    this.#rate.update(picture);
    this.#streams.update(picture.streams);
    this.#letters.update(picture.dead, Boolean(away));
    this.#events.update(withKeys(picture.events));
    show(this.#parts.noEvents, !picture.events.length);
    this.#facts.update(factsOf(picture, spool));
  }

  #make() {
    const part = (name, tag, attributes, ...children) => (this.#parts[name] = h(tag, attributes, ...children));
    const notices = h("ul", { class: "notices", "aria-label": "Notices" });
    this.#notices = new Rows(notices, (notice) => notice.key, () => this.#notice());
    this.#rate = new RateView();
    this.#streams = new StreamsView();
    this.#letters = new LettersView(this.name, this.#failed);
    const events = h("ol", { class: "events" });
    this.#events = new Rows(events, (event) => event.key, eventRow);
    const facts = h("dl", { class: "facts" });
    this.#facts = new Rows(facts, (fact) => fact.name, factRow);
    const pause = h("button", { type: "button", "data-acts": true, onclick: () => this.#pause() }, "Pause …");
    return h("div", { class: "account" },
      h("section", { class: "hero", "aria-label": "In a word" },
        h("div", {},
          part("state", "p", { class: "pill" }),
          part("headline", "h2", { class: "headline" }),
          part("forecast", "p", { class: "forecast" })),
        pause),
      notices,
      part("body", "div", { class: "body" },
        h("section", { class: "tiles", "aria-label": "Figures" },
          ...LANES.map(([lane, title]) => this.#lane(lane, title)),
          this.#rate.element,
          h("div", { class: "card small" }, h("h3", {}, "On their way"),
            h("dl", {}, ...SMALL.map(([key, title, what]) => h("div", {},
              h("dt", { title: what }, title), (this.#small[key] = h("dd"))))))),
        h("div", { class: "columns" },
          h("div", {}, this.#streams.element, this.#letters.element),
          h("div", {},
            h("section", { class: "card" }, h("h3", {}, "What happened"), events,
              part("noEvents", "p", { class: "empty" }, "Nothing out of the ordinary.")),
            h("section", { class: "card" }, h("h3", {}, "The books"), facts)))));
  }

  #lane(lane, title) {
    const count = h("p", { class: "count" });
    const detail = h("p", { class: "detail" });
    this.#lanes[lane] = { count, detail };
    return h("div", { class: `card lane ${lane}` },
      h("h3", {}, title, h("span", { class: "tag" }, `${lane} lane`)), count, detail);
  }

  #notice() {
    let scope = null;
    const title = h("strong");
    const text = h("span", { class: "hostile" });
    const resume = () => this.#act("resume", { scope }, (done) => `${many(done, "pause")} ended.`);
    const button = h("button", { type: "button", "data-acts": true, onclick: resume }, "Resume");
    const element = h("li", {}, h("p", {}, title, " ", text), button);
    return {
      element,
      update(notice) {
        setAttribute(element, "data-level", notice.level);
        setText(title, notice.title);
        setText(text, notice.text);
        ({ scope } = notice);
        show(button, scope !== undefined);
      },
    };
  }

  async #pause() {
    const wish = await askedPause(this.#channels);
    if (wish) await this.#act("pause", wish, () => "Paused.");
  }

  async #act(what, wish, said) {
    try {
      toast(said(await act(what, { account: this.name, ...wish })));
    } catch (error) {
      this.#failed(error);
    }
  }

  #notices;
  #rate;
  #streams;
  #letters;
  #events;
  #facts;
}

// Two events of one sentence at one time are told apart by their order.
function withKeys(events) {
  return events.map((event, place) => ({ ...event, key: events.length - place }));
}

function eventRow() {
  const when = h("span", { class: "when" });
  const what = h("span", { class: "hostile" });
  return {
    element: h("li", {}, what, when),
    update(event) {
      setText(what, capital(event.sentence));
      setText(when, ago(event.ago_ms));
    },
  };
}

function factRow(fact) {
  const value = h("dd", { class: "hostile" });
  return { element: h("div", {}, h("dt", {}, fact.name), value), update: (now) => setText(value, now.value) };
}

function factsOf(picture, spool) {
  const ledger = picture.ledger;
  const facts = [
    ["Accepted", number(ledger.accepted)],
    ["Delivered", number(ledger.delivered)],
    ["Folded into others", number(ledger.folded)],
    ["Unchanged or superseded", number(ledger.unchanged + ledger.superseded)],
    ["Discarded", number(ledger.discarded)],
    ["Requests", number(ledger.requests)],
    ["Retried", number(ledger.retried)],
    ["Ledger", picture.imbalance ? `off by ${number(picture.imbalance)}` : "balances"],
    ["Workers", picture.workers.length ? picture.workers.join(", ") : "none"],
    ["Spool of this host", spool.puts ? many(spool.puts, "put") : "empty"],
  ];
  for (const { kind, items, bytes } of picture.sizes) {
    const bounds = [items && many(items, "item"), bytes && many(bytes, "byte")].filter(Boolean);
    facts.push([`Batches of ${kind}`, `at most ${bounds.join(" and ")}`]);
  }
  return facts.map(([name, value]) => ({ name, value }));
}
