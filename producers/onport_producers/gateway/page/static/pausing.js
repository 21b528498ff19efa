// Asking what is to be paused.

import { byId, h } from "./dom.js";
import { asked } from "./talk.js";

const KINDS = ["sale", "product", "acknowledge", "disconnect"];

// Resolves to the wish, or to null.
export async function askedPause(channels) {
  const scopes = [
    ["account", "everything of this account"],
    ["lane:high", "the high lane: new sales"],
    ["lane:low", "the low lane: everything else"],
  ];
  for (const channel of channels) scopes.push([`channel:${channel}`, `channel ${channel}`]);
  for (const channel of channels) {
    for (const kind of KINDS) scopes.push([`endpoint:${channel}:${kind}`, `${kind} requests of channel ${channel}`]);
  }
  const scope = byId("pause-scope");
  scope.replaceChildren(...scopes.map(([value, text]) => h("option", { value }, text)));
  byId("pause-term").value = "";
  byId("pause-reason").value = "";
  if (!(await asked(byId("pausing")))) return null;
  const term = byId("pause-term").value;
  return { scope: scope.value, seconds: term ? Number(term) : null, reason: byId("pause-reason").value.trim() };
}
