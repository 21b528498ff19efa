// The page: who is let in, which account is shown, and whether what is shown is live.

import { AccountView } from "./account.js";
import { Rows, byId, h, setAttribute, setText, show } from "./dom.js";
import { Pictures, SignedOutError, close, isOpen, open } from "./relay.js";
import { stateOf } from "./state.js";
import { toast } from "./talk.js";

const TOKEN = /^#token=(.+)$/;

let chosen = decodeURIComponent(location.hash.slice(1));
let latest = null;
let view = null;
let announced = null;

const pictures = new Pictures({ seen, lost, signedOut });
const tabs = new Rows(byId("accounts"), (account) => account.account, (account) => {
  const name = h("span", { class: "name" }, account.account);
  const element = h("button", { type: "button", onclick: () => choose(account.account) }, h("span", { class: "dot" }), name);
  return {
    element,
    update(now) {
      setAttribute(element, "aria-current", now.account === chosen);
      setAttribute(element, "data-level", stateOf(now, latest.away).level);
    },
  };
});

function seen(picture) {
  latest = picture;
  const names = picture.accounts.map((account) => account.account);
  if (!names.includes(chosen)) chosen = names[0];
  show(byId("accounts"), names.length > 1);
  tabs.update(picture.accounts);
  draw();
  setAttribute(byId("live"), "data-level", picture.away ? "bad" : "good");
  setText(byId("live-text"), picture.away ? "broker away" : picture.time);
}

function draw() {
  const account = latest.accounts.find((one) => one.account === chosen);
  if (view?.name !== chosen) {
    view = new AccountView(chosen, signedOutOr);
    byId("account").replaceChildren(view.element);
  }
  view.update(account, latest.away);
  show(byId("waiting"), false);
  show(byId("account"), true);
  const state = stateOf(account, latest.away);
  document.title = `${state.word} · Onport Relay`;
  if (announced !== state.word) setText(byId("announcement"), `${chosen}: ${state.word}`);
  announced = state.word;
}

function choose(account) {
  chosen = account;
  history.replaceState(null, "", `#${encodeURIComponent(account)}`);
  seen(latest);
}

function lost() {
  setAttribute(byId("live"), "data-level", "bad");
  setText(byId("live-text"), "no connection");
}

function signedOut() {
  pictures.stop();
  view = latest = null;
  for (const id of ["account", "accounts", "live", "sign-out", "waiting"]) show(byId(id), false);
  byId("account").replaceChildren();
  show(byId("sign-in"), true);
  byId("token").focus();
}

function signedIn() {
  show(byId("sign-in"), false);
  for (const id of ["live", "sign-out", "waiting"]) show(byId(id), true);
  setText(byId("live-text"), "connecting");
  pictures.start();
}

// What went wrong with something that was asked for.
function signedOutOr(error) {
  if (error instanceof SignedOutError) signedOut();
  else toast(error.message, "bad");
}

async function enter(token) {
  setText(byId("sign-in-fault"), "");
  try {
    await open(token);
  } catch (error) {
    signedOut();
    setText(byId("sign-in-fault"), error.message);
    return;
  }
  byId("token").value = "";
  signedIn();
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(byId("token").value);
});
byId("sign-out").addEventListener("click", () => close().then(signedOut, signedOutOr));

// A fragment is never sent, so that no log of a server or proxy has the token; here it goes at once.
async function begin() {
  const linked = TOKEN.exec(location.hash);
  if (linked) {
    history.replaceState(null, "", location.pathname);
    chosen = "";
    await enter(decodeURIComponent(linked[1]));
  } else if (await isOpen()) signedIn();
  else signedOut();
}

begin().catch((error) => {
  signedOut();
  setText(byId("sign-in-fault"), `The gateway does not answer: ${error.message}`);
});
// A page that is left may be kept for the way back: its stream would keep one of the few connections to the gateway.
window.addEventListener("pagehide", () => pictures.stop());
window.addEventListener("pageshow", (event) => event.persisted && latest && pictures.start());
window.addEventListener("hashchange", () => TOKEN.test(location.hash) && begin());
