// Dead letters: what they were answered, and what becomes of them.

import { Rows, byId, h, setAttribute, setText, show } from "./dom.js";
import { act, letters } from "./relay.js";
import { confirmed, toast } from "./talk.js";
import { ago, many, number } from "./words.js";

const FILTERS = [["kind", "kinds"], ["channel", "channels"], ["status", "answers"]];
const [SOON_MS, LATER_MS] = [3_000, 15_000];
const PAST = { replay: "will be sent again", discard: "discarded" };
const LOADING_PART = 10; // of the time, loading takes one part in so many

export class LettersView {
  #account;
  #failed;
  #dead = -1;
  #listing = null;
  #loadedAt = -Infinity;
  #dueAt = 0;
  #isLoading = false;
  #isBusy = false;
  #isAway = false;
  #selects = {};

  constructor(account, failed) {
    this.#account = account;
    this.#failed = failed;
    const selects = FILTERS.map(([name, all]) => {
      const select = h("select", { "aria-label": `Only these ${all}`, onchange: () => this.#choose() }, h("option", { value: "" }, `all ${all}`));
      this.#selects[name] = select;
      return select;
    });
    this.#replay = h("button", { type: "button", onclick: () => this.#replayAll() });
    this.#discard = h("button", { type: "button", class: "danger", onclick: () => this.#discardAll() });
    const list = h("ul", { class: "letters" });
    this.#rows = new Rows(list, (letter) => letter.key, (letter) => this.#row(letter));
    this.#full = h("div", {}, h("div", { class: "tools" }, h("div", { class: "filters" }, ...selects),
      h("div", { class: "buttons" }, this.#replay, this.#discard)), list, this.#more);
    this.element = h("section", { class: "card dead" }, h("h3", {}, "Dead letters ", this.#count), this.#empty, this.#full);
  }

  // Told how many there are with each picture.
  update(dead, isAway) {
    this.#isAway = isAway;
    setText(this.#count, dead ? number(dead) : "");
    show(this.#count, dead > 0);
    show(this.#empty, dead === 0);
    show(this.#full, dead > 0 && this.#listing !== null);
    const now = performance.now();
    const isOther = dead !== this.#dead || !this.#isOf(this.#chosen);
    const isOld = isOther ? now >= this.#dueAt : now > this.#loadedAt + LATER_MS;
    if (dead > 0 && isOld && !isAway) this.#load(dead);
    if (dead === 0) this.#dead = 0;
    this.#draw();
  }

  #choose() {
    this.#load();
    this.#draw();
  }

  // Whether the selects say just that.
  #isOf(chosen) {
    return Object.entries(this.#selects).every(([name, select]) => select.value === chosen[name]);
  }

  async #load(dead = this.#dead) {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const began = performance.now();
    const chosen = Object.fromEntries(Object.entries(this.#selects).map(([name, select]) => [name, select.value]));
    try {
      this.#listing = await letters({ account: this.#account, ...chosen });
      this.#chosen = chosen;
      this.#dead = dead;
    } catch (error) {
      this.#failed(error);
    }
    this.#loadedAt = performance.now();
    this.#dueAt = this.#loadedAt + Math.max(SOON_MS, (this.#loadedAt - began) * LOADING_PART);
    this.#isLoading = false;
    this.#draw();
    if (!this.#isOf(chosen)) await this.#load(); // chosen meanwhile
  }

  #draw() {
    if (!this.#listing) return;
    const { chosen, letters: newest, sorts, is_whole: isWhole } = this.#listing;
    for (const [name, select] of Object.entries(this.#selects)) offer(select, [...new Set(sorts.map((sort) => sort[name]))]);
    // "All" are those that the listing is of, not yet those that the selects say.
    const isOff = this.#isBusy || this.#isAway || chosen === 0 || !this.#isOf(this.#chosen);
    for (const button of [this.#replay, this.#discard]) button.disabled = isOff;
    const all = `${number(chosen)}${isWhole ? "" : "+"}`;
    setText(this.#replay, `Replay all ${all}`);
    setText(this.#discard, `Discard all ${all} …`);
    const elapsed = performance.now() - this.#loadedAt;
    this.#rows.update(newest.map((letter) => ({ ...letter, died_ms_ago: letter.died_ms_ago + elapsed })));
    for (const button of this.#full.querySelectorAll("li button")) button.disabled = this.#isBusy || this.#isAway;
    const left = chosen - newest.length;
    const read = isWhole ? "" : " Only the oldest dead letters are listed here; there are more.";
    setText(this.#more, (left > 0 ? `The newest ${number(newest.length)} of ${number(chosen)}.` : "") + read);
  }

  #row({ key, kind, channel }) {
    const status = h("span", { class: "status hostile" });
    const answer = h("p", { class: "answer hostile", role: "group", tabindex: 0 });
    const facts = h("span", { class: "muted" });
    const named = { keys: [key] };
    const element = h("li", {},
      h("div", { class: "about" }, h("p", { class: "key hostile", title: key }, key), h("p", { class: "meta" }, status, facts), answer),
      h("div", { class: "buttons" },
        h("button", { type: "button", "aria-label": `Replay ${key}`, onclick: () => this.#do("replay", named) }, "Replay"),
        h("button", { type: "button", class: "danger", "aria-label": `Discard ${key}`, onclick: () => this.#discardOne(key) }, "Discard …")));
    return {
      element,
      update(letter) {
        setText(status, letter.status || "no answer");
        setText(facts, `${kind} of channel ${channel}, after ${many(letter.attempts, "attempt")}, ${ago(letter.died_ms_ago)}`);
        setText(answer, letter.text);
        show(answer, Boolean(letter.text));
        setAttribute(answer, "aria-label", `Answer: ${letter.text ?? ""}`);
      },
    };
  }

  #replayAll() {
    return this.#do("replay", this.#shown());
  }

  async #discardAll() {
    const { chosen, is_whole: isWhole } = this.#listing;
    const what = `${isWhole ? "" : "more than "}${many(chosen, "dead letter")}`;
    const shown = this.#shown();
    if (await confirmed(`Discard ${what}?`, "They are dropped for good, with what they carry. A copy: onport-relay dead export", "Discard")) {
      await this.#do("discard", shown);
    }
  }

  async #discardOne(key) {
    if (await confirmed("Discard this dead letter?", `${key} is dropped for good, with what it carries.`, "Discard")) {
      await this.#do("discard", { keys: [key] });
    }
  }

  // What the listing was of, so that what has died since is left alone.
  #shown() {
    const { kind, channel, status } = this.#chosen;
    return { kind: kind || null, channel: channel || null, status: status || null, as_of_ms: this.#listing.as_of_ms };
  }

  async #do(what, wish) {
    this.#isBusy = true;
    this.#draw();
    try {
      const done = await act(what, { account: this.#account, ...wish });
      toast(`${many(done, "dead letter")} ${PAST[what]}.`);
    } catch (error) {
      this.#failed(error);
    }
    this.#isBusy = false;
    await this.#load();
    if (!document.activeElement || document.activeElement === document.body) byId("main").focus();
  }

  #chosen = {};
  #rows;
  #replay;
  #discard;
  #full;
  #count = h("span", { class: "tag bad" });
  #empty = h("p", { class: "empty" }, "None: nothing was given up.");
  #more = h("p", { class: "muted" });
}

function offer(select, values) {
  const wanted = values.filter((value) => value !== null).sort();
  const has = [...select.options].slice(1).map((option) => option.value);
  if (select.value && !wanted.includes(select.value)) wanted.push(select.value);
  show(select, wanted.length > 1);
  if (wanted.join("\n") === has.join("\n")) return;
  const value = select.value;
  select.replaceChildren(select.options[0], ...wanted.map((each) => h("option", { value: each }, each)));
  select.value = value;
}
